"""Ways to certify the random problems, and the true gradients from sums over all eigenstates."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import numpy as np
from dense import Dense, matrix

import qep_qiskit as qep
from qep_qiskit.preparation import compiled_ansatz

WAYS = {
    "exact": {},
    "exact, extrapolated": {"stencil": qep.extrapolated()},
    "matrix product states": {"preparer": qep.MPS()},
    "light cones": {"preparer": qep.VQE(layers=3, simulation="light_cones")},
    "exact, shots": {"shots": 10_000},
    "exact, one-sided, shots": {"shots": 10_000, "stencil": qep.one_sided()},
    "matrix product states, few shots": {"preparer": qep.MPS(), "shots": 200},
    "light cones, shots": {"preparer": qep.VQE(layers=3, simulation="light_cones"), "shots": 10_000},
}


def numbers(way: str, count: int) -> list[int]:
    """Return the numbers of random problems for a way: light cones get Ising networks of two to four qubits, to save time."""
    every = (number for number in range(10 * count) if "light cones" not in way or (number % 6 < 3 and number % 4 < 3))
    return list(itertools.islice(every, count))


@dataclass(frozen=True)
class Outcome:
    """The result of one certificate: medians over the weights, and the largest error as a share of the half-width."""

    half_width: float
    error: float
    largest: float
    part: str


def true_gradient(problem: qep.Problem) -> np.ndarray:
    """Return dL/dw = −2 Σ_i Re⟨0|A|i⟩⟨i|C|0⟩/(E_i − E_0), from a full diagonalisation."""
    dense = Dense(problem)
    return _derivatives(problem, dense, dense.slopes)


def true_input_gradient(problem: qep.Problem) -> np.ndarray:
    """Return dL/dx in the same way, with A = ∂H/∂x from the operators of the network."""
    dense, network = Dense(problem), problem.network
    slopes = []
    for i, operator in enumerate(network.inputs):
        field = 0 * dense.rest if operator is None else matrix(operator)
        terms = (w * matrix(term.operator) for w, term in zip(dense.weights, network.terms, strict=True) if term.input == i)
        slopes.append(field + sum(terms))
    return _derivatives(problem, dense, slopes)


def _derivatives(problem: qep.Problem, dense: Dense, slopes: list[np.ndarray]) -> np.ndarray:
    hamiltonian = dense.rest + sum(w * s for w, s in zip(dense.weights, dense.slopes, strict=True))
    energies, vectors = np.linalg.eigh(hamiltonian)
    ground = vectors[:, 0]
    signal = problem.cost.error_signal(dense.observed(ground))
    nudge = sum(e * o for e, o in zip(signal, dense.observables, strict=True))
    change = (vectors.conj().T @ nudge @ ground)[1:] / (energies[1:] - energies[0])
    return np.array([-2 * np.real((vectors.conj().T @ s @ ground)[1:].conj() @ change) for s in slopes])


def certified(problem: qep.Problem, way: str, seed: int = 0) -> Outcome | None:
    """Return the outcome of a way on a problem; None if no interval is given. Light cones have no state vectors to help them."""
    beside, compiled_ansatz.MOST_BESIDE_CONES = compiled_ansatz.MOST_BESIDE_CONES, 0
    compiled_ansatz.compiled_ansatz.cache_clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = qep.certify(problem, seed=seed, confidence=0.999, **WAYS[way])
    finally:
        compiled_ansatz.MOST_BESIDE_CONES = beside
        compiled_ansatz.compiled_ansatz.cache_clear()
    if certificate.reason:
        return None
    half, error = certificate.half_width, np.abs(certificate.gradient.values - true_gradient(problem))
    return Outcome(float(np.median(half)), float(np.median(error)), float(np.max(error / half)), certificate.largest_part)
