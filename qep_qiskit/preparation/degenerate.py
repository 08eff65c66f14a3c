"""Degenerate ground states whose answer is nevertheless well defined, because every state of the level gives the same one.

Let P project on the ground level of H + βC. If P M P is proportional to P for every operator M that is read, the expectations
do not depend on the state of the level. If the level also keeps its dimension under the nudge, its energy E(w, β) is smooth, and
the EP identity dL/dw = ∂²E/∂w∂β holds as for a single state. Operators that a symmetry group leaves alone have this property if
the level is one irreducible representation of the group (Schur's lemma), such as the doublet of an odd Heisenberg chain.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import DegenerateGroundStateError
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Held, Phase, Prepared
from qep_qiskit.preparation.response import Nudged, Response, Responsive, nothing
from qep_qiskit.preparation.state_loader import loading_circuits
from qep_qiskit.preparation.structures import bound, structure_for
from qep_qiskit.preparation.uniqueness import resolution
from qep_qiskit.simulation.eigen.operators import PauliStructure
from qep_qiskit.simulation.eigen.vectors import fixed_phase

Array = NDArray[Any]

MOST_QUBITS = 10
"""The largest number of qubits for which a degenerate level is examined, by diagonalising H."""
SAME = 1e-7
"""The largest difference within a level, as a share of the operator's coefficients, that is rounding."""
STATES = "degenerate_states"
"""The key of the details with the number of degenerate ground states."""


@dataclass(frozen=True, eq=False)
class Level:
    """The ground level of one phase: all energies and eigenvectors, of which the first `count` belong to it."""

    energies: Array
    vectors: Array
    count: int

    @property
    def states(self) -> Array:
        """The states of the level, as columns."""
        return np.asarray(self.vectors[:, : self.count])


def level_of(family: Family, structure: PauliStructure, phase: int) -> Level:
    """Return the ground level of a phase."""
    operator = bound(structure, family, phase)
    energies, vectors = np.linalg.eigh(operator.to_matrix())
    count = int((energies - energies[0] <= resolution(operator)).sum())
    return Level(energies, vectors, count)


def degenerate_ground_states(
    family: Family, structure: PauliStructure, details: dict[str, object], free: Prepared | None
) -> Prepared:
    """Return one state of the ground level of each phase, which gives the same answer as every other one.

    Raises
    ------
    DegenerateGroundStateError
        If something that is read differs between the states of a level, or the nudge splits it.
    """
    levels = [level_of(family, structure, p) for p in range(len(family.betas))]
    count = next((level.count for level, beta in zip(levels, family.betas, strict=True) if beta == 0.0), None)
    if count is None:
        assert free is not None
        count = int(str(free.details[STATES]))
    for level, beta in zip(levels, family.betas, strict=True):
        if level.count != count:
            raise DegenerateGroundStateError(
                f"the ground state is degenerate ({count} states), and β = {beta:g} leaves {level.count} of them, so its "
                "response to a nudge is not defined; break the symmetry, for instance by a longitudinal field h or another weight"
            )
        _require_same(family, _within(family.frame.paulis, level.states, level.states))
    states = np.array([fixed_phase(np.ascontiguousarray(level.vectors[:, 0])) for level in levels])
    phases = tuple(
        Phase(beta, float(level.energies[0]), 0.0, 0.0, _gap(level) if beta == 0.0 else None)
        for level, beta in zip(levels, family.betas, strict=True)
    )
    held = Held(states)
    return Prepared(
        phases=phases,
        states=held,
        circuits=functools.partial(loading_circuits, held, family.num_qubits),
        expectations=lambda paulis: np.atleast_2d(structure_for(paulis).expectations(states)),
        details={**details, STATES: count, "warnings": []},
        response=_response(family, levels[family.betas.index(0.0)]) if 0.0 in family.betas else None,
    )


def _gap(level: Level) -> float:
    above = level.energies[level.count :]
    return float(above[0] - level.energies[0]) if above.size else float("inf")


def _within(paulis: PauliList, left: Array, right: Array) -> Array:
    """Return left† P right of every string, shape (L, d, d)."""
    return np.array(
        [
            left.conj().T @ np.array([structure_for(paulis[[k]]).bind([1.0]).apply(column) for column in right.T]).T
            for k in range(len(paulis))
        ]
    )


def _require_same(family: Family, blocks: Array) -> None:
    """Refuse operators that are not the same number in all states of a level; `blocks` are those of the strings."""
    assert family.read is not None
    for row in np.concatenate(family.read()):
        block = np.tensordot(row, blocks, axes=1)
        size = len(block)
        difference = float(np.abs(block - np.trace(block) / size * np.eye(size)).max())
        if difference > SAME * max(float(np.abs(row).sum()), 1e-300):
            labels = [family.frame.labels[k] for k in np.flatnonzero(row)]
            name = ", ".join(labels[:3]) + (" …" if len(labels) > 3 else "")
            raise DegenerateGroundStateError(
                f"the ground state is degenerate ({size} states), and {name}, which is read, differs between them by up to "
                f"{2 * difference:.2g}, so its response to a nudge is not defined; read only what is the same in all of them, "
                "or break the symmetry, for instance by a longitudinal field h or another weight"
            )


def _response(family: Family, level: Level) -> Responsive:
    """Return a function for the response of the level: the mean over its states, which all respond alike."""

    def response(nudge: NDArray[np.float64], nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        states, above = level.states, level.vectors[:, level.count :]
        spacings = level.energies[level.count :] - level.energies[0]
        operator = structure_for(family.frame.paulis).bind(nudge)
        pushed = np.array([operator.apply(column) for column in states.T]).T
        delta = -above @ ((above.conj().T @ pushed) / spacings[:, None])
        blocks = _within(family.frame.paulis, states, delta)
        _require_same(family, blocks + blocks.conj().transpose(0, 2, 1))

        def changes(paulis: PauliList) -> NDArray[np.float64]:
            moved = _within(paulis, states, delta)
            return np.asarray(2.0 * np.trace(moved, axis1=1, axis2=2).real / level.count)

        reach = float(np.abs(nudge[family.frame.busy]).sum()) / _gap(level)
        return Response(reach, changes, f"the exact ground level ({level.count} states)")

    return response
