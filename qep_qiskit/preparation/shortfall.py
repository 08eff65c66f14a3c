"""Distance of an ansatz's states from eigenstates near the outputs, for networks on light cones."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.preparation.compiled_ansatz import Compiled
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.preparation.true_states import MOST_TRUE_QUBITS
from qep_qiskit.preparation.uniqueness import without_outliers
from qep_qiskit.simulation.cones.light_cones import LightCones
from qep_qiskit.simulation.cones.variance import LocalVariance

NEAR = 2
"""The number of couplings between the outputs and the terms of H that count as near: a response dies with distance."""
BEGINNING = "the state at β = 0 is not an eigenstate near the outputs"
LARGEST = 2.5e-4
"""The share of the energy variance above which there is a warning. Random paramagnets of 100 and 127 sites below it had gradients
within 5 % of the ground state's; another local minimum of a glass, which is nearly an eigenstate too, is not seen."""


def shortfalls(families: Sequence[Family], compiled: Compiled, angles: Sequence[NDArray[np.float64]]) -> list[float | None]:
    """Return the energy variance of each family's free phase near the outputs, as a share of Σ c² without outliers.

    It is None for a family without a free phase, for networks small enough for exact ground states or state vectors, and if a
    light cone is too large.

    Parameters
    ----------
    families : sequence of Family
    compiled : Compiled
    angles : sequence of ndarray of shape (phases, P)
    """
    shares: list[float | None] = [None] * len(families)
    if families[0].num_qubits <= MOST_TRUE_QUBITS or not isinstance(compiled.evaluator, LightCones):
        return shares
    groups: dict[tuple[bytes, bytes], list[int]] = {}
    for number, family in enumerate(families):
        if 0.0 not in family.betas:
            continue
        used = family.free != 0.0
        groups.setdefault((used.tobytes(), (_near(family, used) & used).tobytes()), []).append(number)
    for (used, near), members in groups.items():
        thetas = np.array([angles[number][families[number].betas.index(0.0)] for number in members])
        if compiled.program is not None:
            part = np.frombuffer(near, dtype=bool)
            for number, theta in zip(members, thetas, strict=True):
                shares[number] = _share(families[number], compiled.states(theta[None])[0], part)
            continue
        variance = _variance(compiled, used, near)
        if variance is not None:
            rows = np.array([families[number].free[np.frombuffer(used, dtype=bool)] for number in members])
            for number, part_of_variance in zip(members, variance.variances(thetas, rows), strict=True):
                shares[number] = float(part_of_variance) / _size(families[number].free[np.frombuffer(near, dtype=bool)])
    return shares


def _size(coefficients: NDArray[np.float64]) -> float:
    """Return Σ c² without outliers."""
    return float(np.sum(without_outliers(coefficients) ** 2))


def _share(family: Family, state: NDArray[np.complex128], near: NDArray[np.bool_]) -> float | None:
    """Return the same share from a state vector; None without strings near the outputs."""
    size = _size(family.free[near])
    if size == 0.0:
        return None
    structure = structure_for(family.frame.paulis)
    whole, part = (structure.bind(row).apply(state) for row in (family.free, np.where(near, family.free, 0.0)))
    return float(np.vdot(part, whole - np.vdot(state, whole).real * state).real) / size


def _near(family: Family, used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask of the strings that act within `NEAR` couplings of the outputs."""
    paulis = family.frame.paulis
    acts = paulis.x | paulis.z
    rows = family.observed if family.observed is not None and len(family.observed) else family.nudge[None]
    sites = acts[np.any(rows != 0.0, axis=0)].any(axis=0)
    terms = acts[used]
    for _ in range(NEAR):
        sites = sites | terms[(terms & sites).any(axis=1)].any(axis=0)
    return np.asarray((acts & sites).any(axis=1))


@functools.lru_cache(maxsize=8)
def _variance(compiled: Compiled, used: bytes, near: bytes) -> LocalVariance | None:
    """Return the local variance of the used strings near the outputs, for any angles; None if a light cone is too large."""
    terms, part = np.frombuffer(used, dtype=bool), np.frombuffer(near, dtype=bool)
    if not part.any():
        return None
    try:
        return LocalVariance(compiled.circuit, compiled.paulis[terms], part[terms])
    except InputError:
        return None


def without_shortfalls(warnings: Sequence[str]) -> list[str]:
    """Return the other warnings, for gradients that have been compared with those of true states."""
    return [text for text in warnings if not text.startswith(BEGINNING)]


def shortfall_warnings(share: float | None) -> list[str]:
    """Return a warning if the state is far from an eigenstate."""
    if share is None or share <= LARGEST:
        return []
    return [
        f"{BEGINNING}: an energy variance of {share:.1e} of Σ c² there, and random "
        f"paramagnets with less than {LARGEST:.1e} had gradients within 5 % of the ground state's; this gradient is of the "
        "ansatz's own loss: compare it with one more layer, or with preparation.method = 'mps'"
    ]
