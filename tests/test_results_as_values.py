"""Results and nouns as values: pickle, joblib, copy, == as a bool, short reprs, tables for notebooks."""

import copy
import dataclasses
import importlib
import io
import pickle
import sys

import joblib
import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.preparation.preparer import MOST_PICKLED
from qep_qiskit.values import same

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
RAMP = qep.Adiabatic(time=3, steps=4)
XOR = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]]), [0, 1, 1, 0]


def oscillators(**options):
    return qep.oscillators(sites=2, inputs=0, outputs=1, **options)


def problem_of(network, x=0.5, cost=None):
    weights = network.initial_weights(seed=1)
    return qep.Problem(network, weights, x=[x] * network.num_inputs, cost=cost or qep.SquaredError([0.4]))


def chain(sites):
    return problem_of(qep.ising(sites=sites, inputs=0, outputs=sites - 1))


MADE = {
    "ising": lambda: NETWORK,
    "pauli": lambda: qep.pauli(terms={"a": "XI", "b": {"ZZ": -1, "IX": 0.5}}, inputs=["IZ"], outputs="ZI"),
    "phase oscillators": lambda: qep.phase_oscillators(sites=3, outputs=[2]),
    "oscillators": oscillators,
    "encoded": lambda: oscillators(levels=4),
    "elastic": lambda: qep.elastic(sites=3, outputs=[2]),
    "resistors": lambda: qep.resistors(sites=3, inputs=0, outputs=1, ground=2),
    "problem": lambda: PROBLEM,
    "problem with dL/dx": lambda: PROBLEM.with_inputs(),
    "problem in closed form": lambda: problem_of(oscillators()),
    "encoded problem": lambda: problem_of(oscillators(levels=4), cost=qep.SquaredError([0.4]).observable()),
    "symmetric": lambda: qep.symmetric(0.1),
    "auto": lambda: qep.symmetric("auto"),
    "split": lambda: qep.Split([[100, 0], [50, 50]]),
    "optimal": lambda: qep.optimal_shots(100),
    "observable": lambda: qep.ObservableCost("ZZ"),
    "linear cost": lambda: qep.LinearCost([0.5, -1.0]),
    "pullback": lambda: qep.vjp(NETWORK, PROBLEM.weights, [0.5], [1.0], shots=100, seed=1),
    "cross entropy": lambda: qep.softmax_cross_entropy(0, scale=2.0),
    "cross entropy of shares": lambda: qep.softmax_cross_entropy([0.25, 0.75]),
    "problem of a class": lambda: problem_of(qep.ising(sites=2, outputs=[0, 1]), cost=qep.softmax_cross_entropy(1, scale=3.0)),
    "gradient": lambda: qep.gradient(PROBLEM),
    "gradient of 8 qubits": lambda: qep.gradient(chain(8)),
    "gradient of VQE": lambda: qep.gradient(PROBLEM, preparer=qep.VQE(layers=1), seed=1),
    "gradient by shots with dL/dx": lambda: qep.gradient(PROBLEM, inputs=True, shots=100, seed=1),
    "gradient by shots": lambda: qep.gradient(PROBLEM, preparer=RAMP, shots=100, device="aer", mitigation="tensored", seed=1),
    "gradient of mean fields": lambda: qep.gradient(PROBLEM, preparer=qep.MeanField()),
    "thermal gradient": lambda: qep.gradient(PROBLEM, preparer=qep.Thermal(1.0)),
    "gradient in closed form": lambda: qep.gradient(problem_of(oscillators())),
    "exact gradient": lambda: qep.exact_gradient(PROBLEM),
    "variational gradient": lambda: qep.variational_gradient(PROBLEM, qep.VQE(layers=1)),
    "budget": lambda: qep.compare(PROBLEM, shots=100, seed=1),
    "rung": lambda: qep.compare(PROBLEM, shots=100, seed=1)["shots"],
    "forecast": lambda: qep.plan(PROBLEM, shots=100, seed=1),
    "training": lambda: qep.train(NETWORK, [[0.5], [-0.5]], [0.3, -0.3], epochs=2),
    "estimate": lambda: qep.gradient(PROBLEM)["g[0]"],
}
COPIES = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


