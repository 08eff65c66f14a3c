"""The contract of devices: tests that every device inherits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy.stats import chi2

from qep_qiskit.devices import Device, Work
from qep_qiskit.devices.statevector import rotated
from qep_qiskit.errors import InputError

SHOTS = 20_000
SIGMAS = 5.0


def work_of(device, circuit, axes, rows=((),)):
    """One piece of work; only a device that needs no circuit is given the states."""
    rows = np.asarray(rows, dtype=float).reshape(len(rows), circuit.num_parameters)

    def states():
        bound = [circuit.assign_parameters(dict(zip(circuit.parameters, row, strict=True))) for row in rows]
        return np.array([Statevector(c).data for c in bound])

    compiled = device.compile(circuit)
    return Work(compiled, axes, rows, None if device.needs_circuits else states)


def exact_probabilities(circuit, axes, row=()):
    bound = circuit.assign_parameters(dict(zip(circuit.parameters, row, strict=True)))
    return np.abs(rotated(Statevector(bound).data[None], axes)[0]) ** 2


def frequencies(samples):
    """Weights over all 2**n outcomes, qubit 0 the least significant bit."""
    n = samples.outcomes.shape[1]
    totals = np.zeros(2**n)
    np.add.at(totals, samples.outcomes @ (1 << np.arange(n)), samples.weights)
    return totals


def expectations(samples):
    """⟨axis⟩ of every qubit."""
    return samples.weights @ (1.0 - 2.0 * samples.outcomes)


def equal(first, second):
    return all(
        a.outcomes.shape == b.outcomes.shape and (a.outcomes == b.outcomes).all() and (a.weights == b.weights).all()
        for rows, others in zip(first, second, strict=True)
        for a, b in zip(rows, others, strict=True)
    )


def product_state():
    """Numerically bound rotations and no entangler after them: two angles that a sampler must not mix up."""
    circuit = QuantumCircuit(4, name="product")
    circuit.ry(0.3, 0)
    circuit.ry(1.1, 1)
    circuit.rx(-0.8, 2)
    circuit.u(0.7, 0.4, 0.2, 3)
    return circuit


def classical():
    """Gates between every pair of four qubits, one definite outcome: routing moves the qubits about."""
    circuit = QuantumCircuit(4, name="classical")
    circuit.x(0)
    for a, b in [(0, 3), (3, 1), (1, 2), (0, 2)]:
        circuit.cx(a, b)
    circuit.swap(0, 3)
    circuit.cx(3, 1)
    circuit.x(2)
    return circuit


def entangled():
    """Parameters whose names sort as they appear, on an asymmetric state."""
    circuit = QuantumCircuit(3, name="entangled")
    angles = [Parameter(f"theta_{k:03d}") for k in range(12)]
    for layer in range(2):
        for q in range(3):
            circuit.ry(angles[6 * layer + 2 * q], q)
            circuit.rz(angles[6 * layer + 2 * q + 1], q)
        circuit.cx(0, 1)
        circuit.cx(1, 2)
    return circuit


ROWS = np.random.default_rng(3).uniform(-2, 2, (3, 12))


class DeviceContract:
    """Inherit this and define `make`; the fixture `device` provides the device, made once per class."""

    allowance = 0.0
    """Largest change of a one-qubit expectation that noise may cause."""
    seeded = True
    """Whether the seed of a call decides its samples."""
    gives_distributions = True
    compiles = True
    """Whether compiling is work, which must not be done twice for a circuit."""

    @pytest.fixture(scope="class")
    @classmethod
    def device(cls):
        return cls.make()

    def test_it_is_a_device_and_says_what_it_is(self, device):
        assert isinstance(device, Device)
        assert json.loads(json.dumps(device.describe()))["name"] == device.name

    @pytest.mark.parametrize("axes", ["ZZZZ", "XXXX", "YYYY", "XYZX"])
    def test_product_state_canary(self, device, axes):
        circuit = product_state()
        ((samples,),) = device.sample([work_of(device, circuit, axes)], shots=SHOTS, seed=1)
        state = Statevector(circuit)
        exact = [state.expectation_value(SparsePauliOp.from_sparse_list([(a, [q], 1.0)], 4)).real for q, a in enumerate(axes)]
        np.testing.assert_allclose(expectations(samples), exact, atol=self.allowance + SIGMAS / np.sqrt(SHOTS))
        assert samples.shots == SHOTS
        assert samples.weights.sum() == pytest.approx(1.0)

    @pytest.mark.parametrize("ones", [(0,), (1,), (2, 3)])
    def test_column_q_is_qubit_q(self, device, ones):
        circuit = QuantumCircuit(4)
        circuit.x(list(ones))
        ((samples,),) = device.sample([work_of(device, circuit, "ZZZZ")], shots=1000, seed=1)
        assert samples.outcomes[np.argmax(samples.weights)].tolist() == [q in ones for q in range(4)]

    def test_qubits_are_measured_where_routing_left_them(self, device):
        circuit = classical()
        ((samples,),) = device.sample([work_of(device, circuit, "ZZZZ")], shots=1000, seed=2)
        expected = np.argmax(exact_probabilities(circuit, "ZZZZ"))
        assert np.argmax(frequencies(samples)) == expected
        compiled = device.compile(circuit)
        assert len(set(compiled.wires)) == len(set(compiled.qubits)) == len(set(compiled.start)) == 4

    def test_values_are_bound_in_the_order_of_the_parameters(self, device):
        circuit = entangled()
        (batch,) = device.sample([work_of(device, circuit, "ZXY", ROWS)], shots=SHOTS, seed=3)
        for row, samples in zip(ROWS, batch, strict=True):
            exact = exact_probabilities(circuit, "ZXY", row)
            np.testing.assert_allclose(frequencies(samples), exact, atol=self.allowance + SIGMAS / np.sqrt(4 * SHOTS))

    def test_many_circuits_and_axes_in_one_call_come_back_in_order(self, device):
        first, second = product_state(), entangled()
        work = [
            work_of(device, second, "XXX", ROWS[:2]),
            work_of(device, first, "ZZZZ"),
            work_of(device, second, "ZZZ", ROWS[1:]),
        ]
        sampled = device.sample(work, shots=SHOTS, seed=4)
        assert [len(batch) for batch in sampled] == [2, 1, 2]
        for item, circuit, batch in zip(work, (second, first, second), sampled, strict=True):
            for row, samples in zip(item.values, batch, strict=True):
                np.testing.assert_allclose(
                    frequencies(samples),
                    exact_probabilities(circuit, item.axes, row),
                    atol=self.allowance + SIGMAS / np.sqrt(4 * SHOTS),
                )

    def test_same_seed_same_samples(self, device):
        if not self.seeded:
            pytest.skip("its seed is its own business")
        work = [work_of(device, entangled(), axes, ROWS) for axes in ("ZZZ", "XXX")]
        first, second, other = (device.sample(work, shots=500, seed=seed) for seed in (7, 7, 8))
        assert equal(first, second)
        assert not equal(first, other)

    def test_a_result_does_not_depend_on_what_ran_before(self, device):
        if not self.seeded:
            pytest.skip("its seed is its own business")
        work = [work_of(device, entangled(), "ZZZ", ROWS)]
        first = device.sample(work, shots=500, seed=7)
        device.sample([work_of(device, product_state(), "XXXX")], shots=100, seed=7)
        assert equal(first, device.sample(work, shots=500, seed=7))

    def test_rows_and_circuits_of_equal_values_are_independent(self, device):
        """Equal rows, equal circuits: the samples must not be the same random numbers."""
        circuit = QuantumCircuit(1)
        circuit.ry(Parameter("theta_000"), 0)
        rows = np.full((3, 1), np.pi / 2)
        work = [work_of(device, circuit, axis, rows) for axis in ("Z", "Y")]
        correlations = []
        for seed in range(40):
            sampled = device.sample(work, shots=400, seed=seed)
            correlations.append([expectations(samples)[0] for batch in sampled for samples in batch])
        correlation = np.corrcoef(np.array(correlations).T)[np.triu_indices(6, 1)]
        assert np.abs(correlation).max() < 0.6  # 40 pairs: a correlation's own scatter is 0.16

    def test_the_distribution_is_that_of_many_shots(self, device):
        if not self.gives_distributions:
            with pytest.raises(InputError, match="needs measurement shots"):
                device.distribution([work_of(device, product_state(), "ZZZZ")])
            return
        work = [work_of(device, entangled(), axes, ROWS[:2]) for axes in ("ZXY", "ZZZ")]
        shots = 100_000
        for exact, samples in zip(device.distribution(work), device.sample(work, shots=shots, seed=5), strict=True):
            for p, q in zip(exact, samples, strict=True):
                assert p.shots is None
                expected, counts = shots * frequencies(p), shots * frequencies(q)
                likely = expected > 5
                assert counts[~likely].sum() < 20 + 3 * expected[~likely].sum()
                distance = np.sum((counts - expected)[likely] ** 2 / expected[likely])
                assert distance < chi2.isf(1e-6, likely.sum()), (distance, expected, counts)

    def test_a_layout_that_was_chosen_can_be_kept(self, device):
        first = device.compile(entangled())
        again = device.compile(product_state().copy(), qubits=None)
        second = device.compile(entangled(), qubits=first.start)
        assert second.start == first.start
        assert len(again.qubits) == 4

    def test_one_circuit_is_compiled_once(self, device):
        if not (device.needs_circuits and self.compiles):
            pytest.skip("it compiles nothing")
        circuit = entangled()
        assert device.compile(circuit) is device.compile(circuit)
