"""Help in groups with one example per command, and command lines that cannot be understood."""

import re
import shlex

import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import GROUPS, VERBS, cli

KEY = "it is a key of the spec: --set "


def said(*words):
    result = CliRunner().invoke(cli, list(words))
    return result.exit_code, result.stdout, result.stderr.strip()


def test_the_commands_stand_in_groups():
    text = said("--help")[1]
    assert all(f"\n{title}:\n" in text for title in GROUPS) and "qep init " in text
    assert sorted(VERBS) == sorted(set(VERBS))


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_an_example_that_can_be_parsed(verb):
    text = said(verb, "--help")[1]
    example = re.search(r"Example: qep (.*?)\Z", " ".join(text.split()))[1]
    command, words = cli.get_command(None, verb), shlex.split(example)
    assert words[0] == verb
    command.make_context(verb, words[1:])  # it raises an error for unknown options


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("gradient", "SPEC: missing; give the path of a spec in TOML; `qep init` writes one to start from"),
        ("status", "RUN: missing; give the folder of a run; `qep runs list` lists them"),
        ("gradient a.toml b.toml", "b.toml: unexpected; `qep gradient` takes SPEC; see `qep gradient --help`"),
        ("doctor now", "now: unexpected; `qep doctor` takes no arguments; see `qep doctor --help`"),
        ("gradient a.toml --shots 9", "--shots: `qep gradient` has no such option; " + KEY + "measurement.shots=VALUE"),
        ("plan a.toml --layers 9", "--layers: `qep plan` has no such option; " + KEY + "preparation.layers=VALUE"),
        ("gradient a.toml --sed 3", "--sed: `qep gradient` has no such option; did you mean '--seed'?"),
        ("--hlp", "--hlp: `qep` has no such option; did you mean '--help'?"),
        ("gradient a.toml --seed x", "--seed: 'x' is not a valid integer; see `qep gradient --help`"),
        ("help", "no command is called 'help'; write `qep --help`, or `qep VERB --help`"),
        ("version", "no command is called 'version'; write `qep --version` (`qep --help` lists the commands)"),
        ("fit a.toml", "no command is called 'fit'; did you mean 'train'? See `qep --help`"),
        ("gradient no.toml", "no.toml: no such file; give the path of a spec in TOML, or write one with `qep init`"),
        ("gradient empty.toml", "[network]: missing; a spec needs [network] and [cost]; `qep init` writes one to start from"),
        ("gradient .", ".: is a folder; give the path of a spec in TOML"),
        ("status empty.toml", "run: 'empty.toml' is a file; give the folder of a run (`qep runs list` lists them)"),
    ],
)  # fmt: skip
def test_one_line_says_what_to_do(tmp_path, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.toml").touch()
    assert said(*words.split()) == (2, "", f"qep: {line}")


@pytest.mark.parametrize(
    ("words", "key"),
    [("--set shots=100", "measurement.shots"), ("--set beta=1", "stencil.beta"), ("--set kind=1", "network.kind")],
)
def test_a_key_without_its_section_names_it(tmp_path, monkeypatch, small_spec, words, key):
    code, _, line = said("gradient", str(small_spec), *words.split())
    assert code == 2 and f"unknown key; did you mean {key}" in line


def test_a_rehearsal_refuses_an_unknown_device_before_it_starts(small_spec):
    code, out, line = said("rehearse", str(small_spec), "--device", "nope")
    assert (code, out) == (2, "") and line.startswith('qep: device.name: "nope" is not allowed')


@pytest.mark.parametrize(
    ("name", "close"), [("gradent", "gradient"), ("vqe", "VQE"), ("QEPclassifer", "QEPClassifier"), ("Simulator", "simulator")]
)
def test_a_misspelt_public_name_suggests_the_nearest(name, close):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; did you mean '{close}'\\?"):
        getattr(qep, name)
    with pytest.raises(AttributeError, match="no attribute '__gradient__'$"):
        getattr(qep, "__gradient__".lower())