def through_joblib(value):
    file = io.BytesIO()
    joblib.dump(value, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", MADE)
def test_values_are_copied_compared_and_shown(kind):
    value = MADE[kind]()
    for copied in (*(way(value) for way in COPIES.values()), through_joblib(value)):
        assert type(copied) is type(value)
        assert (copied == value) is True and (copied != value) is False
    again = MADE[kind]()
    assert (again == value) is True  # whatever the clock says
    for other in (None, 1, "x", *([np.zeros(3)] if hasattr(value, "_repr_html_") else [])):
        assert (value == other) is False
    assert "0x" not in repr(value) and len(repr(value)) < 300 and len(repr(value).splitlines()) <= 2
    if type(value).__hash__ is not None and kind not in ("observable",):  # an operator of Qiskit has no hash
        assert hash(value) == hash(again)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in MADE
        if kind.split()[0] in ("problem", "gradient", "budget", "forecast", "training", "ising", "pauli", "encoded")
    ],
)
def test_values_have_a_table_for_notebooks(kind):
    text = MADE[kind]()._repr_html_()
    assert text.startswith('<div class="qep">') and text.count("<tr>") == text.count("</tr>") > 1
    assert "0x" not in text


def test_names_in_a_table_are_text():
    network = qep.pauli(terms={"<img src=x onerror=alert(1)>": "X", "b": "Z"}, outputs=["Z"])
    problem = qep.Problem(network, [0.5, 0.5], cost=qep.SquaredError([0.0]))
    for value in (network, problem, qep.gradient(problem)):
        assert "<img" not in value._repr_html_() and "&lt;img" in value._repr_html_()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: qep.gradient(PROBLEM), lambda: qep.gradient(PROBLEM, stencil=qep.symmetric(0.2))),
        (lambda: NETWORK, lambda: qep.ising(sites=2, edges="chain", inputs=[1], outputs=[1])),
        (lambda: NETWORK, lambda: qep.ising(sites=3, edges="chain", inputs=[0], outputs=[1])),
        (lambda: PROBLEM, lambda: problem_of(NETWORK)),
        (lambda: oscillators(), lambda: oscillators(masses=[1.0, 2.0])),
        (lambda: oscillators(levels=4), lambda: oscillators(levels=4, encoding="gray")),
        (lambda: qep.plan(PROBLEM, shots=100), lambda: qep.plan(PROBLEM, shots=200)),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_different_values_are_unequal(one, other):
    assert (one() == other()) is False
    assert (one() != other()) is True


def test_content_is_compared_number_by_number():
    nan = float("nan")
    assert same({"a": np.array([1.0, nan]), "seconds": 1}, {"a": [1, nan], "seconds": 2})
    assert same(np.array(["a", None], dtype=object), ["a", None])
    for one, other in (
        (np.zeros(2), np.zeros(3)),
        (np.zeros(2), None),
        (None, 0),
        ([1], [1, 2]),
        ({"a": 1}, {"b": 1}),
        (np.array([nan]), np.array([0.0])),
        (np.array(["0.0"]), np.zeros(1)),
    ):
        assert not same(one, other) and not same(other, one)


@pytest.mark.parametrize(
    "preparer", [qep.Exact(), qep.VQE(layers=2, starts=2), qep.MeanField(), RAMP], ids=lambda p: type(p).__name__
)
@pytest.mark.filterwarnings("ignore")
def test_a_pickled_gradient_still_serves_as_a_warm_start(preparer):
    problem = chain(8) if isinstance(preparer, qep.Exact) else PROBLEM
    first = qep.gradient(problem, preparer=preparer, seed=1)
    loaded = pickle.loads(pickle.dumps(first))
    near, cold = (qep.gradient(problem, preparer=preparer, warm_start=start, seed=1) for start in (loaded, first))
    np.testing.assert_allclose(near.values, cold.values, atol=1e-9)
    assert len(pickle.dumps(first)) < 100_000


DEVICES = {
    "aer": lambda: qep.aer(seed=1),
    "simulator": lambda: qep.simulator(seed=1),
    "noise": lambda: qep.simulator(noise="guadalupe", seed=1),
    "fake": lambda: qep.fake("torino", seed=1),
    "statevector": lambda: qep.statevector(seed=1),
}


