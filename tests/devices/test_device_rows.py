"""Shots of the package's own simulation, against Aer's distributions."""

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit_aer.noise import NoiseModel
from scipy.stats import chi2

import qep_qiskit as qep
from qep_qiskit.devices import noisy, rows
from qep_qiskit.devices.device import Work
from qep_qiskit.simulation.circuits import CircuitProgram

SHOTS = 20_000


def circuit():
    a = ParameterVector("a", 7)
    made = QuantumCircuit(3)
    made.h(0)
    made.ry(a[0], 1)
    made.rx(0.3 - 2 * a[1], 2)
    made.rzz(a[2], 0, 1)
    made.rxx(a[3] + a[0], 1, 2)
    made.sx(0)
    made.rz(a[4], 0)
    made.cx(0, 2)
    made.ry(a[5] / 2, 2)
    made.ryy(a[6], 0, 1)
    return made


def work_of(device, count, axes=("ZZZ", "XXX", "XYZ")):
    compiled = device.compile(circuit())
    values = np.random.default_rng(3).uniform(-3, 3, (count, 7))
    return [Work(compiled, letters, values) for letters in axes]


def full(samples):
    chances = np.zeros(8)
    chances[samples.outcomes @ [1, 2, 4]] = samples.weights
    return chances


def statistic(got, exact):
    """χ² of counts against Aer's exact distribution, and its degrees of freedom."""
    p = full(exact)
    seen = p > 1e-12
    assert not np.any(full(got)[~seen])
    return SHOTS * ((full(got) - p)[seen] ** 2 / p[seen]).sum(), seen.sum() - 1


def test_a_batch_has_the_distributions_of_aer():
    device = qep.aer()
    work = work_of(device, 16)
    assert work[0].compiled.simulator == work[0].compiled.summary()["simulator"] == "qep-qiskit"
    got, exact = device.sample(work, shots=SHOTS, seed=5), device.distribution(work)
    found = [statistic(g, e) for many, right in zip(got, exact, strict=True) for g, e in zip(many, right, strict=True)]
    total, freedom = np.sum(found, axis=0)
    assert 1e-4 < chi2.sf(total, freedom) < 1 - 1e-4


def test_rows_of_one_circuit_differ_and_seeds_repeat():
    device = qep.aer()
    work = work_of(device, 16, axes=("ZZZ", "ZZZ"))
    one, two = (device.sample(work, shots=200, seed=seed) for seed in (1, 1))
    assert all(np.array_equal(full(a), full(b)) for a, b in zip(one[0], two[0], strict=True))
    assert any(not np.array_equal(full(a), full(b)) for a, b in zip(one[0], one[1], strict=True))


@pytest.mark.parametrize(
    "device",
    [
        qep.aer(method="statevector"),
        qep.aer(noise="fake_manila", method="density_matrix"),
        qep.aer(noise=NoiseModel(), method="statevector"),
    ],
    ids=["method", "fake", "noise"],
)
def test_a_chosen_method_stays_with_aer(device, monkeypatch):
    monkeypatch.setattr(CircuitProgram, "from_circuit", lambda *_: pytest.fail("not on Aer"))
    monkeypatch.setattr(noisy, "program_of", lambda *_: pytest.fail("not on Aer"))
    work = work_of(device, 2, axes=("ZZZ",))
    assert work[0].compiled.summary()["simulator"] == "qiskit-aer"
    assert "simulator" not in device.describe()
    assert len(device.sample(work, shots=10, seed=0)[0]) == 2


def test_large_circuits_and_what_is_not_unitary_go_to_aer_beside_small_ones():
    device = qep.aer()
    large, reset = QuantumCircuit(rows.MOST_QUBITS + 1), QuantumCircuit(3)
    large.x(0)
    reset.x(range(3))
    reset.reset(1)
    small = work_of(device, 2, axes=("XXX",))
    others = [Work(device.compile(c), "Z" * c.num_qubits, np.zeros((1, 0))) for c in (large, reset)]
    assert [item.compiled.simulator for item in (*small, *others)] == ["qep-qiskit", "qiskit-aer", "qiskit-aer"]
    got = device.sample([others[0], *small, others[1]], shots=50, seed=1)
    assert np.all(got[0][0].outcomes == [1] + [0] * rows.MOST_QUBITS)
    assert np.all(got[2][0].outcomes == [1, 0, 1])
    assert len(got[1]) == 2


def test_results_say_which_simulator_gave_the_shots():
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(1), x=[0.3], cost=qep.SquaredError([1.0]))
    for device, name in ((qep.aer(), "qep-qiskit"), (qep.aer(method="statevector"), "qiskit-aer")):
        found = qep.gradient(problem, preparer=qep.Adiabatic(time=1.0, steps=2), device=device, shots=50)
        assert {circuit["simulator"] for circuit in found.provenance["circuits"]} == {name}
    assert qep.aer().describe()["simulator"] == "qep-qiskit up to 12 qubits, qiskit-aer beyond"
