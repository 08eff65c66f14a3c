"""This package's own simulation of noise: exactly the distributions of Aer's density matrices, or Aer's own."""

import numpy as np
import pytest
from device_contract import equal, frequencies
from noise_cases import (
    BASIS,
    MODELS,
    as_it_is,
    beside_aer,
    both_distributions,
    depolarizing,
    everything,
    random_circuit,
    readout,
)
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import RXGate, SXGate
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error, pauli_error, reset_error
from scipy.stats import chi2

import qep_qiskit as qep
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.simulated import density_engine, exact_engine
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.mitigation import twirling
from qep_qiskit.measurement.mitigation.folding import folded
from qep_qiskit.simulation.noise import transfer
from qep_qiskit.simulation.noise.channels import ChannelProgram

TIGHT = {"rtol": 0.0, "atol": 1e-10}


@pytest.fixture
def own_runs(monkeypatch):
    """Count the rows that this package's own simulation computes."""
    rows = []
    plain = ChannelProgram.distributions

    def counted(self, angles, *rest):
        rows.append(len(angles))
        return plain(self, angles, *rest)

    monkeypatch.setattr(ChannelProgram, "distributions", counted)
    return rows


def a_row(circuit, rows=3, seed=0):
    return np.random.default_rng(seed).uniform(-3, 3, (rows, circuit.num_parameters))


def layered(num_qubits, layers=2):
    """Rotations, and couplings of a chain and of its ends."""
    circuit = QuantumCircuit(num_qubits)
    names = iter(range(1000))
    for _ in range(layers):
        for q in range(num_qubits):
            circuit.rx(Parameter(f"theta_{next(names):03d}"), q)
            circuit.rz(Parameter(f"theta_{next(names):03d}"), q)
        for q in range(num_qubits - 1):
            circuit.rzz(Parameter(f"theta_{next(names):03d}"), q, q + 1)
        circuit.ryy(0.4, 0, num_qubits - 1)
    return circuit


@pytest.mark.parametrize(
    "name",
    [
        *("fake_guadalupe", "fake_melbourne", "fake_torino", "fake_sherbrooke"),
        *("fake_cairo", "fake_burlington", "fake_fractional", "fake_boston"),
    ],
)
def test_every_kind_of_native_gates(name, own_runs):
    """CX, CZ, ECR, U3 and fractional gates; four qubits, so that some circuits are routed."""
    device, exact = qep.fake(name), qep.fake(name, engine="aer")
    circuit = layered(4)
    compiled = device.compile(circuit)
    assert compiled.simulator == "qep-qiskit"
    distributions, right = both_distributions(device, exact, compiled, ("ZZZZ", "XXXX", "YXZY"), a_row(circuit, 2))
    np.testing.assert_allclose(distributions, right, **TIGHT)
    assert own_runs == [2]


