"""Random circuits of many gates, with affine and other expressions of six parameters as angles; finite differences."""

import numpy as np
from qiskit.circuit import ParameterVector, QuantumCircuit

FIXED = {
    **dict.fromkeys(["id", "h", "x", "y", "z", "s", "sdg", "t", "tdg", "sx", "sxdg"], 1),
    **dict.fromkeys(["cx", "cy", "cz", "ch", "cs", "csdg", "csx", "swap", "iswap", "dcx", "ecr"], 2),
    **dict.fromkeys(["ccx", "ccz", "cswap", "rccx"], 3),
}
TURNING = {
    "rx": (1, 1), "ry": (1, 1), "rz": (1, 1), "p": (1, 1), "r": (2, 1), "u": (3, 1), "rzz": (1, 2), "rxx": (1, 2),
    "ryy": (1, 2), "rzx": (1, 2), "cp": (1, 2), "crx": (1, 2), "cry": (1, 2), "crz": (1, 2), "cu": (4, 2),
}  # fmt: skip


def random_angle(rng, theta):
    i, j = (int(k) for k in rng.integers(len(theta), size=2))
    return [
        theta[i],
        0.7 * theta[i] - 1.3 * theta[j] + 0.2,
        theta[i] * theta[j].sin(),
        float(rng.normal()),
    ][rng.choice(4, p=[0.4, 0.3, 0.1, 0.2])]


def random_circuit(rng, num_qubits, gates):
    circuit = QuantumCircuit(num_qubits)
    theta = ParameterVector("t", 6)
    circuit.global_phase = 0.3 * theta[0] + 0.1
    names = [*FIXED, *TURNING]
    for name in rng.choice(names, size=gates):
        count, width = (0, FIXED[name]) if name in FIXED else TURNING[name]
        if width <= num_qubits:
            qubits = [int(q) for q in rng.permutation(num_qubits)[:width]]
            getattr(circuit, name)(*(random_angle(rng, theta) for _ in range(count)), *qubits)
    return circuit


def slope(function, x, step=1e-4):
    """Central differences of fourth order, one row per component of x."""
    return np.array(
        [
            (8 * (function(x + d) - function(x - d)) - (function(x + 2 * d) - function(x - 2 * d))) / (12 * step)
            for d in step * np.eye(len(x))
        ]
    )
