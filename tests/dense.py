"""An independent computation of everything: Kronecker products, full diagonalisation, differences. For the tests only."""

from __future__ import annotations

import numpy as np

from qep_qiskit.problem import Problem

PAULI = {
    "I": np.eye(2, dtype=complex),
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]], dtype=complex),
    "Z": np.array([[1, 0], [0, -1]], dtype=complex),
}


def matrix(operator) -> np.ndarray:
    """Return the matrix of a SparsePauliOp, from its labels."""
    total = 0
    for label, coefficient in zip(operator.paulis.to_labels(), operator.coeffs, strict=True):
        sign, letters = (-1, label[1:]) if label[0] == "-" else (1, label)
        part = np.eye(1)
        for letter in letters:
            part = np.kron(part, PAULI[letter])
        total = total + sign * coefficient * part
    return total


class Dense:
    """A problem in full matrices."""

    def __init__(self, problem: Problem) -> None:
        network, x = problem.network, problem.x
        self.problem = problem
        self.weights = np.array(problem.weights)
        self.rest = matrix(network.fixed)
        for value, operator in zip(x, network.inputs, strict=True):
            if operator is not None:
                self.rest = self.rest + value * matrix(operator)
        self.slopes = [(1.0 if term.input is None else x[term.input]) * matrix(term.operator) for term in network.terms]
        self.outputs = [matrix(o) for o in network.outputs]
        self.observables = [matrix(o) for o in problem.cost_observables]

    def ground(self, weights: np.ndarray, nudge: np.ndarray | float = 0.0) -> np.ndarray:
        hamiltonian = self.rest + sum(w * s for w, s in zip(weights, self.slopes, strict=True)) + nudge
        return np.linalg.eigh(hamiltonian)[1][:, 0]

    @property
    def gap(self) -> float:
        hamiltonian = self.rest + sum(w * s for w, s in zip(self.weights, self.slopes, strict=True))
        energies = np.linalg.eigvalsh(hamiltonian)
        return float(energies[1] - energies[0])

    def observed(self, state: np.ndarray) -> np.ndarray:
        return np.array([np.vdot(state, o @ state).real for o in self.observables])

    def loss(self, weights: np.ndarray) -> float:
        return self.problem.cost.value(self.observed(self.ground(weights)))

    def differences(self, step: float = 2e-3) -> np.ndarray:
        """Return dL/dw by central differences, extrapolated twice: the error is O(step⁶)."""
        slopes = []
        for direction in np.eye(len(self.weights)):

            def slope(h: float, direction: np.ndarray = direction) -> float:
                return (self.loss(self.weights + h * direction) - self.loss(self.weights - h * direction)) / (2 * h)

            coarse, middle, fine = slope(4 * step), slope(2 * step), slope(step)
            first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
            slopes.append((16 * second - first) / 15)
        return np.array(slopes)

    def nudged(self, betas, factors) -> np.ndarray:
        """Return Σ s_p ⟨∂H/∂w⟩ in the ground states of H + β_p Σ ε_m O_m, ε taken at the free ground state."""
        signal = self.problem.cost.error_signal(self.observed(self.ground(self.weights)))
        cost = sum(e * o for e, o in zip(signal, self.observables, strict=True))
        total = np.zeros(len(self.slopes))
        for beta, factor in zip(betas, factors, strict=True):
            state = self.ground(self.weights, beta * cost)
            total += factor * np.array([np.vdot(state, s @ state).real for s in self.slopes])
        return total
