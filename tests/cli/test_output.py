"""Printed text cannot move a cursor or become markup, wherever it came from; a closed or full output does not stop the work."""

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from click.testing import CliRunner

import qep_qiskit.cli
from qep_qiskit.cli.main import cli
from qep_qiskit.cli.output import marked, to_json
from qep_qiskit.plain_text import drawn, encodable, one_line, printable, shortened
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.file.store import RunStore

HOSTILE = [
    "\x1b]0;title\x07",
    "\x1b[2J\x1b[H",
    "\x1b[31mred",
    "\x9b31m",
    "\x90q\x9c",
    "\x08\x08\x7f",
    "\r\x1b[K",
    "\u202eevil\u2066",
    "\u200b\u2028\ufeff",
    "\ud800",
    "[/b]",
    "[bold red]x[/bold red]",
    "[link=http://evil.example]x[/link]",
    "[/",
    "\\[b]",
    ":smile:",
    "$\\frac{",
    "$x$",
    "<script>alert(1)</script>",
    "done\n  2026-01-01 00:00:00  done        all paid",
]
SEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u202e\u2066\ufeff\ud800]")
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_text_is_shown_as_text(text):
    for output in (printable(text), one_line(text), shortened(text * 30), drawn(text), marked("[bold]a[/] {}!", text).plain):
        assert not SEEN.search(output)
    assert "\n" not in one_line(text) and len(shortened(text * 30)) <= 40
    assert json.loads(to_json({text: text})) == {text: text} and not SEEN.search(to_json({text: text}, indent=None))
    letters = [letter for letter in text if letter.isalnum() or letter in "[]/$\\"]
    assert [letter for letter in one_line(text) if letter.isalnum() or letter in "[]/$\\"] == letters


@pytest.fixture
def odd_run(tmp_path, small_spec, monkeypatch):
    """A run in whose every text something is odd."""
    monkeypatch.chdir(tmp_path)
    texts = [text for text in HOSTILE if "\ud800" not in text]
    identity = {"id": "".join(texts), "kind": texts[0] + "[/b]", "device": "".join(texts)}
    spec = small_spec.read_text() + "# \u202e[/b]\n"
    with RunStore.create(tmp_path / "run", spec, description=identity) as store:
        for text in texts:
            store.note(text)
        store.intend(JobRecord(f"tag{texts[2]}", 0, "".join(texts), 10, 0, (), detail={"reason": texts[1]}))
        store.move(f"tag{texts[2]}", "failed", job_id="id" + "".join(texts), text="".join(texts))
        names = [f"{text}{'long' * 80}" for text in texts[:8]]
        gradient = {"names": names, "values": [0.5] * len(names), "stderr": [0.1] * len(names), "loss": 1.0, "loss_stderr": None}
        store.add_gradient({**gradient, "mitigation": texts[2], "predictions": [0.0], "predictions_stderr": None})
    return tmp_path / "run"


@pytest.mark.parametrize("coloured", [False, True])
@pytest.mark.parametrize("words", [["runs", "show", "run"], ["runs", "list", "."], ["status", "run", "--offline"]], ids=" ".join)
def test_a_run_with_odd_texts_is_shown(odd_run, monkeypatch, words, coloured):
    if coloured:
        monkeypatch.setenv("FORCE_COLOR", "1")
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    plain = STYLE.sub("", result.stdout)
    assert not SEEN.search(plain), plain
    if words[1] == "show":
        assert all(line[:22].strip() == "" or not re.match(r"  2026-01-01", line) for line in plain.splitlines())
        for text in ("[/b]", "[bold red]x[/bold red]", ":smile:", "$x$", "[31mred"):
            assert text in plain
        assert plain.count("+0.500000 ± 0.100000") == 8
    as_json = CliRunner().invoke(cli, [*words, "--json"])
    assert as_json.exit_code == 0 and json.loads(as_json.stdout) and not SEEN.search(as_json.stdout.replace("\n", ""))


