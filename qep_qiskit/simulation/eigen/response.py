"""The first-order response of a ground state to a perturbation."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import DegenerateGroundStateError, InputError
from qep_qiskit.simulation.eigen.lanczos import DEGENERATE, GroundState
from qep_qiskit.simulation.eigen.operators import PauliStructure, PauliSum, one_thread
from qep_qiskit.simulation.eigen.shifted import solve_shifted
from qep_qiskit.simulation.eigen.vectors import norm, project_off

Array: TypeAlias = NDArray[Any]


def linear_response(
    op: PauliSum,
    ground: GroundState,
    source: Array,
    *,
    start: Array | None = None,
    tolerance: float = 1e-10,
    improvement: float | None = None,
) -> Array:
    """Return δψ = −(H − E0)⁺ P C ψ0, the derivative of the ground state of H + βC at β = 0.

    Parameters
    ----------
    op : PauliSum
        The operator H.
    ground : GroundState
        The ground state of H.
    source : array, shape (2**n,)
        The vector C ψ0; its component along ψ0 is removed.
    start : array, shape (2**n,), optional
        A guess for δψ.
    tolerance : float
        The required relative residual ‖(H − E0) δψ + P C ψ0‖ / ‖P C ψ0‖.
    improvement : float, optional
        If given, the residual of `start` must also fall by this factor. The error of `start` is then known to about this relative
        accuracy.

    Returns
    -------
    array, shape (2**n,)
        δψ, orthogonal to ψ0; real if the operator and the source are real.

    Raises
    ------
    DegenerateGroundStateError
        If the gap is zero, since the response is then undefined.
    PreparationError
        If the solver does not converge.

    Notes
    -----
    If all levels of H are known, as up to 7 qubits, they give the response. Otherwise the solver uses conjugate gradients in the
    complement of ψ0, where H − E0 is positive definite, preconditioned by the diagonal (which halves the steps in weak transverse
    fields). From 10 qubits on it works in single precision with refinement. The response of an observable A is
    d⟨A⟩/dβ = 2 Re⟨ψ0|A|δψ⟩.
    """
    if np.shape(source) != (op.dim,):
        raise InputError(f"the source has shape {np.shape(source)}; it must be ({op.dim},)")
    if ground.gap <= DEGENERATE * max(op.scale, 1e-300):
        raise DegenerateGroundStateError(f"the ground state is degenerate (gap {ground.gap:.1e}); it has no response")
    real = op.is_real and not np.iscomplexobj(source) and not np.iscomplexobj(ground.vector)
    dtype = float if real else complex
    psi = ground.vector.astype(dtype, copy=False)
    target = project_off(psi, -np.asarray(source, dtype))
    if norm(target) <= 1e-14 * norm(np.asarray(source)):
        return np.zeros(op.dim, dtype)
    if ground.spectrum is not None:
        energies, vectors = ground.spectrum
        return project_off(psi, vectors[:, 1:] @ ((vectors[:, 1:].conj().T @ target) / (energies[1:] - energies[0])))
    with one_thread():
        return solve_shifted(op, ground.energy, psi, target, start=start, tolerance=tolerance, improvement=improvement)[0]


def transitions(structure: PauliStructure, state: Array, delta: Array) -> NDArray[np.float64]:
    """Return 2 Re⟨δψ|P|ψ⟩ for every string, shape (L,), from the expectations in ψ ± δψ (polarisation)."""
    size = norm(delta)
    if size == 0.0:
        return np.zeros(structure.num_terms)
    plus, minus = structure.expectations(np.array([state + delta / size, state - delta / size]))
    return np.asarray(size * (plus - minus) / 2)
