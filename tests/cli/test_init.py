"""`qep init`: starters that are written once, explain themselves, and run as they are."""

import json
import re

import pytest
from click.testing import CliRunner

from qep_qiskit.cli.init import ORDER, starter
from qep_qiskit.cli.main import cli


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def qep(*words):
    return CliRunner().invoke(cli, list(words))


def test_without_a_name_the_first_gradient_is_written(here):
    result = qep("init")
    assert result.exit_code == 0 and "qep gradient gradient.toml" in result.stdout and "Other starters: noise" in result.stdout
    assert (here / "gradient.toml").read_text() == starter("gradient").read_text()


def test_a_file_is_never_overwritten(here):
    (here / "noise.toml").write_text("mine")
    result = qep("init", "noise")
    assert result.exit_code == 2 and result.stdout == "" and result.stderr.count("\n") == 1
    assert result.stderr.startswith("qep: noise.toml: exists, and is not overwritten; give another file with -o")
    assert (here / "noise.toml").read_text() == "mine"


def test_the_commands_name_the_file(here):
    result = qep("init", "noise", "-o", "my noise.toml", "--json")
    document = json.loads(result.stdout)
    assert document["file"] == "my noise.toml" and document["next"][0].startswith("qep compare 'my noise.toml'")
    assert "noise.toml" not in (here / "my noise.toml").read_text().replace("'my noise.toml'", "")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("init", "trainin"), "NAME: no starter is called 'trainin'; did you mean 'training'?"),
        (("init", "../x"), "NAME: no starter is called '../x'; the starters are gradient, noise, training, hundred, oscillators"),
        (("init", "noise", "-o", "no/x.toml"), "--output: the folder 'no' does not exist; make it first, or give another file"),
    ],
)
def test_wrong_words(here, words, line):
    result = qep(*words)
    assert result.exit_code == 2 and result.stderr == f"qep: {line}\n" and list(here.iterdir()) == []


def test_the_list_names_every_starter():
    names = [row["name"] for row in json.loads(qep("init", "--list", "--json").stdout)["starters"]]
    assert names == list(ORDER) and all(name in qep("init", "--list").stdout for name in names)
    assert sorted(path.name for path in starter("x").parent.iterdir()) == sorted(f"{name}.toml" for name in ORDER)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name == "hundred" else name for name in ORDER])
def test_a_starter_runs_as_it_is(name):
    commands = json.loads(qep("init", name, "--json").stdout)["next"]
    if name == "training":
        document = json.loads(qep("train", "training.toml", "--set", "training.epochs=2", "--json").stdout)
        assert document["steps"] == 2 and document["shots"] > 0
    else:
        result = qep("gradient", f"{name}.toml", "--no-exact", "--json")
        assert result.exit_code == 0 and len(json.loads(result.stdout)["values"]) > 8, result.stderr
    verbs = cli.list_commands(None)
    assert all(re.match(r"qep (\S+) ", line)[1] in verbs for line in commands)
