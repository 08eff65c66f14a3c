"""Random flips: their design, the circuits that make them, and that they are undone."""

import itertools

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Statevector, random_statevector

from qep_qiskit.devices import Compiled
from qep_qiskit.devices.statevector import rotated
from qep_qiskit.measurement.mitigation.twirling import (
    combine,
    construct,
    design,
    flipped_draw,
    flipped_state,
    num_flips,
    shots_each,
    twirled_values,
)
from qep_qiskit.samples import Samples, draw, from_probabilities


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 9, 12])
def test_products_of_up_to_three_flips_and_of_any_odd_number_average_to_nothing(n):
    signs = 1 - 2 * design(n, num_flips(n), np.random.default_rng(n)).astype(int)
    assert signs.shape == (num_flips(n), n)
    for weight in [1, 2, 3, 5, 7]:
        for qubits in itertools.combinations(range(n), weight):
            assert signs[:, qubits].prod(axis=1).sum() == 0, qubits


def test_errors_that_the_flips_do_not_balance_average_over_their_draws():
    means = [(1 - 2 * design(8, 16, np.random.default_rng(s)).astype(int))[:, :4].prod(axis=1).mean() for s in range(2000)]
    assert np.abs(means).max() == 1  # there are fours that it does not balance
    assert abs(np.mean(means)) < 5 * np.std(means) / np.sqrt(2000)


def test_every_qubit_of_a_large_device_has_flips_of_its_own():
    flips = design(127, num_flips(127), np.random.default_rng(0))
    assert len(np.unique(flips, axis=1).T) == 127
    np.testing.assert_array_equal(flips.mean(axis=0), 0.5)


def test_shots_are_rounded_up():
    assert shots_each(1000, 16) == 63
    assert shots_each(None, 16) is None


@pytest.mark.parametrize("axes", ["ZZZ", "XXX", "YYY", "XZY"])
def test_the_circuit_and_the_state_are_flipped_alike_and_undone_they_are_the_same(axes):
    circuit = QuantumCircuit(3)
    theta = [Parameter(f"theta_{k:03d}") for k in range(3)]
    for q in range(3):
        circuit.ry(theta[q], q)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.rx(0.3, 2)
    before = Compiled(circuit, (0, 1, 2), (0, 1, 2), (0, 1, 2))
    after = construct(before, axes)
    flips = design(3, 8, np.random.default_rng(5))
    values = twirled_values(before, after, np.array([0.4, 1.1, -0.8]), flips)
    plain = Statevector(circuit.assign_parameters([0.4, 1.1, -0.8]))
    exact = np.abs(rotated(plain.data[None], axes)[0]) ** 2
    for row, flip in zip(values, flips, strict=True):
        bound = after.rotated(axes).assign_parameters(dict(zip(after.rotated(axes).parameters, row, strict=True)))
        from_circuit = np.abs(Statevector(bound).data) ** 2
        from_state = np.abs(rotated(flipped_state(plain.data, axes, flip)[None], axes)[0]) ** 2
        expected = exact[np.arange(8) ^ int(flip @ [1, 2, 4])]
        np.testing.assert_allclose(from_circuit, expected, atol=1e-12)
        np.testing.assert_allclose(from_state, expected, atol=1e-12)


def test_flips_are_undone_and_shots_added_up():
    state = random_statevector(8, seed=2)
    p = np.abs(state.data) ** 2
    flips = design(3, 8, np.random.default_rng(3))
    exact = combine([from_probabilities(p[np.arange(8) ^ int(f @ [1, 2, 4])], 3) for f in flips], flips)
    np.testing.assert_allclose(np.bincount(exact.outcomes @ [1, 2, 4], weights=exact.weights), p, atol=1e-12)
    parts = [draw(p, 3, shots, np.random.default_rng(shots)) for shots in (10, 30)]
    both = combine(parts, flips[:2])
    assert both.shots == 40
    assert both.weights.sum() == pytest.approx(1.0)
    first = np.bincount((parts[0].outcomes ^ flips[0]) @ [1, 2, 4], weights=parts[0].weights, minlength=8)
    second = np.bincount((parts[1].outcomes ^ flips[1]) @ [1, 2, 4], weights=parts[1].weights, minlength=8)
    counts = np.bincount(both.outcomes @ [1, 2, 4], weights=both.weights, minlength=8)
    np.testing.assert_allclose(counts, (first + 3 * second) / 4)


def test_drawn_outcomes_are_flipped():
    def always(axes, shots, rng):
        return Samples(np.array([[False, True]]), np.ones(1), shots)

    samples = flipped_draw(always, np.array([True, True]))("ZZ", 5, np.random.default_rng(0))
    np.testing.assert_array_equal(samples.outcomes, [[True, False]])
