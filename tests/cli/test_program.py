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
from qep_qiskit.cli.options import json_option
from qep_qiskit.cli.output import print_json, to_json
from qep_qiskit.errors import BusyError, PreparationError

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

    def make(outcome, *words):
        @click.command("doctor")
        @json_option
        def command(as_json):
            if isinstance(outcome, BaseException):
                raise outcome
            if as_json:
                print_json({"ok": outcome})
            return outcome

        monkeypatch.setattr("qep_qiskit.cli.doctor.command", command)
        return CliRunner().invoke(cli, ["doctor", *words])

    return make


OUTCOMES = pytest.mark.parametrize(
    ("outcome", "code", "line"),
    [
        (None, 0, ""),
        (1, 1, ""),
        (3, 3, ""),
        (qep_qiskit.InputError("a: 1 is not allowed"), 2, "qep: a: 1 is not allowed\n"),
        (PreparationError("did not converge"), 1, "qep: did not converge\n"),
        (BusyError("run: is being collected"), 3, "qep: run: is being collected\n"),
        (KeyboardInterrupt(), 130, "qep: interrupted; nothing was written, run the same command to start again\n"),
        (program.InterruptedRunError("2 rungs kept"), 130, "qep: interrupted; 2 rungs kept\n"),
        (OSError(28, "No space left on device", "out/x"), 1, "qep: out/x: No space left on device\n"),
        (MemoryError("32 PiB"), 1, "qep: not enough memory (32 PiB); take fewer qubits\n"),
        (ZeroDivisionError("a\nb"), 1,
         "qep: internal error: ZeroDivisionError: a b; run again with --debug for the traceback\n"),
    ],
)  # fmt: skip


@OUTCOMES
def test_exit_codes(failing, outcome, code, line):
    result = failing(outcome)
    assert (result.exit_code, result.stderr, result.stdout) == (code, line, "")


@OUTCOMES
def test_a_failure_with_json_is_an_object(failing, outcome, code, line):
    result = failing(outcome, "--json")
    assert (result.exit_code, result.stderr) == (code, line)
    if code == 130:  # it may have to end before it can print
        assert result.stdout == ""
    else:
        expected = {"error": line.removeprefix("qep: ").rstrip("\n")} if line else {"ok": outcome}
        assert json.loads(result.stdout) == expected


def commands(group, *words):
    """Return the words of every command with the option --json."""
    names = group.list_commands(click.Context(group)) if isinstance(group, click.Group) else []
    below = [found for name in names for found in commands(group.get_command(click.Context(group), name), *words, name)]
    return below + [words] * any("--json" in parameter.opts for parameter in group.params)


@pytest.mark.parametrize("words", commands(cli), ids=" ".join)
@pytest.mark.parametrize("wrong", [["--nonsense"], ["missing/one", "missing/two"]], ids=" ".join)
def test_every_command_says_in_json_what_is_wrong(words, wrong, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, [*words, "--json", *wrong])
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {"error": result.stderr.removeprefix("qep: ").rstrip("\n")}


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=" ".join)
@pytest.mark.parametrize("words", [["--debug", "gradient", "no.toml"], ["gradient", "no.toml", "--debug"]])
def test_debug_shows_the_traceback(words, as_json):
    result = CliRunner().invoke(cli, [*words, *as_json])
    assert isinstance(result.exception, qep_qiskit.InputError)
    assert result.stdout == "" if not as_json else "no.toml" in json.loads(result.stdout)["error"]


def test_json_has_no_nan():
    import numpy as np

    data = {"a": np.array([1.0, np.nan]), "b": float("inf"), 3: (np.float64(2.0), np.int64(1), None, True)}
    assert json.loads(to_json(data)) == {"a": [1.0, None], "b": None, "3": [2.0, 1, None, True]}
