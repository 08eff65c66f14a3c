"""The honeycomb of 8 × 2 spins that the Kitaev examples share: site x + 8 y, periodic in x."""

import numpy as np

WIDTH = 8


def string(letters, qubits):
    """Return a Pauli string, as Qiskit writes it, from the letters of some qubits."""
    return "".join(letters.get(q, "I") for q in reversed(range(qubits)))


def bonds(qubits):
    """Return the X, Y and Z bonds by letter, as strings of that many qubits with coefficients."""
    kinds = {"X": {}, "Y": {}, "Z": {}}
    for x, y in np.ndindex(WIDTH, 2):
        site, right, beside = x + WIDTH * y, (x + 1) % WIDTH + WIDTH * y, x + WIDTH * (1 - y)
        kind = "Y" if (x + y) % 2 else "X"
        kinds[kind][string({site: kind, right: kind}, qubits)] = 1.0
        if kind == "X":
            kinds["Z"][string({site: "Z", beside: "Z"}, qubits)] = 1.0
    return kinds
