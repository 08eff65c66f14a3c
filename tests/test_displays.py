"""Public objects as users see them: repr, str and HTML of at most 25 lines, signatures, and the names of the package."""

import functools
import inspect
import pydoc
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit import runs

MOST = 25
SMALL = qep.ising(sites=3, inputs=[0], outputs=[2])
RING = qep.ising(sites=10, edges="ring", inputs=[0], outputs=[5])
LARGE = qep.ising(sites=134, edges="ring", inputs=[0, 1], outputs=list(range(100, 134)))
XS, YS = [[0.5], [-0.5]], [1, 0]


def problem_on(network):
    target = qep.SquaredError(np.linspace(-1, 1, network.num_outputs))
    return qep.Problem(network, network.initial_weights(seed=1), x=[0.5] * network.num_inputs, cost=target)


SMALL_PROBLEM = problem_on(SMALL)
SHOTS = {"shots": 100, "seed": 1, "stencil": qep.symmetric(0.3)}


@functools.cache
def large_gradient():
    return qep.gradient(problem_on(LARGE), preparer=qep.MeanField())


@functools.cache
def trained():
    return qep.train(SMALL, XS, YS, epochs=30)


SHOWN = {
    "network": lambda: SMALL,
    "network of 402 weights": lambda: LARGE,
    "network of many groups": lambda: qep.pauli(terms={f"weight {k}": {"X": 1.0} for k in range(90)}, outputs="Z"),
    "oscillators": lambda: qep.oscillators(sites=3, outputs=[2]),
    "term": lambda: qep.pauli(terms={"a": {"X" * 90: 1, "Z" * 90: 2, "Y" * 90: 1}}, outputs="Z" * 90).terms[0],
    "problem": lambda: SMALL_PROBLEM,
    "problem of 402 weights": lambda: problem_on(LARGE),
    "weights": lambda: LARGE.initial_weights(),
    "gradient": lambda: qep.gradient(SMALL_PROBLEM, **SHOTS),
    "gradient of 402 weights": large_gradient,
    "diagnostics": lambda: large_gradient().diagnostics,
    "estimate": lambda: large_gradient()["J[0,1]"],
    "budget": lambda: qep.compare(SMALL_PROBLEM, **SHOTS),
    "certificate": lambda: qep.certify(SMALL_PROBLEM),
    "rung": lambda: qep.compare(SMALL_PROBLEM, **SHOTS)["shots"],
    "forecast": lambda: qep.forecast(SMALL_PROBLEM, **SHOTS),
    "sending": lambda: qep.forecast(SMALL_PROBLEM, **SHOTS).sending,
    "causes": lambda: qep.forecast(SMALL_PROBLEM, **SHOTS).causes,
    "choices": lambda: qep.forecast(SMALL_PROBLEM, **SHOTS, choices=True).choices,
    "settings": lambda: qep.forecast(SMALL_PROBLEM, **SHOTS).settings,
    "plan": lambda: qep.forecast(problem_on(RING), preparer=qep.MeanField(), stencil=qep.symmetric(0.1)).plan,
    "outcomes": lambda: qep.execute(qep.forecast(SMALL_PROBLEM, **SHOTS)),
    "training": trained,
    "vqe": lambda: qep.VQE(layers=2),
    "adiabatic": lambda: qep.Adiabatic(time=5.0),
    "stencil": lambda: qep.extrapolated(0.1),
    "left to the planner": lambda: qep.symmetric("auto"),
    "split": lambda: qep.Split([[100] * 9] * 5),
    "statevector": lambda: qep.statevector(),
    "aer": lambda: qep.aer(),
    "snapshot": lambda: qep.fake("guadalupe"),
    "noise": lambda: qep.simulator(noise="fake_guadalupe", seed=3),
    "ibm": lambda: qep.ibm("ibm_torino", fractional_gates=True),
    "squared error": lambda: qep.SquaredError(np.zeros(400)),
    "observable": lambda: qep.ObservableCost({"X" * 120: 1.0, "Z" * 120: -1.0, "Y" * 120: 1.0, "XY" * 60: 1.0}),
    "cross entropy": lambda: qep.softmax_cross_entropy(np.full(400, 1 / 400)),
    "function": lambda: qep.ExpectationCost(np.sum, np.ones_like),
    "classifier": lambda: qep.QEPClassifier(hidden=3),
}


def lines_of_html(text):
    """The number of rows and paragraphs that a browser shows; a graph counts as one."""
    return len(re.findall(r"<tr>|<p |<svg class", text))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SHOWN)
