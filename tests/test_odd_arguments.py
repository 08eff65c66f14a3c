"""Odd values for every argument of the public constructors: taken, or one line; never the error of another library."""

import numpy as np
import pytest

import qep_qiskit as qep

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
WEIGHTS = NETWORK.initial_weights(seed=3)
PROBLEM = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([0.4]))


class Unprintable:
    """An object of another library that fails to describe itself."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


ODD = {
    "None": None,
    "word": "a",
    "empty word": "",
    "bytes": b"x",
    "fraction": 1.5,
    "negative": -1,
    "zero": 0,
    "true": True,
    "nan": float("nan"),
    "infinity": float("inf"),
    "complex": 1j,
    "empty list": [],
    "list": [1],
    "nested": [[1, 2], [3]],
    "mapping": {"a": 1},
    "tuple": (),
    "set": set(),
    "object": object(),
    "array": np.array([1, 2]),
    "number as array": np.array(3),
    "float32": np.float32(0.1),
    "function": lambda: 0,
    "class": int,
    "denormal": 5e-324,
    "large": 1e308,
    "huge": 10**400,
    "long word": "x" * 20_000,
    "table": np.eye(20),
    "without repr": Unprintable(),
}
CONSTRUCTORS = {
    qep.VQE: "ansatz layers shared_angles entanglement optimizer estimator starts tolerance max_iterations",
    lambda **k: qep.VQE(**k): "prediction_tolerance regulariser simulation",
    lambda **k: qep.Adiabatic(**{"time": 3.0, "steps": 6, **k}): "time steps schedule order initial",
    qep.Exact: "tolerance nudge_share gap level",
    qep.MPS: "bond_dimension max_sweeps gap nudge_share",
    qep.MeanField: "starts tolerance max_iterations",
    qep.Thermal: "temperature",
    qep.symmetric: "beta",
    qep.one_sided: "beta",
    qep.extrapolated: "beta",
    qep.optimal_shots: "shots",
    lambda **k: qep.Split(**{"shots": [[10]], **k}): "shots calibration",
    qep.SquaredError: "target",
    qep.ObservableCost: "operator",
    qep.LinearCost: "cotangent",
    lambda **k: qep.vjp(**{"network": NETWORK, "weights": WEIGHTS, "x": [0.5], "cotangent": [1.0], **k}): "weights x cotangent",
    lambda **k: qep.softmax_cross_entropy(**{"target": 0, **k}): "target",
    lambda **k: qep.Problem(
        **{"network": NETWORK, "weights": WEIGHTS, "x": [0.5], "cost": PROBLEM.cost, **k}
    ): "network weights x cost input_gradient",
    lambda **k: qep.ising(**{"sites": 3, "outputs": [2], **k}): "sites edges inputs outputs clamp transverse qubits rows columns",
    lambda **k: qep.phase_oscillators(**{"sites": 3, "outputs": [2], **k}): "sites edges inputs outputs clamp",
    lambda **k: qep.oscillators(**{"sites": 3, "outputs": [2], **k}): "sites edges masses inputs outputs biases levels encoding",
    lambda **k: qep.elastic(**{"sites": 3, "outputs": [2], **k}): "sites edges inputs outputs biases",
    lambda **k: qep.resistors(
        **{"sites": 3, "inputs": [0], "outputs": [1], "ground": [2], **k}
    ): "sites edges inputs outputs ground clamp",
    lambda **k: qep.pauli(**{"terms": {"a": "ZX"}, "outputs": ["ZI"], **k}): "terms fixed inputs outputs",
    lambda term: qep.pauli(terms={"a": term}, outputs=["Z"]): "term",
    lambda number: qep.pauli(terms={"a": {"Z": number}}, outputs=["Z"]): "number",
    lambda **k: qep.gradient(PROBLEM, **k): "inputs preparer stencil device shots mitigation calibration_shots warm_start seed",
    lambda **k: qep.plan(PROBLEM, **k): "target_error shots",
    lambda value: qep.gradient(
        qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.ExpectationCost(lambda v: value, lambda v: value))
    ): "value",
}
CASES = [(make, name) for make, names in CONSTRUCTORS.items() for name in names.split()]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "name"), CASES, ids=lambda part: part if isinstance(part, str) else getattr(part, "__name__", "")
)
def test_odd_values_are_taken_or_refused_in_one_line(make, name):
    for kind, value in ODD.items():
        try:
            make(**{name: value})
        except (qep.InputError, qep.PreparationError) as error:
            line = str(error)
            assert line and "\n" not in line and len(line) < 600, (kind, line)
        except Exception as error:
            pytest.fail(f"{name} = {kind}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("shots", [10**30, 1e300])
def test_too_many_shots_to_count_are_refused(shots):
    with pytest.raises(qep.InputError, match="shots: (1e\\+300|10{30}) is not allowed; give at most"):
        qep.gradient(PROBLEM, shots=shots)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [qep.QEPClassifier, qep.QEPRegressor])
@pytest.mark.parametrize(
    "name",
    [
        *("network", "hidden", "cost", "preparer", "stencil", "device", "shots", "mitigation", "optimizer"),
        *(
            "learning_rate",
            "schedule",
            "epochs",
            "batch_size",
            "bounds",
            "l2",
            "soft_cutoff",
            "early_stopping",
            "validation_fraction",
            "random_state",
        ),
    ],
)
def test_odd_options_of_estimators(make, name):
    for kind, value in ODD.items():
        try:
            make(**{"hidden": 0, "epochs": 1, name: value}).fit([[-1.0], [1.0], [-0.5], [0.5]], [0, 1, 0, 1])
        except (qep.InputError, qep.PreparationError) as error:
            assert "\n" not in str(error), kind
        except Exception as error:
            pytest.fail(f"{name} = {kind}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("name", ["VQE", "Exact", "MPS", "Thermal"])
def test_a_class_in_place_of_a_preparer_is_refused(name):
    with pytest.raises(qep.InputError, match=f"^preparer: <class {name}> is not allowed; give qep.Exact"):
        qep.gradient(PROBLEM, preparer=getattr(qep, name))


@pytest.mark.parametrize("temperature", [1e-300, 1e12, 1e300])
def test_any_temperature_has_a_gradient(temperature):
    gradient = qep.gradient(PROBLEM, preparer=qep.Thermal(temperature))
    hot = -2 * 0.4 / temperature if temperature > 1 else qep.exact_gradient(PROBLEM)["h[1]"].value  # ⟨Z⟩ → h/T
    assert gradient["h[1]"].value == pytest.approx(hot, rel=1e-2)


@pytest.mark.parametrize(
    "begin",
    [
        lambda folder: qep.train(NETWORK, [[0.5]], [0.4], epochs=1, run=folder),
        lambda folder: qep.compare(PROBLEM, shots=10, keep=folder),
        lambda folder: qep.vjp(NETWORK, WEIGHTS, [[0.5]], [[1.0]], shots=10, run=folder),
    ],
    ids=["train", "compare", "vjp"],
)
def test_a_folder_that_cannot_be_made(begin, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(qep.InputError, match="file/run: the folder cannot be made"):
        begin(tmp_path / "file/run")