@pytest.mark.parametrize("model", MODELS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("num_qubits", [1, 2, 3, 5])
def test_random_circuits_under_any_noise(model, num_qubits, own_runs):
    """Every gate and every kind of error; parameters, affine and other functions of them; any pairs of wires."""
    device, exact = beside_aer(model())
    letters = np.random.default_rng(num_qubits).choice(list("XYZ"), num_qubits)
    for seed in range(3):
        circuit = random_circuit(num_qubits, 40, seed)
        bases = ("X" * num_qubits, "Y" * num_qubits, "Z" * num_qubits, "".join(letters))
        distributions, right = both_distributions(device, exact, as_it_is(circuit), bases, a_row(circuit, 2, seed))
        np.testing.assert_allclose(distributions, right, **TIGHT)
    assert own_runs == [2] * 3


def test_six_wires_some_of_them_idle_or_not_read(own_runs):
    circuit = QuantumCircuit(6)
    circuit.compose(random_circuit(4, 60, 7), [5, 0, 3, 2], inplace=True)
    circuit.sx(1)
    compiled = as_it_is(circuit, wires=(3, 5, 1))
    distributions, right = both_distributions(*beside_aer(everything()), compiled, ("XYZ", "ZZZ"), a_row(circuit, 5))
    np.testing.assert_allclose(distributions, right, **TIGHT)
    assert own_runs == [5]


def test_many_rows_some_of_them_equal_and_not_all_in_every_basis(own_runs):
    """Rows by the hundred, more than are swept along together."""
    device, exact = beside_aer(everything())
    circuit = layered(3)
    values = a_row(circuit, 300)
    values[::3, :5] = values[0, :5]
    values[7] = values[8]
    compiled = device.compile(circuit)
    (subset, all_rows), (right,) = (
        d.distribution([Work(compiled, axes, rows) for axes, rows in items])
        for d, items in ((device, [("XXX", values[5:20]), ("ZYX", values)]), (exact, [("ZYX", values[[0, 7, 150, 299]])]))
    )
    for row, expected in zip([0, 7, 150, 299], right, strict=True):
        np.testing.assert_allclose(frequencies(all_rows[row]), frequencies(expected), **TIGHT)
    (right,) = exact.distribution([Work(compiled, "XXX", values[[5, 19]])])
    np.testing.assert_allclose([frequencies(subset[0]), frequencies(subset[14])], [frequencies(s) for s in right], **TIGHT)
    assert own_runs == [299]


def test_an_error_belongs_to_the_label_of_a_gate(own_runs):
    """The label where a gate has one, the name where not; wires in their order; an error of its own replaces the common one."""
    model = NoiseModel(basis_gates=["rx", "sx", "cx", "rz"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.3, 1), ["sx"])
    model.add_all_qubit_quantum_error(reset_error(0.4), ["slow"])
    model.add_quantum_error(pauli_error([("X", 0.3), ("I", 0.7)]), ["sx"], [1])
    model.add_quantum_error(pauli_error([("XI", 0.3), ("II", 0.7)]), ["cx"], [1, 0])
    circuit = QuantumCircuit(3)
    circuit.append(SXGate(label="slow"), [0])
    circuit.append(RXGate(Parameter("a"), label="slow"), [1])
    circuit.append(RXGate(0.2, label="other"), [2])
    for pair in ((0, 1), (1, 0), (1, 2)):
        circuit.cx(*pair)
        circuit.sx(pair)
    distributions, right = both_distributions(*beside_aer(model), as_it_is(circuit), ("ZZZ", "XYZ"), a_row(circuit))
    np.testing.assert_allclose(distributions, right, **TIGHT)
    assert own_runs == [3]


def _three():
    model = depolarizing()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 3), ["ccx"])
    return model


def _opaque(kind):
    circuit = QuantumCircuit(3)
    circuit.h(0)
    if kind == "ccx":
        circuit.ccx(0, 1, 2)
    elif kind == "reset":
        circuit.reset(0)
    elif kind == "free crx":
        circuit.crx(Parameter("a"), 0, 1)
    elif kind == "another size":
        circuit.append(SXGate(label="cx"), [0])
    return circuit


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (_three, "ccx"),
        *((depolarizing, kind) for kind in ("reset", "free crx", "another size")),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_noise_that_it_cannot_treat_exactly_is_refused(model, kind, own_runs):
    circuit = _opaque(kind)
    device = qep.simulator(noise=model())
    with pytest.raises(InputError, match="qep.aer"):
        device.distribution([Work(as_it_is(circuit), "XYZ", a_row(circuit, 1))])
    with pytest.raises(InputError, match="qep.aer"):
        device.sample([Work(as_it_is(circuit), "XYZ", a_row(circuit, 1))], shots=20, seed=1)
    assert own_runs == []


def test_small_circuits_and_others_come_back_in_order(own_runs):
    device = qep.fake("guadalupe")
    flip, large = QuantumCircuit(2), QuantumCircuit(exact_engine.FAST_NOISY_WIRES + 1)
    flip.x(1)
    large.x(range(exact_engine.FAST_NOISY_WIRES + 1))
    work = [Work(device.compile(c), "Z" * c.num_qubits, np.zeros((1, 0))) for c in (large, flip, flip)]
    assert [item.compiled.simulator for item in work] == [density_engine.NAME, "qep-qiskit", "qep-qiskit"]
    samples = device.sample(work, shots=400, seed=2)
    most = [int(np.argmax(np.bincount((s.outcomes @ (1 << np.arange(s.outcomes.shape[1]))), s.weights))) for (s,) in samples]
    assert most == [2**12 - 1, 2, 2]
    assert own_runs == [1]


