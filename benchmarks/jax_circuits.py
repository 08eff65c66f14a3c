"""The two ansätze in JAX: a loop over layers, diagonal layers as one phase, rotations four qubits at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.circuits import Circuit
from benchmarks.task import Call

BLOCK = 4


def jax_value_and_gradient(case: Circuit) -> Call:
    """Return energy and gradient by automatic differentiation, compiled here."""
    import jax

    jax.config.update("jax_enable_x64", True)
    coefficients = case.op.coeffs.real
    energy = _energy(case)
    compiled = jax.jit(jax.value_and_grad(lambda theta: energy(theta, coefficients))).lower(case.theta).compile()

    def call() -> NDArray[np.float64]:
        value, gradient = jax.block_until_ready(compiled(case.theta))
        return np.append(value, gradient)

    return call


def jax_rows(case: Circuit, thetas: NDArray[np.float64], coefficients: NDArray[np.float64]) -> Call:
    """Return energies and gradients of rows of angles (R, P) and coefficients (R, L), as rows (R, 1 + P), compiled here."""
    import jax

    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(jax.vmap(jax.value_and_grad(_energy(case)))).lower(thetas, coefficients).compile()

    def call() -> NDArray[np.float64]:
        return np.column_stack(jax.block_until_ready(compiled(thetas, coefficients)))

    return call


def _energy(case: Circuit) -> Any:
    """Return the energy as a function of the angles and of the coefficients of ``case.op``."""
    import jax
    import jax.numpy as jnp

    state = _hamiltonian_state(case) if any(gate.name == "rzz" for gate in case.gates) else _su2_state(case)
    product = _product(case)

    def energy(theta: Any, coefficients: Any) -> Any:
        psi = state(theta)
        image = jax.lax.stop_gradient(product(coefficients, psi))
        # the value is ⟨ψ|Hψ⟩; twice the derivative of the bra alone is the gradient, and so H·v is not differentiated
        half = jnp.vdot(image, psi).real
        return 2 * half - jax.lax.stop_gradient(half)

    return energy


def _blocks(psi: Any, matrices: Any) -> Any:
    """Apply one matrix to each four qubits: leading ones first, each product turning the order round by as many."""
    import jax.numpy as jnp

    for matrix in matrices:
        psi = jnp.tensordot(psi.reshape(len(matrix), -1), matrix, axes=((0,), (1,))).reshape(-1)
    return psi


def _kron(gates: Any) -> list[Any]:
    """Return Kronecker products of (n, 2, 2) matrices in fours, the highest qubits first."""
    import functools

    import jax.numpy as jnp

    highest = gates[::-1]
    return [functools.reduce(jnp.kron, highest[i : i + BLOCK]) for i in range(0, len(gates), BLOCK)]


def _rotation(kind: str, angles: Any) -> Any:
    import jax.numpy as jnp

    c, s = jnp.cos(angles / 2) + 0j, jnp.sin(angles / 2) + 0j
    rows = {"rx": [[c, -1j * s], [-1j * s, c]], "ry": [[c, -s], [s, c]], "rz": [[c - 1j * s, 0 * c], [0 * c, c + 1j * s]]}
    return jnp.moveaxis(jnp.array(rows[kind]), -1, 0)


def _signs(masks: NDArray[np.int64], bits: int) -> NDArray[np.float64]:
    return 1.0 - 2.0 * (np.bitwise_count(masks[:, None] & np.arange(1 << bits)) & 1)


def _hamiltonian_state(case: Circuit) -> Any:
    import jax
    import jax.numpy as jnp

    n, low_bits = case.num_qubits, case.num_qubits // 2
    diagonal = [gate for gate in case.gates if gate.name in ("rzz", "rz")]
    across = case.columns("rx")
    layers = len(across)
    numbers = np.array([gate.parameter for gate in diagonal]).reshape(layers, -1)
    masks = np.array([sum(1 << q for q in gate.qubits) for gate in diagonal[: numbers.shape[1]]])
    high, row = np.unique(masks >> low_bits, return_inverse=True)
    low, column = np.unique(masks & ((1 << low_bits) - 1), return_inverse=True)
    high_signs, low_signs = _signs(high, n - low_bits), _signs(low, low_bits)

    def layer(psi: Any, angles: Any) -> Any:
        along, fields = angles
        table = jnp.zeros((len(high), len(low))).at[row, column].add(along)
        exponent = (high_signs.T @ table @ low_signs).reshape(-1)
        psi = psi * jax.lax.complex(jnp.cos(exponent / 2), -jnp.sin(exponent / 2))
        return _blocks(psi, _kron(_rotation("rx", fields))), None

    def state(theta: Any) -> Any:
        plus = jnp.full(1 << n, 2 ** (-n / 2), dtype=complex)
        return jax.lax.scan(layer, plus, (theta[numbers], theta[across]))[0]

    return state


def _su2_state(case: Circuit) -> Any:
    import jax
    import jax.numpy as jnp

    n = case.num_qubits
    y, z = case.columns("ry"), case.columns("rz")
    pairs = [gate.qubits for gate in case.gates if gate.name == "cx"]
    source = np.arange(1 << n)
    for control, target in pairs[: len(pairs) // (len(y) - 1)][::-1]:
        source ^= ((source >> control) & 1) << target
    inverse = np.argsort(source)

    entangle = jax.custom_vjp(lambda psi: psi[source])
    # a permutation's transpose is its inverse: a gather, where JAX would write a scatter
    entangle.defvjp(lambda psi: (psi[source], None), lambda _, back: (back[inverse],))

    def rotate(psi: Any, angles: Any) -> Any:
        gates = _rotation("rz", angles[1]) @ _rotation("ry", angles[0])
        return _blocks(psi, _kron(gates))

    def state(theta: Any) -> Any:
        first = rotate(jnp.zeros(1 << n, dtype=complex).at[0].set(1.0), (theta[y[0]], theta[z[0]]))
        later = (theta[y[1:]], theta[z[1:]])
        return jax.lax.scan(lambda psi, angles: (rotate(entangle(psi), angles), None), first, later)[0]

    return state


def _product(case: Circuit) -> Any:
    """Return H·v, for diagonal terms and X fields, as a function of the coefficients of ``case.op`` and of v."""
    import jax.numpy as jnp

    n = case.num_qubits
    diagonal = [k for k, (letters, *_) in enumerate(case.terms) if letters != "X"]
    fields = {qubits[0]: k for k, (letters, qubits, _) in enumerate(case.terms) if letters == "X"}
    signs = _signs(np.array([sum(1 << q for q in case.terms[k][1]) for k in diagonal]), n)
    blocks = []
    for first in range(0, n, BLOCK):
        inside = [q for q in range(first, min(first + BLOCK, n)) if q in fields]
        size = 1 << min(BLOCK, n - first)
        index, flips = np.arange(size), np.zeros((len(inside), size, size))
        for flip, qubit in zip(flips, inside, strict=True):
            flip[index, index ^ (1 << (qubit - first))] = 1.0
        blocks.append((1 << first, np.array([fields[q] for q in inside], dtype=int), flips))

    def product(coefficients: Any, psi: Any) -> Any:
        image = (coefficients[np.array(diagonal)] @ signs) * psi
        for step, numbers, flips in blocks:
            matrix = jnp.tensordot(coefficients[numbers], flips, axes=1)
            image += jnp.einsum("ij,ljr->lir", matrix, psi.reshape(-1, len(matrix), step)).reshape(-1)
        return image

    return product
