"""The outputs of commands in docs/ can be written again by `docs/commands.py`."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def commands():
    spec = importlib.util.spec_from_file_location("docs_commands", DOCS / "commands.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def block(name, command, output):
    return f"<!-- command {name} -->\n```console\n$ {command}\n{output}```\n<!-- /command -->\n"


def test_only_the_named_outputs_are_written_again(commands, tmp_path):
    text = block("one", "qep --version", "old\n") + "between\n" + block("two", "qep --version", "old\n")
    again = commands.written_again(text, tmp_path, ["two"])
    assert again.startswith(block("one", "qep --version", "old\n") + "between\n")
    assert again.count("old") == 1 and again.count("```") == 4


def test_a_long_output_is_shortened_in_the_middle(commands, tmp_path):
    lines = commands.output("qep --help", tmp_path, None).splitlines()
    assert commands.output("qep --help", tmp_path, 4).splitlines() == [*lines[:2], "…", *lines[-2:]]


def test_every_command_of_a_document_has_an_output(commands):
    places = [match for path in DOCS.glob("*.md") for match in commands.PLACE.finditer(path.read_text(encoding="utf-8"))]
    assert places and all(match[5].strip() and match[4].startswith("qep ") for match in places)


def test_every_picture_of_the_document_is_there(commands):
    names = commands.PICTURE.findall((DOCS / "fifty_qubits.md").read_text(encoding="utf-8"))
    assert len(names) == 3 and all((DOCS / name).is_file() for name in names)
