"""Bars in terminals and notebooks, lines in logs, and nothing for short calls."""

import io
import re
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.progress import hidden, showing, silent, steps_done, views

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Tty(io.StringIO):
    """A terminal of a hundred columns."""

    encoding = "utf-8"

    def isatty(self):
        return True

    @property
    def text(self):
        return ESCAPES.sub("", self.getvalue())


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(views, "TERMINAL_SECONDS", 0.01)
    stream = Tty()
    monkeypatch.setattr(views, "sys", SimpleNamespace(stderr=stream, stdout=io.StringIO(), modules={}))
    return stream


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(views, "DELAY_SECONDS", 0.01)


def until(ready, seconds=20.0):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="module")
def problem():
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    return qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]))


def test_a_short_call_shows_nothing(capsys, terminal, problem):
    qep.gradient(problem)
    with showing() as report:
        report("a stage", 0.5)
    assert terminal.getvalue() == "" and capsys.readouterr().out == ""


def test_a_long_stage_moves_a_bar_and_leaves_nothing(capsys, terminal, soon):
    with showing() as report:
        report("DMRG at β = 0.1\x1b[2J", 0.25)
        until(lambda: "25%" in terminal.text)
        report("DMRG at β = 0.1", 0.75)
        until(lambda: "75%" in terminal.text)
        report("compiling circuits", None)
        until(lambda: "compiling circuits" in terminal.text)
    assert re.search(r"━ +25% 0:00 DMRG at β = 0.1.\[2J", terminal.text)
    # the line is cleared, and the cursor is back
    assert terminal.getvalue().endswith("\x1b[2K") and "\x1b[?25h" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_steps_show_their_number_and_the_time_left(terminal, soon):
    with showing() as report:
        for done in (1, 20, 39):
            steps_done(report, f"loss {1 / done:.2f}", done, 40)
            until(lambda text=f" {done}/40 0:": text in terminal.text)
        until(lambda: re.search(r"39/40 0:\d\d, 0:\d\d left loss 0.03", terminal.text))
        report("waiting for a job", None)
        until(lambda: "waiting for a job" in terminal.text)


def test_a_call_within_a_call_reports_to_the_same_bar(terminal, soon, problem):
    with showing() as outer, showing() as inner, showing("off") as off:
        assert inner is outer and off is silent
        inner("an inner stage", None)
        until(lambda: "an inner stage" in terminal.text)
        with hidden():
            size = len(terminal.getvalue())
            time.sleep(0.1)
            assert len(terminal.getvalue()) == size  # nothing moves while a question is asked
        until(lambda: len(terminal.getvalue()) > size)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_few_letters_gets_plain_ones(terminal, soon, encoding):
    terminal.encoding = encoding
    with showing() as report:
        report("β = 0.1 → 0.2", 0.5)
        until(lambda: "beta = 0.1 -> 0.2" in terminal.text)


def test_a_stream_that_fails_does_not_stop_the_work(monkeypatch, soon, terminal):
    def full(text):
        raise OSError("no space left")

    monkeypatch.setattr(terminal, "write", full)
    with showing() as report:
        report("a stage", None)
        time.sleep(0.1)


def test_long_work_without_a_terminal_is_reported_by_commands_only(capsys, monkeypatch):
    monkeypatch.setattr(views, "FIRST_LINE_SECONDS", 0.1)
    with showing(lines=True) as report:
        report("VQE start 2 of 3\x1b[2J", 0.5)
        time.sleep(0.6)
    lines = capsys.readouterr().err
    assert re.search(r"^qep: \d+ s: VQE start 2 of 3.\[2J, 50%$", lines, re.MULTILINE) and "\x1b" not in lines
    assert lines.count("\n") < 6
    with showing() as report:
        assert report is silent


def test_a_notebook_shows_a_bar_that_disappears(monkeypatch, soon):
    seen = []
    handle = SimpleNamespace(update=lambda data, raw: seen.append(data))

    def display(data, raw, display_id):
        seen.append(data)
        return handle

    shell = SimpleNamespace(kernel=object())
    modules = {"IPython": SimpleNamespace(get_ipython=lambda: shell), "IPython.display": SimpleNamespace(display=display)}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    with showing() as report:
        report("<b>VQE", 0.5)
        until(lambda: len(seen) > 0)
    assert "50%" in seen[0]["text/plain"] and "&lt;b&gt;VQE" in seen[0]["text/html"] and "━" in seen[0]["text/html"]
    assert seen[-1] == {"text/plain": "", "text/html": ""}


def test_a_function_gets_the_share_of_a_whole_training():
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    reports = []
    options = {"epochs": 3, "batch_size": 1, "progress": lambda text, share: reports.append((text, share))}
    qep.train(network, [[-1.0], [1.0]], [-0.5, 0.5], **options)
    shares = [share for _, share in reports if share is not None]
    assert shares == sorted(shares) and shares[-1] == 1.0 and {i / 6 for i in range(7)} <= set(shares)
    assert reports[-1][0].startswith("epoch 3 of 3 · loss ")


def test_comparisons_report_their_rungs(problem):
    reports = []
    qep.compare(problem, shots=100, progress=lambda text, share: reports.append((text, share)))
    shares = [share for text, share in reports if text.startswith("rung: ")]
    assert len(shares) == 8 and shares == sorted(shares)


@pytest.mark.parametrize("value", ["of", None, 5, True])
@pytest.mark.parametrize("verb", [qep.gradient, qep.compare, qep.forecast, qep.exact_gradient, qep.circuits])
def test_other_values_are_refused(problem, verb, value):
    with pytest.raises(InputError, match=r"^progress: .* is not allowed; give \"auto\", \"off\" or a function$"):
        verb(problem, progress=value)


@pytest.mark.slow
def test_a_real_notebook_shows_a_bar_without_widgets():
    """A kernel in which ipywidgets cannot be imported."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    source = (
        "import sys; sys.modules['ipywidgets'] = None\n"
        "import time\nfrom qep_qiskit.progress import showing, views\nviews.DELAY_SECONDS = 0.1\n"
        "with showing() as report:\n    for i in range(30):\n        report('DMRG', i / 30); time.sleep(0.1)\n"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    drawn = []

    class Client(nbclient.NotebookClient):
        def process_message(self, msg, cell, cell_index):
            if "text/html" in msg["content"].get("data", {}):
                drawn.append(msg["content"]["data"]["text/html"])
            return super().process_message(msg, cell, cell_index)

    Client(notebook, timeout=120, kernel_name="python3").execute()
    [output] = notebook.cells[0].outputs
    assert output["data"] == {"text/plain": "", "text/html": ""}
    assert len(drawn) > 3 and len(set(drawn)) > 3 and all("DMRG" in text for text in drawn[:-1])
    assert np.all([float(re.search(r"(\d+)%", text)[1]) > 0 for text in drawn[1:-1]])


def test_matrix_product_states_report_their_sweeps(problem):
    reports = []
    qep.gradient(problem, preparer=qep.MPS(bond_dimension=4), progress=lambda text, share: reports.append(text))
    assert any(re.fullmatch(r"DMRG at β = 0: sweep 1, energy -\d+\.\d{6}", text) for text in reports)
