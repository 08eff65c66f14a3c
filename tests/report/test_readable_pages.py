"""Pages that a first-time reader understands: words are defined, nothing is empty, cut off or a negative zero."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from qiskit.circuit import QuantumCircuit

import qep_qiskit as qep
from qep_qiskit.estimates import column, cosine, score, with_error
from qep_qiskit.experiment import load
from qep_qiskit.report import budget_page, run_page, training_page
from qep_qiskit.report.network_view import MOST_INSTRUCTIONS, circuit_text
from qep_qiskit.report.tables import table
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.readings import readings_of

GOLDEN = Path(__file__).parents[1] / "runs/golden/finished"


class Tables(HTMLParser):
    """The cells of every table as rows of text."""

    def __init__(self, text):
        super().__init__()
        self.tables, self._cell = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        if self._cell:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """One page of each kind: a budget, a run, a training."""
    folder = tmp_path_factory.mktemp("pages")
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(seed=1), x=[0.5], cost=qep.SquaredError([1.0]))
    budget = qep.compare(problem, stencil=qep.symmetric(0.2), device=qep.statevector(seed=1), shots=200).to_dict()
    circuit = QuantumCircuit(3)
    circuit.ry(0.3, 0)
    circuit.cx(0, 1)
    texts = {"budget": budget_page.page(budget, circuit=circuit)}
    shutil.copytree(GOLDEN, folder / "run")
    with RunStore.open(folder / "run") as store:
        texts["run"] = run_page.page(store, readings_of(store, load(folder / "run/spec.toml"), exact=True))
    qep.train(network, [[0.5], [-0.5]], [0.3, -0.3], epochs=2, run=folder / "training", seed=1)
    with RunStore.open(folder / "training") as store:
        texts["training"] = training_page.page(store)
    return texts


KINDS = ("budget", "run", "training")


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_of_the_field_are_defined(pages, kind):
    terms = " ".join(re.findall(r"<dt>(.*?)</dt>", pages[kind]))
    for word in ("H", "J", "L", "β", "phase", "gradient", "gap", "residual", "variance", "z"):
        assert word in terms
    assert 'id="words"' in pages[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_is_a_negative_zero(pages, kind):
    text = pages[kind].split("<script")[0]
    assert not re.findall(r">\s*[-−]0(?:\.0*)?(?:\s*±[^<]*)?\s*<", text)


@pytest.mark.parametrize("kind", KINDS)
def test_no_column_is_empty(pages, kind):
    for rows in Tables(pages[kind]).tables:
        if len({len(row) for row in rows}) == 1 and len(rows) > 1 and rows[0][0] not in ("step", "job"):
            for place, title in enumerate(rows[0]):
                assert any(row[place].strip() not in ("", "–") for row in rows[1:]), title


def test_the_network_and_its_circuit_are_drawn(pages):
    for kind in ("budget", "run", "training"):
        assert 'role="img" aria-label="network of ' in pages[kind] and "<title>J[0,1] = " in pages[kind]
    assert "Ry(0.3)" in pages["budget"] and "as sent</summary>" in pages["run"]


def test_long_tags_break_instead_of_being_cut(pages):
    assert re.search(r'<td class="long">[^<]*-data', pages["run"]) or "qep-test-1-data" in pages["run"]
    tag = "qep-20261124225208-a-run-of-a-long-name-1-calibration"
    assert table([{"tag": tag}]).rows[0][0].text == tag
    for text in pages.values():
        assert "td.long { white-space: normal; overflow-wrap: anywhere" in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_telephone_gets_a_layout_of_its_own(pages, kind):
    assert "@media screen and (max-width: 44rem)" in pages[kind] and 'name="viewport"' in pages[kind]


@pytest.mark.parametrize("value", [-0.0, -1e-9, -0.04, -0.049])
def test_numbers_that_round_to_zero_have_no_sign(value):
    assert score(value) == "0.0"
    assert column([1000.0, value])[1] in ("0.0", "0")
    assert not with_error(value, 40.0).startswith("-")
    assert cosine(value / 1e4) == "0.0000"


def test_numbers_that_are_not_zero_keep_their_sign():
    assert score(-0.06) == "-0.1" and column([-0.5]) == ["-0.50000"] and with_error(-0.2, 0.1) == "-0.20 ± 0.10"


def test_a_column_without_any_value_is_left_out():
    columns = table([{"a": None, "b": 1.0, "c": ""}, {"a": None, "b": -0.0, "c": None}])
    assert columns.headings == ["b"] and [[cell.text for cell in row] for row in columns.rows] == [["1"], ["0"]]


def test_a_circuit_that_nobody_could_read_is_not_drawn():
    circuit = QuantumCircuit(2)
    for _ in range(MOST_INSTRUCTIONS + 1):
        circuit.x(0)
    assert circuit_text(circuit) == "601 gates on 2 qubits: too many to draw (at most 600)"
