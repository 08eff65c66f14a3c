"""Lower bounds on the first excited energy: below the dense one always, near it, and wrong as rarely as they say."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.simulation.eigen import excited_bound
from qep_qiskit.simulation.eigen.excited_bound import EnergyBound, first_excited_bound
from qep_qiskit.simulation.eigen.operators import PauliSum


def chain(n: int, rng: np.random.Generator, y: bool = False) -> PauliSum:
    terms = [("ZZ", [i, i + 1], rng.normal()) for i in range(n - 1)]
    terms += [(letter, [i], rng.uniform(0.3, 1.0)) for i in range(n) for letter in "XZ"]
    terms += [("Y", [0], 0.4)] if y else []
    return PauliSum.from_operator(SparsePauliOp.from_sparse_list(terms, n))


@pytest.fixture
def always_lanczos(monkeypatch):
    monkeypatch.setattr(excited_bound, "DENSE_QUBITS", 0)


@pytest.mark.parametrize("seed", range(3))
def test_both_bounds_lie_just_below_the_first_excited_energy(seed, monkeypatch):
    op = chain(7, np.random.default_rng(seed), y=seed % 2 == 1)
    energies, vectors = np.linalg.eigh(op.to_matrix())
    whole = first_excited_bound(op, None)
    assert energies[1] - 1e-9 < whole.energy <= energies[1] and whole.failure == 0.0
    monkeypatch.setattr(excited_bound, "DENSE_QUBITS", 0)
    for state in (vectors[:, 0], np.random.default_rng(seed).normal(size=op.dim), vectors[:, 3]):  # any state gives a bound
        bound = first_excited_bound(op, state, seed=seed)
        assert bound.energy <= energies[1] + 1e-12 and bound.failure == excited_bound.FAILURE
    good = first_excited_bound(op, vectors[:, 0], seed=seed)
    assert energies[1] - good.energy < 0.06 * (energies[1] - energies[0])


def test_a_degenerate_ground_state_has_no_gap(always_lanczos):
    op = PauliSum.from_operator(SparsePauliOp.from_sparse_list([("ZZ", [i, i + 1], -1.0) for i in range(5)], 6))
    state = np.zeros(64)
    state[0] = 1.0
    assert first_excited_bound(op, state).energy <= -5.0


def test_too_many_qubits_have_none():
    assert first_excited_bound(chain(17, np.random.default_rng(0)), None) is None


def test_few_steps_fail_as_rarely_as_they_say(always_lanczos, monkeypatch):
    """Three steps of a bound that may fail in one start of three; half the allowance makes it fail more often than it says."""
    monkeypatch.setattr(excited_bound, "LOOK", 3)
    monkeypatch.setattr(excited_bound, "MOST_STEPS", 3)
    monkeypatch.setattr(excited_bound, "FAILURE", 1 / 3)
    op = PauliSum.from_operator(SparsePauliOp.from_sparse_list([("Z", [i], 1.0 + 0.1 * i) for i in range(4)], 4))
    energies, state = np.sort(op.diagonal), np.zeros(16)
    state[np.argmin(op.diagonal)] = 1.0
    bound = np.array([first_excited_bound(op, state, seed=seed).energy for seed in range(150)])
    assert np.mean(bound > energies[1]) <= 1 / 3
    estimate = np.array([_ritz(op, state, seed) for seed in range(150)])
    assert np.mean(estimate > energies[1]) == 1.0  # without the allowance it is always wrong


def _ritz(op, state, seed):
    least, excited_bound._excess = excited_bound._excess, lambda steps, least: 0.0
    try:
        bound: EnergyBound = first_excited_bound(op, state, seed=seed)
    finally:
        excited_bound._excess = least
    return bound.energy
