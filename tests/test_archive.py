"""Results in files: what is saved is loaded as an equal value, and any other file is refused in one line."""

import functools
import json

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.archive import DATACLASSES, LeftOut, decoded, encoded

NETWORK = qep.ising(sites=2, inputs=[0], outputs=[1])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
RAMP = qep.Adiabatic(time=3, steps=4)
NOISY = {"device": qep.simulator(noise="guadalupe", seed=1), "shots": 100, "mitigation": "tensored", "preparer": RAMP}
X, Y = np.array([[0.5], [-0.5], [0.2]]), [1, 0, 1]


def oscillators(**options):
    network = qep.oscillators(sites=2, inputs=0, outputs=1, **options)
    return qep.Problem(network, network.initial_weights(seed=1), x=[0.5], cost=qep.SquaredError([0.4]))


SAVED = {
    "gradient": lambda: qep.gradient(PROBLEM),
    "gradient of VQE": lambda: qep.gradient(PROBLEM, preparer=qep.VQE(layers=1), seed=1),
    "gradient by shots": lambda: qep.gradient(PROBLEM, **NOISY),
    "exact gradient": lambda: qep.exact_gradient(PROBLEM),
    "budget": lambda: qep.compare(PROBLEM, **NOISY),
    "forecast": lambda: qep.forecast(PROBLEM, **NOISY),
    "forecast of choices": lambda: qep.forecast(PROBLEM, choices=True, shots=200, stencil=qep.symmetric(0.3), preparer=RAMP),
    "training in closed form": lambda: qep.train(oscillators().network, X, [0.1, 0.2, 0.3], epochs=1, gradient="equilibrium"),
    "forecast of levels": lambda: qep.forecast(oscillators(levels=4)),
    "training": lambda: qep.train(NETWORK, X, Y, epochs=2, validation=(X, Y)),
}


@functools.cache
@pytest.mark.filterwarnings("ignore")
def made(kind):
    return SAVED[kind]()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SAVED)
def test_what_is_saved_is_loaded(kind, tmp_path):
    value = made(kind)
    path = value.save(tmp_path / "result.json")
    loaded = qep.load_result(path)
    assert type(loaded) is type(value) and loaded == value and repr(loaded) == repr(value)
    assert loaded._repr_html_() == value._repr_html_() and loaded.to_dict().keys() == value.to_dict().keys()
    assert loaded.save(tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_a_loaded_training_predicts_classifies_and_scores(tmp_path):
    result = made("training")
    loaded = qep.load_result(result.save(tmp_path / "result.json"))
    np.testing.assert_array_equal(loaded.predict(X), result.predict(X))
    np.testing.assert_array_equal(loaded.classify(X), result.classify(X))
    assert loaded.score(X, Y) == result.score(X, Y)


@pytest.mark.filterwarnings("ignore")
def test_a_loaded_forecast_runs(tmp_path):
    forecast = qep.load_result(made("forecast").save(tmp_path / "result.json"))
    assert qep.gradient(PROBLEM, **forecast.settings) == made("gradient by shots")
    assert qep.reduce(qep.execute(forecast)) == made("gradient by shots")


@pytest.mark.filterwarnings("ignore")
def test_functions_are_left_out(tmp_path):
    cost = qep.ExpectationCost(lambda v: float(v @ v), lambda v: 2 * v)
    result = qep.train(NETWORK, X, None, cost=cost, epochs=1)
    loaded = qep.load_result(result.save(tmp_path / "result.json"))
    assert loaded == result and loaded.predict(X).shape == (3, 1)
    assert isinstance(loaded.task.cost, LeftOut) and "does not hold" in repr(loaded.task.cost)


def test_numbers_keep_every_bit(tmp_path):
    values = np.array([0.1, 1 / 3, np.nan, np.inf, -0.0, 5e-324])
    again = decoded(json.loads(json.dumps(encoded({"a": values, "b": (1, [np.float64(0.1)], float("nan")), "c": {(0, 1): "x"}}))))
    np.testing.assert_array_equal(again["a"], values)
    assert again["b"][:2] == (1, [0.1]) and np.isnan(again["b"][2]) and again["c"] == {(0, 1): "x"}


def test_a_device_is_kept_without_the_account():
    device = qep.ibm("ibm_torino", fractional_gates=True, instance="mine")
    text = json.dumps(encoded(device))
    assert "mine" not in text
    assert decoded(json.loads(text)) == qep.ibm("ibm_torino", fractional_gates=True)


def test_every_class_of_a_file_is_where_the_table_says():
    for name, module in DATACLASSES.items():
        assert getattr(__import__(module, fromlist=[name]), name).__module__ == module


def spoiled(change):
    def spoil(text):
        document = json.loads(text)
        change(document)
        return json.dumps(document)

    return spoil


WRONG = {
    "damaged: its content has changed": lambda text: text.replace("J[0,1]", "J[0,2]"),
    "damaged or is not a result": lambda text: text[:-40],
    "is not a result; give": lambda text: "[1, 2]",
    "newer version of qep-qiskit": spoiled(lambda d: d["qep_qiskit"].update(format=99)),
    "does not hold what it names": spoiled(lambda d: d["qep_qiskit"].update(result="Budget")),
    "cannot be read: no such file": None,
}


@pytest.mark.parametrize("words", WRONG)
def test_a_foreign_or_damaged_file_gets_one_line(words, tmp_path):
    path = made("exact gradient").save(tmp_path / "result.json")
    if WRONG[words] is None:
        path.unlink()
    else:
        path.write_text(WRONG[words](path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(qep.InputError, match=words) as error:
        qep.load_result(path)
    assert "\n" not in str(error.value) and "result.json" in str(error.value)


@pytest.mark.parametrize(
    "value", [{"is": "os.system"}, {"is": "Gradient", "nonsense": 1}, {"is": "array", "type": "O", "shape": [], "values": []}]
)
def test_no_other_class_is_made_from_a_file(value):
    with pytest.raises((qep.InputError, TypeError, ValueError)):
        decoded(value)


@pytest.mark.parametrize("path", ["missing/result.json", "."])
def test_a_file_that_cannot_be_written_gets_one_line(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(qep.InputError, match="path: "):
        made("exact gradient").save(path)