def test_shots_are_drawn_from_the_distribution_of_aer():
    """χ² of 48 rows and bases."""
    device, exact = qep.fake("fake_manila"), qep.fake("fake_manila", engine="aer")
    circuit, shots = layered(3), 20_000
    work = [Work(device.compile(circuit), axes, a_row(circuit, 16)) for axes in ("ZZZ", "XXX", "XYZ")]
    total = freedom = 0.0
    for drawn, right in zip(device.sample(work, shots=shots, seed=5), exact.distribution(work), strict=True):
        for samples, chances in zip(drawn, right, strict=True):
            p = frequencies(chances)
            total += shots * ((frequencies(samples) - p) ** 2 / p).sum()
            freedom += len(p) - 1
    assert 1e-4 < chi2.sf(total, freedom) < 1 - 1e-4


def test_seeds_repeat_whatever_else_is_in_the_job():
    device = qep.fake("fake_manila")
    circuit = layered(3)
    compiled, values = device.compile(circuit), a_row(circuit, 16)
    work = [Work(compiled, axes, values) for axes in ("ZZZ", "ZZZ")]
    first, again, other = (device.sample(work, shots=200, seed=seed) for seed in (1, 1, 2))
    assert equal(first, again)
    assert not equal(first, other)
    assert not equal(first[:1], first[1:])
    samples = device.sample([*work[:1], Work(compiled, "XYX", a_row(circuit, 30, 4))], shots=200, seed=1)
    assert equal(first[:1], samples[:1])


@pytest.mark.parametrize("folding", ["global", "two_qubit"])
def test_folded_and_twirled_circuits(folding, own_runs):
    device, exact = qep.fake("fake_torino"), qep.fake("fake_torino", engine="aer")
    circuit = layered(3, layers=1)
    compiled = folded(device.compile(circuit), 3, folding)
    distributions, right = both_distributions(device, exact, compiled, ("XYZ", "ZZZ"), a_row(circuit, 2))
    np.testing.assert_allclose(distributions, right, **TIGHT)
    after = twirling.construct(compiled, "XZY")
    values = np.random.default_rng(1).choice([0.0, np.pi], (3, after.circuit.num_parameters))
    distributions, right = both_distributions(device, exact, after, ("XZY",), values)
    np.testing.assert_allclose(distributions, right, **TIGHT)
    assert own_runs == [2, 3]


def test_a_model_that_is_changed_later_counts_as_it_is():
    model = readout()
    device = qep.simulator(noise=model)
    circuit = QuantumCircuit(2)
    circuit.sx(0)
    compiled = device.compile(circuit)
    device.distribution([Work(compiled, "ZZ", np.zeros((2, 0)))])
    for change in (
        lambda: model.add_all_qubit_quantum_error(depolarizing_error(0.5, 1), ["sx"]),
        lambda: model.add_quantum_error(reset_error(0.3), ["sx"], [0]),
        lambda: model.add_readout_error(ReadoutError([[0.6, 0.4], [0.3, 0.7]]), [1]),
    ):
        change()
        distributions, right = both_distributions(device, qep.aer(noise=model), compiled, ("ZZ",), np.zeros((2, 0)))
        np.testing.assert_allclose(distributions, right, **TIGHT)


def test_every_allowed_gate_is_covered_by_the_cases():
    assert set(BASIS) == transfer.TURNING | transfer.FIXED


def test_a_forecast_takes_its_noise_from_it_whatever_the_engine(own_runs):
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(1), x=[0.3], cost=qep.SquaredError([1.0]))
    options = {"preparer": qep.Adiabatic(time=1.0, steps=2), "shots": 100}
    forecasts = [qep.plan(problem, device=qep.fake("fake_manila", engine=engine), **options) for engine in ("auto", "aer")]
    assert own_runs
    np.testing.assert_allclose(*(forecast.stderr for forecast in forecasts), rtol=1e-8)
