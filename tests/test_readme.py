"""The code of README.md and of some pages runs as it stands, and the examples print the published numbers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str, page: str = "README.md") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.S)


def test_it_is_read_in_five_minutes() -> None:
    assert len(README.splitlines()) <= 150


def test_python_quick_start_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "J[0,1]" in printed and "±" in printed
    assert len(names["grad"].values) == 11  # type: ignore[attr-defined]
    assert printed.endswith(blocks("text")[0])


def test_python_of_training_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = (b for b in blocks("python") if "qep.train(" in b)
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out == "True [0 1 1 0]\n"


def test_python_of_many_qubits_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for block in blocks("python", "docs/large_networks.md"):
        exec(compile(block, "large_networks.md", "exec"), names)
    assert capsys.readouterr().out == "119 True\n299 True\n"


def test_python_of_oscillators_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks("python", "docs/oscillators.md")
    exec(compile(block, "oscillators.md", "exec"), {})
    assert capsys.readouterr().out == "2000 True\n"


def test_the_first_spec_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qep_qiskit.cli", "gradient", str(ROOT / "qep_qiskit/starters/noise.toml"), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(done.stdout)
    assert len(document["values"]) == len(document["stderr"]) == len(document["names"]) == 17


@pytest.mark.parametrize(
    ("example", "numbers"),
    [
        ("antiferromagnet", ["0.671697", "0.3942", "0.693343", "0.34146", "0.679024", "0.323368", "0.690894", "0.341087"]),
        ("phase_exploration", ["0.0087", "0.9401", "0.9831", "0.9991"]),
    ],
)
def test_examples_print_the_published_numbers(example: str, numbers: list[str]) -> None:
    path = ROOT / "examples" / f"{example}.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) < 30
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    for number in numbers:
        assert number in done.stdout
