"""The objects that a spec's keys become."""

import tomllib

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.experiment import load
from qep_qiskit.experiment.loading import validated
from qep_qiskit.experiment.overrides import apply, parse, value_of
from qep_qiskit.experiment.spec import resolve

PAULI = """
seed = 3
[network]
kind = "pauli"
fixed = { IIZ = -0.2 }
inputs = [{ ZII = -1.0 }, {}]
outputs = [{ IIZ = 1.0 }, { IZI = 1.0 }]
[network.terms]
gX = { XII = -1.0, IXI = -1.0, IIX = -1.0 }
J = { ZZI = -1.0, IZZ = -1.0 }
k = { operator = { ZIZ = -0.5 }, input = 1 }
[weights]
gX = 0.9
k = 0.1
[cost]
kind = "softmax_cross_entropy"
scale = 3.0
[sample]
x = [0.3, -0.4]
y = 1
"""


@pytest.fixture
def pauli_spec(tmp_path):
    path = tmp_path / "pauli.toml"
    path.write_text(PAULI)
    return path


def test_ising_network_is_the_one_of_python(small_spec):
    problem = load(small_spec).problem()
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    assert problem.network.names == network.names
    weights = [0.9, 0.7, 0.1, -0.2, 0.3, 1.0, 0.8, 1.1]
    assert problem.weights.tolist() == weights
    other = qep.Problem(network, weights, x=[0.5], cost=qep.SquaredError([1.0]))
    np.testing.assert_array_equal(problem.hamiltonian_row, other.hamiltonian_row)
    assert problem.cost == other.cost


def test_pauli_network(pauli_spec):
    spec = load(pauli_spec)
    problem = spec.problem()
    assert problem.network.names == ("gX", "J", "k")
    assert problem.network.terms[2].input == 1
    weights = problem.network.initial_weights(seed=3)
    assert problem.weights.tolist() == [0.9, weights["J"], 0.1]
    assert problem.cost.value(np.array([1.0, 1.0])) == pytest.approx(np.log(2))


def test_defaults_of_absent_sections(tmp_path):
    path = tmp_path / "least.toml"
    path.write_text(
        "network = {kind = 'ising', sites = 2, outputs = [1]}\ncost = {kind = 'squared_error'}\nsample = {y = [0.5]}\n"
    )
    spec = load(path)
    assert (spec.seed, spec.shots, spec.mitigation, spec.measurement.calibration_shots) == (0, None, "none", None)
    assert spec.stencil() == qep.symmetric("adaptive")
    assert spec.preparer() == qep.Exact()
    assert spec.device().name == "statevector"


@pytest.mark.parametrize("number", ["1", "1.0", "[1.0]"])
def test_one_output_may_be_a_number(small_spec, number):
    spec = load(small_spec, overrides=[("sample.y", number)])
    assert spec.problem().cost == qep.SquaredError([1.0])


def test_costs(small_spec):
    observable = load(small_spec, overrides=[("cost.kind", "squared_error_observable")]).problem().cost
    assert observable == qep.SquaredError([1.0]).observable()
    overrides = [("cost.kind", "observable"), ("cost.operator", "{ZII = 1.0, IXX = -0.5}"), ("sample.y", "")]
    cost = load(small_spec, overrides=overrides).problem().cost
    assert sorted(cost.operator.to_list()) == [("IXX", -0.5), ("ZII", 1.0)]
    overrides = [("cost.kind", "softmax_cross_entropy"), ("sample.y", "[0.25, 0.75]"), ("network.outputs", "[1, 2]")]
    cost = load(small_spec, overrides=overrides).problem().cost
    assert cost.error_signal(np.zeros(2)) == pytest.approx([0.25, -0.25])


def test_preparers_get_what_was_written_and_nothing_else(small_spec):
    settings = [("preparation.method", "vqe"), ("preparation.layers", "2"), ("preparation.shared_angles", "true")]
    assert load(small_spec, overrides=settings).preparer() == qep.VQE(layers=2, shared_angles=True)
    settings = [("preparation.method", "adiabatic"), ("preparation.time", "8"), ("preparation.schedule", "smoothstep")]
    assert load(small_spec, overrides=settings).preparer() == qep.Adiabatic(time=8.0, schedule="smoothstep")


def test_optimizers_by_name(small_spec):
    pytest.importorskip("qiskit_algorithms")
    from qep_qiskit.preparation.vqe import OPTIMIZERS

    for name in OPTIMIZERS:
        settings = [("preparation.method", "vqe"), ("preparation.optimizer", name), ("preparation.max_iterations", 7)]
        assert type(load(small_spec, overrides=settings).preparer().optimizer).__name__ == name


@pytest.mark.parametrize("kind", ["one_sided", "symmetric", "extrapolated"])
def test_stencils(small_spec, kind):
    spec = load(small_spec, overrides=[("stencil.kind", kind), ("stencil.beta", "0.2")])
    assert spec.stencil() == getattr(qep, kind)(0.2)