@pytest.mark.parametrize("kind", DEVICES)
def test_a_copied_device_is_equal(kind):
    device = DEVICES[kind]()
    for copied in (pickle.loads(pickle.dumps(device)), copy.deepcopy(device), copy.copy(device)):
        assert copied == device and hash(copied) == hash(device)
    assert device != qep.fake("lagos") and device != qep.simulator(noise="lagos", seed=1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", DEVICES)
def test_trainings_on_devices_are_copied_and_predict_as_before(kind):
    device = DEVICES[kind]()
    result = qep.train(NETWORK, [[0.5], [-0.5]], [0.3, -0.3], epochs=1, device=device, shots=50, preparer=RAMP, seed=1)
    prediction = result.predict([[0.2]], shots=100, seed=3)
    for copied in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result), through_joblib(result)):
        assert copied == result
        np.testing.assert_array_equal(copied.predict([[0.2]], shots=100, seed=3), prediction)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [qep.QEPClassifier, qep.QEPRegressor])
def test_fitted_estimators_are_copied(make):
    X, y = XOR
    cost = "softmax_cross_entropy" if make is qep.QEPClassifier else "squared_error"
    model = make(hidden=1, epochs=1, cost=cost, device=qep.simulator(seed=1), shots=100, preparer=RAMP).fit(X, y)
    for copied in (*(way(model) for way in COPIES.values()), through_joblib(model)):
        np.testing.assert_array_equal(copied.predict(X), model.predict(X))
        assert copied.weights_ == model.weights_ and copied.result_ == model.result_
        assert (copied == model) in (True, False)


def test_workers_do_not_travel_with_a_result():
    result = qep.train(NETWORK, [[0.5], [-0.5]], [0.3, -0.3], epochs=1, workers=1)
    assert pickle.loads(pickle.dumps(result)) == result


def test_states_too_large_to_be_pickled_are_refused_as_a_start(monkeypatch):
    first = qep.gradient(chain(8))
    monkeypatch.setattr("qep_qiskit.preparation.preparer.MOST_PICKLED", 10)
    assert MOST_PICKLED > 10**6
    loaded = pickle.loads(pickle.dumps(first))
    assert loaded == first
    with pytest.raises(qep.InputError, match="warm_start="):
        qep.gradient(chain(8), warm_start=loaded)
    with pytest.raises(qep.InputError, match="not kept when a result is pickled"):
        loaded.free.circuits()


def results_with_diagnostics():
    return [qep.gradient(PROBLEM, stencil=qep.symmetric(0.1)), qep.compare(PROBLEM, stencil=qep.symmetric(0.1))]


@pytest.mark.parametrize("result", results_with_diagnostics(), ids=["gradient", "budget"])
def test_diagnostics_may_be_given_as_a_mapping(result):
    again = dataclasses.replace(result, diagnostics={**result.diagnostics, "warnings": ["one", "two"]})
    assert again.diagnostics.warnings == ("one", "two") and again.diagnostics.gap == result.diagnostics.gap
    assert repr(again) and again._repr_html_() and again.to_dict()["diagnostics"]["warnings"] == ["one", "two"]


@pytest.mark.parametrize("result", results_with_diagnostics(), ids=["gradient", "budget"])
def test_pickles_whose_diagnostics_are_a_dict_still_load(result):
    earlier = copy.copy(result)
    object.__setattr__(earlier, "diagnostics", result.diagnostics.to_dict())
    again = pickle.loads(pickle.dumps(earlier))
    assert again == result and again.diagnostics.warnings == result.diagnostics.warnings
    assert again.to_dict() == result.to_dict() and repr(again) == repr(result)


@pytest.mark.filterwarnings("ignore")
def test_one_weight_by_name():
    grad = qep.gradient(PROBLEM, preparer=RAMP, shots=1000, device="aer", seed=1)
    one = grad["J[0,1]"]
    assert (one.value, one.stderr) == (grad.values[0], grad.stderr[0])
    value, error = str(one).split(" ± ")
    assert float(value) == pytest.approx(one.value, abs=one.stderr) and float(error) == pytest.approx(one.stderr, rel=0.05)
    assert qep.gradient(PROBLEM)["g[1]"].stderr is None
    assert list(grad) == list(grad.names) and len(grad) == 5
    np.testing.assert_array_equal(np.asarray(grad), grad.values)
    for name in ("J[1,0]", 0, None):
        with pytest.raises(qep.InputError, match="this network has no weight"):
            grad[name]


