"""The program around the verbs: how fast it starts, what it imports, and how it fails."""

import json
import resource
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import qep_qiskit
from qep_qiskit.cli import main as program
from qep_qiskit.cli.main import cli
from qep_qiskit.cli.output import to_json
from qep_qiskit.errors import PreparationError

SLOW = ("qiskit", "numpy", "scipy", "matplotlib", "pydantic", "rich")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["gradient", "--help"], ["circuits", "list", "--help"]])
def test_help_imports_nothing_slow(words):
    code = (
        "import sys\nfrom qep_qiskit.cli.main import cli\n"
        f"code = cli.main({words!r}, standalone_mode=False)\n"
        f"print(code, [m for m in {SLOW!r} if m in sys.modules], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "0 []"
    assert run.stdout


def test_help_is_quick():
    # processor time: other work on the machine does not count
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = subprocess.run([sys.executable, "-m", "qep_qiskit.cli", "--help"], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.5
    for verb in program.VERBS:
        assert f"\n  {verb} " in run.stdout


def test_version():
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"qep {qep_qiskit.__version__}\n")


def test_no_verb_shows_the_help():
    result = CliRunner().invoke(cli, [])
    assert result.exit_code == 0
    assert "Measure and learn:" in result.stdout


@pytest.fixture
def failing(monkeypatch):
    """Make `qep doctor` raise the given exception or return the given result."""

    def make(outcome):
        @click.command("doctor")
        def command():
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr("qep_qiskit.cli.doctor.command", command)
        return CliRunner().invoke(cli, ["doctor"])

    return make


@pytest.mark.parametrize(
    ("outcome", "code", "line"),
    [
        (None, 0, ""),
        (1, 1, ""),
        (3, 3, ""),
        (qep_qiskit.InputError("a: 1 is not allowed"), 2, "qep: a: 1 is not allowed\n"),
        (PreparationError("did not converge"), 1, "qep: did not converge\n"),
        (KeyboardInterrupt(), 130, "qep: interrupted; nothing was written, run the same command to start again\n"),
        (program.InterruptedRunError("2 rungs kept"), 130, "qep: interrupted; 2 rungs kept\n"),
        (OSError(28, "No space left on device", "out/x"), 1, "qep: out/x: No space left on device\n"),
        (MemoryError("32 PiB"), 1, "qep: not enough memory (32 PiB); take fewer qubits\n"),
        (ZeroDivisionError("a\nb"), 1,
         "qep: internal error: ZeroDivisionError: a b; run again with --debug for the traceback\n"),
    ],
)  # fmt: skip
def test_exit_codes(failing, outcome, code, line):
    result = failing(outcome)
    assert (result.exit_code, result.stderr, result.stdout) == (code, line, "")


@pytest.mark.parametrize("words", [["--debug", "gradient", "no.toml"], ["gradient", "no.toml", "--debug"]])
def test_debug_shows_the_traceback(words):
    result = CliRunner().invoke(cli, words)
    assert isinstance(result.exception, qep_qiskit.InputError)


def test_json_has_no_nan():
    import numpy as np

    data = {"a": np.array([1.0, np.nan]), "b": float("inf"), 3: (np.float64(2.0), np.int64(1), None, True)}
    assert json.loads(to_json(data)) == {"a": [1.0, None], "b": None, "3": [2.0, 1, None, True]}