def test_every_object_is_shown_in_few_lines(kind):
    value = SHOWN[kind]()
    for text in (repr(value), str(value)):
        assert len(text.splitlines()) <= MOST and len(text) < 2500
        assert not re.search(r"0x[0-9a-f]{4,}|<function|<object|object at", text)
    html = getattr(value, "_repr_html_", lambda: "")()
    if html.startswith('<div class="qep">'):
        assert 2 <= lines_of_html(html) <= MOST
        ElementTree.fromstring(re.sub("&(?!lt|gt|amp|#)", "&amp;", html))
        assert not re.search(r"<script|javascript|https?://|0x[0-9a-f]{6,}", html)


REPRS = {
    "VQE()": lambda: qep.VQE(),
    "VQE(layers=2, starts=4)": lambda: qep.VQE(layers=2, starts=4),
    "Exact()": lambda: qep.Exact(),
    "Adiabatic(time=5.0)": lambda: qep.Adiabatic(time=5.0),
    "Thermal(temperature=1.0)": lambda: qep.Thermal(1.0),
    "symmetric(0.1)": lambda: qep.symmetric(0.1),
    "one_sided('auto')": lambda: qep.one_sided("auto"),
    "symmetric()": lambda: qep.symmetric(),
    "aer()": lambda: qep.aer(),
    "statevector(seed=3)": lambda: qep.statevector(seed=3),
    "simulator(noise='fake_guadalupe')": lambda: qep.simulator(noise="guadalupe"),
    "fake('guadalupe', engine='aer')": lambda: qep.fake("guadalupe", engine="aer"),
    "ibm(name='ibm_torino')": lambda: qep.ibm("ibm_torino"),
    "SquaredError([1.0])": lambda: qep.SquaredError([1.0]),
    "ObservableCost({'ZZ': 1, 'XI': -0.5})": lambda: qep.ObservableCost({"ZZ": 1.0, "XI": -0.5}),
    "Term('J[0,1]', {'IZZ': -1})": lambda: SMALL.terms[0],
    "0.123 ± 0.041": lambda: qep.Estimate(0.1234, 0.0412),
}


@pytest.mark.parametrize("text", REPRS)
def test_a_repr_has_only_what_differs_from_the_defaults(text):
    assert repr(REPRS[text]()) == text


def test_of_many_weights_the_largest_are_shown_and_the_rest_is_counted():
    gradient = large_gradient()
    lines = str(gradient).splitlines()
    assert len(lines) == 21 and lines[-1] == "… and 382 smaller of 402 weights; .to_frame() has all of them"
    assert lines[0].startswith(gradient.names[np.argmax(np.abs(gradient.values))])
    assert "384 smaller of 402 weights" in gradient._repr_html_()
    assert len(gradient.to_frame()) == 402


def test_results_are_read_by_the_names_of_weights():
    forecast, result = qep.forecast(SMALL_PROBLEM, **SHOTS), trained()
    assert forecast["g[0]"].value == forecast.values[5] and forecast["g[0]"].stderr == forecast.stderr[5]
    assert result["g[0]"] == result.weights["g[0]"]
    assert SMALL_PROBLEM["g[0]"] == SMALL_PROBLEM.weights[5]
    assert str(forecast).startswith("Forecast of a gradient of") and "finite β" in str(forecast) and "Advice: " in str(forecast)
    for value in (forecast, result, SMALL_PROBLEM):
        with pytest.raises(qep.InputError, match=r"no weight 'g\[9\]'"):
            value["g[9]"]


def test_results_become_tables():
    pytest.importorskip("pandas")
    budget = qep.compare(SMALL_PROBLEM, **SHOTS)
    rungs = budget.to_frame()
    assert list(rungs.index)[:2] == ["exact", "finite_beta"] and rungs.loc["shots", "relative_error"] > 0
    by_weight = budget.to_frame("weight")
    np.testing.assert_array_equal(by_weight["shots_stderr"], budget["shots"].stderr)
    table = qep.forecast(SMALL_PROBLEM, **SHOTS).to_frame()
    assert list(table.columns) == ["value", "stderr", "exact", "bias"] and list(table.index) == list(SMALL.names)
    result = trained()
    assert list(result.to_frame()["loss"]) == [row["loss"] for row in result.history]
    assert list(result.to_frame("epochs")["epoch"]) == list(range(1, 31))
    for wrong in (budget.to_frame, result.to_frame):
        with pytest.raises(qep.InputError, match="unknown 'site'; allowed"):
            wrong("site")


def test_the_package_lists_its_public_names_alone():
    for module in (qep, runs):
        assert {name for name in dir(module) if not name.startswith("__")} == set(module.__all__)


@pytest.mark.parametrize("name", [name for name in qep.__all__ if not name.endswith("Error")])
def test_help_shows_signatures_that_can_be_read(name):
    value = getattr(qep, name)
    header = str(inspect.signature(value))
    assert not re.search(r"Annotated|Key\(|<|'[A-Z]\w+ \|", header), header
    text = pydoc.render_doc(value, renderer=pydoc.plaintext)
    assert not re.search(r"<function|<object|object at 0x|<factory>", text)