def test_the_page_of_such_a_run_holds_no_control_character(odd_run):
    result = CliRunner().invoke(cli, ["report", "run", "--no-exact"])
    assert result.exit_code == 0, result.output
    page = (odd_run / "report.html").read_text()
    assert not SEEN.search(page.replace("\n", "")) and "<script>alert" not in page


@pytest.mark.parametrize("name", ["a[/b]c", "a\x1b[31mc", "a$\\frac{c"], ids=ascii)
def test_a_folder_with_an_odd_name_is_no_obstacle(odd_run, name):
    if "/" in name:
        Path(name).parent.mkdir()
    odd_run.rename(name)
    for words in (
        ["runs", "show", name],
        ["status", name, "--offline"],
        ["report", name, "--no-exact"],
        ["runs", "export", name],
    ):
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 0 and not SEEN.search(result.output.replace("\n", "")), result.output


def test_numbers_are_seen_beside_the_longest_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["w" * 300, "\x1b[31m" + "v" * 200, "short"]
    operators = ["ZZ", "XI", "IX"]
    terms = ", ".join(f"{json.dumps(name)} = {{{op} = -1.0}}" for name, op in zip(names, operators, strict=True))
    (tmp_path / "s.toml").write_text(
        f'network = {{kind = "pauli", terms = {{{terms}}}, outputs = [{{IZ = 1.0}}], inputs = [{{ZI = 1.0}}]}}\n'
        'cost = {kind = "squared_error"}\nsample = {x = [0.5], y = [1.0]}\nmeasurement = {shots = 100}\n'
    )
    for verb in ("gradient", "plan", "compare"):
        result = CliRunner().invoke(cli, [verb, "s.toml"])
        assert result.exit_code == 0, result.output
        rows = [line for line in result.stdout.splitlines() if re.search(r"w{7}|v{7}|short", line)]
        assert len(rows) == 3 and all(re.search(r"\d\.\d{2}", row) and "±" in row for row in rows), result.stdout
        assert not SEEN.search(result.stdout.replace("\n", ""))


def test_markup_is_read_in_our_templates_alone():
    for path in Path(qep_qiskit.cli.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        inside = {id(below) for call in ast.walk(tree) if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "marked"
                  for below in ast.walk(call)}  # fmt: skip
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.search(r"\[/?(bold|dim|red|green)", node.value)
            ):
                assert id(node) in inside or path.name in ("output.py", "doctor.py"), f"{path.name}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("click", "echo"), f"{path.name}:{node.lineno}: use say"


# what becomes of the output does not change what is said of the work


def program(words, shell, cwd, **env):
    line = f"{sys.executable} -m qep_qiskit.cli {words} {shell}"
    options = {"capture_output": True, "text": True, "errors": "replace"}
    return subprocess.run(["bash", "-c", line], cwd=cwd, env={**os.environ, **env}, check=False, **options)


CLOSED = [">&-", "<&- >&- 2>&-", "> /dev/full 2>&1", "| head -c 0; exit ${PIPESTATUS[0]}"]


@pytest.mark.parametrize("shell", CLOSED)
@pytest.mark.parametrize(("words", "code"), [("--version", 0), pytest.param("gradient no.toml", 2, marks=pytest.mark.slow)])
def test_the_exit_code_tells_of_the_work(tmp_path, shell, words, code):
    done = program(words, shell, tmp_path)
    assert done.returncode == code, done.stderr
    assert "Error" not in done.stderr and "Exception" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_exit_code_tells_of_wrong_input_with_no_output_at_all(tmp_path):
    assert program("gradient no.toml", CLOSED[1], tmp_path).returncode == 2


def test_a_full_disk_under_the_output_is_reported(tmp_path):
    assert program("--version", "> /dev/full", tmp_path).stderr.startswith("qep: standard output: No space left on device")