def test_devices(small_spec):
    noisy = [("device.name", "aer"), ("device.noise", "fake_manila"), ("device.method", "density_matrix")]
    aer = load(small_spec, overrides=noisy, seed=5).device()
    assert (aer.name, aer.seed, aer.method, aer.describe()["noise"]) == ("aer", 5, "density_matrix", "fake_manila")
    for name in ("fake_manila", "manila", "FakeManilaV2"):
        snapshot = load(small_spec, overrides=[("device.name", name), ("device.engine", "aer")]).device()
        assert (snapshot.name, snapshot.engine) == ("fake_manila", "aer")
    manila = load(small_spec, overrides=[("device.noise", "manila")], seed=3).device()
    assert (manila.name, manila.engine, manila.seed, manila.describe()["noise"]) == ("simulator", "simulator", 3, "fake_manila")


def test_ansatz_of_the_gallery_and_beside_the_spec(small_spec):
    settings = [("preparation.method", "vqe"), ("preparation.layers", 1)]
    circuit = load(small_spec, overrides=settings).ansatz()
    assert circuit.num_qubits == 3
    assert circuit.num_parameters == 2 + 3 + 3
    from qep_qiskit.ansatz.qasm import export

    export(circuit, small_spec.parent / "mine.qasm")
    spec = load(small_spec, overrides=[*settings[:1], ("preparation.ansatz", "mine.qasm")])
    assert spec.ansatz().num_parameters == 8
    assert spec.preparer().ansatz == str(small_spec.parent / "mine.qasm")


NETWORK = qep.ising(sites=3, edges="chain", outputs=[2])


def test_weights_by_group_by_name_and_drawn():
    random = NETWORK.initial_weights(seed=4)
    weights = resolve(NETWORK, {"J": [0.1, 0.2], "g": 1.0, "g[1]": 0.5}, 4)
    assert list(weights) == list(NETWORK.names)
    assert weights["J[0,1]"] == 0.1
    assert weights["J[1,2]"] == 0.2
    assert [weights[f"g[{i}]"] for i in range(3)] == [1.0, 0.5, 1.0]
    assert all(weights[f"h[{i}]"] == random[f"h[{i}]"] for i in range(3))


def test_order_of_name_and_group_does_not_matter():
    assert resolve(NETWORK, {"g[1]": 0.5, "g": 1.0}, 4) == resolve(NETWORK, {"g": 1.0, "g[1]": 0.5}, 4)


def test_seed_draws_the_weights(small_spec):
    drop = [("weights.J", ""), ("weights.h", "")]
    a, b = (load(small_spec, overrides=drop, seed=s).problem().weights for s in (1, 2))
    assert (a[:5] != b[:5]).all()
    assert (a[5:] == b[5:]).all()
    assert (a == load(small_spec, overrides=drop, seed=1).problem().weights).all()


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("true", True), ("ring", "ring"), ('"ring"', "ring"), ("[0, 1]", [0, 1]),
     ("1\nx = 2", "1\nx = 2"),
     ("{a = 1}", {"a": 1}), ("=", "="), ("fake_manila", "fake_manila"), ("heavy-hex", "heavy-hex")],
)  # fmt: skip
def test_values_of_overrides(text, value):
    assert value_of(text) == value


def test_keys_of_overrides():
    assert parse("weights.J[0,1]=0.3") == ("weights.J[0,1]", "0.3")
    assert parse("cost.operator = {Z = 1}") == ("cost.operator", "{Z = 1}")
    assert apply({}, [("weights.a.b", "1")]) == {"weights": {"a.b": 1}}
    assert apply({"network": {"terms": {}}}, [("network.terms.g", "{X = 1}")]) == {"network": {"terms": {"g": {"X": 1}}}}


def test_overrides_leave_the_tables_alone():
    tables = {"stencil": {"beta": 0.1}}
    assert apply(tables, [("stencil.beta", "0.2"), ("device.name", "aer")]) == {
        "stencil": {"beta": 0.2},
        "device": {"name": "aer"},
    }
    assert tables == {"stencil": {"beta": 0.1}}


def test_another_kind_drops_the_options_of_the_old():
    tables = {
        "preparation": {"method": "vqe", "layers": 3, "ansatz": "hamiltonian"},
        "device": {"name": "aer", "noise": "fake_x"},
    }
    changed = apply(tables, [("preparation.method", "exact"), ("device.name", "statevector")])
    assert changed == {"preparation": {"method": "exact"}, "device": {"name": "statevector"}}
    document = apply({"preparation": {"method": "vqe", "leyers": 3}}, [("preparation.method", "exact")])
    assert document["preparation"]["leyers"] == 3


def test_round_trip(small_spec, pauli_spec, tmp_path):
    for path in (small_spec, pauli_spec):
        spec = load(path, overrides=[("stencil.beta", "0.05")], seed=11)
        copy = tmp_path / "copy.toml"
        copy.write_text(spec.to_toml())
        again = load(copy)
        assert again.tables == spec.tables
        assert (again.seed, again.stencil_section.beta) == (11, 0.05)
        assert (again.problem().weights == spec.problem().weights).all()


def test_tables_without_a_file():
    tables = tomllib.loads(PAULI)
    assert validated(tables).problem().network.num_qubits == 3


def test_shipped_specs_are_valid():
    from pathlib import Path

    for path in sorted(Path(__file__).parents[2].glob("hardware_runs/specs/*.toml")):
        spec = load(path)
        if spec.data.source is None:
            spec.problem()
        else:
            assert spec.weighted_network()[0].num_outputs
        spec.settings()
