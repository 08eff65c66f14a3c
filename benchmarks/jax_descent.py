"""A batch of variational states in JAX: one compiled function, minimised by SciPy's L-BFGS-B row by row, or by Optax's as rows.

The BFGS of `jax.scipy.optimize` can be mapped over rows too, but its line search fails on a third of them, and a call takes six
times as long as Optax's.
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


MOST_STEPS = 3000
"""The largest number of steps of the mapped optimiser."""
MEMORY = 20
"""The number of steps that it remembers."""


def jax_minimizer(
    circuit: QuantumCircuit, paulis: PauliList, *, slope: float, mapped: bool = False
) -> Callable[[Real, Real], tuple[Real, Real]]:
    """Return a function (starts (R, P), coefficients (R, L)) → (angles (R, P), expectations (R, L)).

    The circuit is a Hamiltonian ansatz of diagonal strings and X fields. Diagonal layers are one product with a table of signs;
    fields are phases between two Hadamard transforms, each one or two matrix products. All rows step together if `mapped`.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    n = circuit.num_qubits
    gates = Circuit(circuit, np.zeros(circuit.num_parameters), None).gates
    high, low = _hadamard(n - n // 2), _hadamard(n // 2)

    def transformed(psi: Any) -> Any:
        parts = jnp.stack([psi.real, psi.imag]).reshape(2, len(high), len(low))
        real, imaginary = (high @ (parts @ low)).reshape(2, -1)
        return jax.lax.complex(real, imaginary)

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
            psi = transformed(turn * transformed(psi)) if across else turn * psi
        along, over = (jnp.abs(state) ** 2 for state in (psi, transformed(psi)))
        return jnp.where(crossed, string_signs @ over, string_signs @ along)

    def energy(theta: Any, coefficients: Any) -> Any:
        return coefficients @ expectations(theta)

    together = jax.jit(jax.vmap(expectations))

    if mapped:
        rows = jax.jit(jax.vmap(_steps(energy, slope)))

        def as_rows(starts: Real, coefficients: Real) -> tuple[Real, Real]:
            angles = np.asarray(rows(starts, coefficients))
            return angles, np.asarray(together(angles))

        return as_rows
    energy_and_slope = jax.jit(jax.value_and_grad(energy))

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


def _steps(energy: Callable[[Any, Any], Any], slope: float) -> Callable[[Any, Any], Any]:
    """Return a function (start, coefficients) → angles: Optax's L-BFGS with its zoom line search, until the gradient is small."""
    import jax
    import jax.numpy as jnp
    import optax

    def minimized(start: Any, coefficients: Any) -> Any:
        def of_angles(theta: Any) -> Any:
            return energy(theta, coefficients)

        optimizer, slope_of = optax.lbfgs(memory_size=MEMORY), optax.value_and_grad_from_state(of_angles)

        def step(carried: Any) -> Any:
            theta, state, _, count = carried
            value, gradient = slope_of(theta, state=state)
            update, state = optimizer.update(gradient, state, theta, value=value, grad=gradient, value_fn=of_angles)
            left = jnp.linalg.norm(optax.tree.get(state, "grad"))
            return optax.apply_updates(theta, update), state, left, count + 1

        first = start, optimizer.init(start), jnp.inf, 0
        return jax.lax.while_loop(lambda carried: (carried[2] > slope) & (carried[3] < MOST_STEPS), step, first)[0]

    return minimized


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
