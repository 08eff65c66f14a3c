"""A batch of variational states in JAX: one compiled function, minimised by SciPy's L-BFGS-B row by row.

The BFGS of `jax.scipy.optimize` can be mapped over rows, but its line search fails on some of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList
from scipy.optimize import minimize

from benchmarks.circuits import Circuit

Real = NDArray[np.float64]


def jax_minimizer(circuit: QuantumCircuit, paulis: PauliList, *, slope: float) -> Callable[[Real, Real], tuple[Real, Real]]:
    """Return a function (starts (R, P), coefficients (R, L)) → (angles (R, P), expectations (R, L)).

    The circuit is a Hamiltonian ansatz of diagonal strings and X fields. Diagonal layers are one product with a table of signs;
    fields are phases between two Hadamard transforms, each one matrix product.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    n = circuit.num_qubits
    gates = Circuit(circuit, np.zeros(circuit.num_parameters), None).gates
    hadamard = _hadamard(n)
    layers: list[tuple[bool, Real, NDArray[np.intp]]] = []
    for across, run in _runs([gate for gate in gates if gate.parameter is not None]):
        masks = np.array([sum(1 << q for q in gate.qubits) for gate in run])
        layers.append((across, _signs(masks, n), np.array([gate.parameter for gate in run])))
    crossed = np.asarray(paulis.x.any(axis=1))
    string_signs = _signs(np.asarray(paulis.x | paulis.z) @ (1 << np.arange(n)), n)

    def expectations(theta: Any) -> Any:
        psi = jnp.full(1 << n, 2 ** (-n / 2), dtype=complex)
        for across, signs, numbers in layers:
            exponent = theta[numbers] @ signs / 2
            turn = jax.lax.complex(jnp.cos(exponent), -jnp.sin(exponent))
            psi = hadamard @ (turn * (hadamard @ psi)) if across else turn * psi
        along, over = (jnp.abs(state) ** 2 for state in (psi, hadamard @ psi))
        return jnp.where(crossed, string_signs @ over, string_signs @ along)

    energy_and_slope = jax.jit(jax.value_and_grad(lambda theta, coefficients: coefficients @ expectations(theta)))
    together = jax.jit(jax.vmap(expectations))

    def minimizer(starts: Real, coefficients: Real) -> tuple[Real, Real]:
        options = {"gtol": slope, "ftol": 0.0, "maxiter": 10_000, "maxfun": 10_000}
        angles = np.array(
            [
                minimize(energy_and_slope, start, row, jac=True, method="L-BFGS-B", options=options).x
                for start, row in zip(starts, coefficients, strict=True)
            ]
        )
        return angles, np.asarray(together(angles))

    return minimizer


def _runs(gates: list[Any]) -> list[tuple[bool, list[Any]]]:
    """Return the gates in runs of diagonal ones and of fields."""
    runs: list[tuple[bool, list[Any]]] = []
    for gate in gates:
        across = gate.name == "rx"
        if not runs or runs[-1][0] != across:
            runs.append((across, []))
        runs[-1][1].append(gate)
    return runs


def _hadamard(num_qubits: int) -> Real:
    index = np.arange(1 << num_qubits)
    return _signs(index, num_qubits) * 2 ** (-num_qubits / 2)


def _signs(masks: NDArray[np.int64], num_qubits: int) -> Real:
    return 1.0 - 2.0 * (np.bitwise_count(masks[:, None] & np.arange(1 << num_qubits)) & 1)