def test_a_gradient_becomes_a_pandas_frame(monkeypatch):
    grad = qep.gradient(PROBLEM)
    try:
        importlib.import_module("pandas")
    except ImportError:
        with pytest.raises(qep.InputError, match="pip install pandas"):
            grad.to_frame()
    else:
        frame = grad.to_frame()
        assert list(frame.index) == list(grad.names) and frame["value"].tolist() == grad.values.tolist()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(qep.InputError, match="pip install pandas"):
        grad.to_frame()


def test_a_training_scores_data():
    result = qep.train(NETWORK, [[0.5], [-0.5]], [0.3, -0.3], epochs=2)
    assert 0.0 <= result.score([[0.5], [-0.5]], [0.3, -0.3]) <= 1.0  # two targets are two classes
    numbers = qep.train(NETWORK, [[0.5], [-0.5], [0.0]], [0.3, -0.3, 0.1], epochs=1)
    predictions = numbers.predict([[0.5], [-0.5], [0.0]])[:, 0]
    truth = np.array([0.3, -0.3, 0.1])
    r_squared = 1 - np.sum((predictions - truth) ** 2) / np.sum((truth - truth.mean()) ** 2)
    assert numbers.score([[0.5], [-0.5], [0.0]], truth) == pytest.approx(r_squared)
    with pytest.raises(qep.InputError, match="R² is not defined"):
        numbers.score([[0.5]], [0.3])


@pytest.mark.filterwarnings("ignore")
def test_settings_are_shown_without_addresses():
    from qiskit.primitives import StatevectorSampler
    from qiskit_aer import AerSimulator

    for make in DEVICES.values():
        settings = qep.plan(PROBLEM, preparer=RAMP, shots=100, device=make()).settings
        assert "0x" not in repr(settings) and len(repr(settings)) < 1000
    for device in (StatevectorSampler(seed=1), AerSimulator(seed_simulator=1)):
        result = qep.train(NETWORK, [[0.5]], [0.3], epochs=1, device=device, shots=20, preparer=RAMP)
        assert "0x" not in repr(result.task.settings.device) and "0x" not in repr(result.settings)


def test_an_unknown_rung_is_refused():
    budget = qep.compare(PROBLEM, shots=100, seed=1)
    assert [rung.name for rung in budget] == [rung.name for rung in budget.rungs]
    with pytest.raises(qep.InputError, match="no rung is called 'shotz'; the rungs are exact"):
        budget["shotz"]


@pytest.mark.parametrize("made", [lambda: problem_of(NETWORK), lambda: pickle.loads(pickle.dumps(problem_of(NETWORK)))])
def test_a_problem_does_not_change_under_its_results(made):
    problem = made()
    before = qep.gradient(problem).values
    for array in (problem.weights, problem.x):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7.0
    for name in ("weights", "x", "cost", "network"):
        with pytest.raises(AttributeError, match=f"Problem: {name} cannot be changed; make another Problem"):
            setattr(problem, name, getattr(problem, name))
    assert np.array_equal(qep.gradient(problem).values, before)


def test_arrays_that_change_later_do_not_change_a_problem():
    weights, x, target, edges = NETWORK.weight_vector([1.0, 0.2, 0.1, 1.0, 0.9]), np.array([0.5]), np.array([0.4]), [[0, 1]]
    network = qep.ising(sites=2, edges=edges, inputs=[0], outputs=[1])
    problem = qep.Problem(network, weights, x=x, cost=qep.SquaredError(target))
    before = qep.gradient(problem).values
    edges[0][1], weights[:], x[:], target[:] = 0, 9.0, 9.0, 9.0
    again = qep.Problem(network, problem.weights, x=problem.x, cost=problem.cost)
    assert np.array_equal(qep.gradient(problem).values, before) and np.array_equal(qep.gradient(again).values, before)
