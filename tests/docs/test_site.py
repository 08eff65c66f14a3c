"""The documentation site is complete: every page is reached, references list everything, snippets run, commands exist.

`make docs` itself, which executes the pages, is a step of `.ci/run`.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest

import qep_qiskit
from qep_qiskit import kinds, runs
from qep_qiskit.cli.main import VERBS, cli
from qep_qiskit.experiment.section import SectionOfKinds
from qep_qiskit.experiment.sections import SECTIONS, sections_with

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
    for path in DOCS.rglob("*.md")
    if "_build" not in path.parts
}
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.M | re.S)
RUN_BY_TESTS = {"contributing", "large_networks", "oscillators", "tutorials/layer"}
"""Pages whose snippets are run by tests (tests/test_contributing.py, tests/test_readme.py, tests/test_torch_layer.py)."""


def entries(page: str) -> list[str]:
    """Return the pages in the toctrees of a page."""
    lines = [line.strip() for block in TOCTREE.findall(PAGES[page]) for line in block.splitlines()]
    names = [re.sub(r".*<(.*)>", r"\1", line) for line in lines if line and not line.startswith(":")]
    folder = Path(page).parent
    return [(folder / name).as_posix() for name in names]


def test_every_page_is_reached_once():
    reached, seen = ["index"], []
    while reached:
        page = reached.pop()
        seen.append(page)
        reached += entries(page)
    assert sorted(seen) == sorted(PAGES)


def reference_names() -> list[str]:
    return re.findall(r"^   (\w[\w.]*)$", PAGES["reference/python"], re.M)


def test_the_reference_lists_every_public_name():
    names = reference_names()
    assert len(names) == len(set(names))
    assert {*qep_qiskit.__all__, *(f"runs.{name}" for name in runs.__all__)} <= set(names)


@pytest.mark.parametrize("name", sorted(set(reference_names()) - set(qep_qiskit.__all__)))
def test_other_names_of_the_reference_exist(name):
    if name.startswith("torch."):
        pytest.importorskip("torch", reason="PyTorch is not installed")
    module, _, attribute = f"qep_qiskit.{name}".rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


@pytest.fixture(scope="module")
def spec_reference():
    pytest.importorskip("sphinx", reason="the extra [docs] is not installed")
    spec = importlib.util.spec_from_file_location("spec_keys", DOCS / "_ext" / "spec_keys.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return "\n".join(module.lines())


@pytest.mark.parametrize("section", SECTIONS)
def test_the_reference_of_specs_lists_every_kind_and_key(spec_reference, section):
    part = spec_reference.partition(f"## `[{section}]`")[2].partition("\n## ")[0]
    form = SECTIONS[section]
    if not isinstance(form, SectionOfKinds):
        assert all(f"| `{key}` |" in part for key in form.model_fields)
        return
    for name in form.kinds.built_in:
        kind = part.partition(f'### `{form.selector} = "{name}"`')[2].partition("\n### ")[0]
        assert kind and all(f"| `{key}` |" in kind for key in form.model(name, section).model_fields if key != form.selector)


@pytest.mark.parametrize("registry", ["MITIGATIONS", "OPTIMIZERS", "SCHEDULES", "RAMP_SCHEDULES"])
def test_the_reference_of_specs_lists_the_names_that_keys_can_have(spec_reference, registry):
    assert all(f"* `{name}`" in spec_reference for name in getattr(kinds, registry).built_in)


def snippets(page: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page, each with what stands behind its fence."""
    return re.findall(r"^ *```+(\S[^\n]*)\n(.*?)^ *```+ *$", PAGES[page], re.M | re.S)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_python_snippets_are_executed(page):
    languages = [head for head, _ in snippets(page)]
    if page not in RUN_BY_TESTS:
        assert not {"python", "py", "pycon"} & set(languages), "write a {code-cell}, which the build executes"
    assert any(head.startswith("{code-cell}") for head in languages) == ("file_format: mystnb" in PAGES[page])


def test_functions_of_runs_in_consoles_exist():
    calls = [
        name
        for page in PAGES
        for head, text in snippets(page)
        if head == "python-console"
        for name in re.findall(r"runs\.(\w+)\(", text)
    ]
    assert calls and set(calls) <= set(runs.__all__)


def commands() -> list[tuple[str, str]]:
    """Return all lines and inline texts of the pages, and of the README, that call `qep`."""
    calls = []
    for page, text in {**PAGES, "README": (ROOT / "README.md").read_text(encoding="utf-8")}.items():
        lines = re.findall(r"^(?:```\{command-output\} | {4}|\$ )?(qep [^\n]*)$", text, re.M)
        calls += [(page, re.split(r" {2,}|;|\|\|?|&&|#", line)[0].strip()) for line in lines]
        prose = re.sub(r"^ *```python\n.*?^ *```", "", text, flags=re.M | re.S)  # an example's own verb is not one of ours
        calls += [(page, line) for line in re.findall(r"`(qep [a-z][^`\n]*)`", prose)]
    return sorted(set(calls))


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_have_verbs_options_and_files_that_exist(page, line):
    words = shlex.split(line.replace("…", ""))[1:]
    command: click.Command = cli
    while words and isinstance(command, click.Group):
        word = words.pop(0)
        if word.startswith("-"):
            break
        following = command.get_command(click.Context(command), word.rstrip(","))
        if following is None:
            assert command is not cli and word.isupper(), f"{line}: {word} is not a command"
            break
        command = following
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version", "-h", "--debug"}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options
    for word in words:
        if word.endswith(".toml") and "/" in word:
            assert (ROOT / "hardware_runs" / word.removeprefix("hardware_runs/")).is_file()


def test_every_verb_is_told_of_somewhere():
    assert {line.split()[1] for _, line in commands() if len(line.split()) > 1} >= set(VERBS)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_keys_of_a_spec_that_a_page_names_exist(page):
    named = re.findall(rf"`(?:--set )?({'|'.join(SECTIONS)})\.([a-z_]+)(?: ?= ?[^`]*)?`", PAGES[page])
    python = {("network", name) for name in dir(qep_qiskit.Network)}
    assert [key for key in named if key not in python and key[0] not in sections_with(key[1])] == []