@pytest.mark.parametrize("encoding", ["ascii", *(pytest.param(name, marks=pytest.mark.slow) for name in ("latin-1", "cp1252"))])
def test_an_output_of_few_letters_gets_plain_ones(small_spec, tmp_path, encoding):
    done = program(f"gradient {small_spec} --no-exact", "", tmp_path, PYTHONIOENCODING=encoding, LC_ALL="C")
    assert done.returncode == 0 and re.search(r"J\[0,1\]\s+-?\d\.\d+ (\+-|±|\ufffd) \d", done.stdout), done.stdout + done.stderr
    if encoding == "ascii":
        as_json = program(
            f"gradient {small_spec} --no-exact --json --set device.name=statevector", "", tmp_path, PYTHONIOENCODING=encoding
        )
        assert as_json.returncode == 0 and json.loads(as_json.stdout)["names"][0] == "J[0,1]"


def test_plain_letters():
    assert encodable("β = 0.1 ± 0.2 → 😀 é", "ascii") == "beta = 0.1 +- 0.2 -> ? e"
    assert encodable("é ±", "latin-1") == "é ±"


def test_a_run_that_another_process_works_on_is_not_finished(odd_run):
    with RunStore.open(odd_run, write=True):
        result = CliRunner().invoke(cli, ["collect", "run", "--yes"])
    assert result.exit_code == 3 and "has been writing" in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["report", "run"], ["runs", "export", "run"]], ids=" ".join)
@pytest.mark.parametrize("target", ["/no/x.html", ".", "run/spec.toml/x"])
def test_an_unwritable_place_is_reported_before_any_work(odd_run, words, target):
    result = CliRunner().invoke(cli, [*words, "-o", target])
    assert result.exit_code == 2 and target.rpartition("/")[0] in result.stderr and ".part" not in result.stderr


def test_a_device_file_is_written_into_and_not_replaced(odd_run):
    os.mkfifo(odd_run / "pipe")
    reader = os.open(odd_run / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert CliRunner().invoke(cli, ["runs", "export", "run", "-o", "run/pipe"]).exit_code == 0
        assert os.read(reader, 10).startswith(b"{")
        assert (odd_run / "pipe").is_fifo()
    finally:
        os.close(reader)


def test_json_stays_in_the_file_while_a_bar_is_shown_on_the_terminal():
    terminal, errors = os.openpty()
    code = (
        "import time\nfrom qep_qiskit.cli.output import print_json\nfrom qep_qiskit.progress import showing, views\n"
        "views.DELAY_SECONDS = 0\nwith showing(): time.sleep(0.5); print_json({'a': 1})"
    )
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=errors, text=True, check=True)
    os.close(errors)
    os.close(terminal)
    assert json.loads(run.stdout) == {"a": 1}


@pytest.mark.parametrize("columns", [30, 80, 120])
def test_tables_keep_their_numbers_in_a_narrow_terminal(columns):
    """Long labels are broken, and lines that are still too long are left to the terminal."""
    code = (
        "from qep_qiskit.cli.output import console\nfrom qep_qiskit.display import terminal_table\n"
        "table = terminal_table('choice', right=[f'heading {k}' for k in range(4)])\n"
        "table.add_row('one layer, symmetric, no mitigation, β = 0.0712', *(f'{k}.123 ± 0.04' for k in range(4)))\n"
        "console().print(table)"
    )
    primary, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, columns))
    run = subprocess.Popen([sys.executable, "-c", code], stdout=terminal, env={**os.environ, "NO_COLOR": "1"})
    os.close(terminal)
    text = b""
    with contextlib.suppress(OSError):  # the end of a pseudo-terminal
        while part := os.read(primary, 4096):
            text += part
    os.close(primary)
    words = STYLE.sub("", text.decode())
    assert run.wait() == 0 and "…" not in words
    assert all(f"heading {k}" in words and f"{k}.123 ± 0.04" in words for k in range(4))
    assert all(part in words for part in ("layer,", "symmetric,", "mitigation,", "0.0712"))
