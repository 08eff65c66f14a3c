"""True ground states, with which prepared states are compared. Many are computed at once if that saves time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.networks.frame import Frame
from qep_qiskit.preparation.exact import Exact, ground_state_response
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.response import Member, Response, Responsive
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.simulation.eigen.response import transitions
from qep_qiskit.simulation.eigen.rows import Operators, linear_responses, lowest_levels, strings_of

Vector = NDArray[np.float64]
State = TypeVar("State")
MOST_TRUE_QUBITS = 14
"""The largest number of qubits for which a gradient's diagnostics compute the true ground state too; this takes little time."""
ROWS_QUBITS = 10
"""The largest number of qubits for which the states of a batch are computed as columns of one array."""
OF = "the exact ground state"
MOST_KEPT, MOST_KEPT_ALONE = 512, 16
"""The number of ground states in memory, since a nudge's reach and the distance from the ground state use the same ones: those of
batches, and those computed alone, which may be larger and hold what their responses need."""


@dataclass(frozen=True, eq=False)
class TrueState:
    """A unique ground state.

    Attributes
    ----------
    energy, gap : float
    vector : ndarray of shape (2**n,)
    response : callable or None
        Its response to a nudge; None if it was computed in a batch, for which :func:`true_responses` computes the responses.
    """

    energy: float
    gap: float
    vector: NDArray[Any]
    response: Responsive | None = None

    def reach(self, frame: Frame, nudge: Vector) -> float:
        """Return how far a unit of β moves the state, for a nudge with these coefficients over the frame."""
        return float(np.abs(nudge[frame.busy]).sum()) / self.gap


Key: TypeAlias = tuple[bytes, bytes, bytes]
_kept: OrderedDict[Key, TrueState] = OrderedDict()
_kept_alone: OrderedDict[Key, TrueState | None] = OrderedDict()
_lock = Lock()


def true_ground_states(frame: Frame, rows: Sequence[Vector]) -> list[TrueState | None]:
    """Return the ground states of several Hamiltonians, given by their coefficients; None if it is not unique or not found.

    Several states of up to 10 qubits are computed together, to about six digits; otherwise each is computed alone.
    """
    x = frame.paulis.x
    strings = x.tobytes(), frame.paulis.z.tobytes()
    keys = [(*strings, np.asarray(row, float).tobytes()) for row in rows]
    if len(rows) == 1 or frame.paulis.num_qubits > ROWS_QUBITS:
        return [_alone(frame, row, key) for row, key in zip(rows, keys, strict=True)]
    with _lock:
        states = {key: _kept[key] for key in keys if key in _kept}
    missing = [k for k, key in enumerate(keys) if key not in states]
    turns = [k for k in missing if x[rows[k] != 0].any()]  # without flips the ground state is found by enumeration
    if turns:
        levels = lowest_levels(Operators(frame.paulis, np.array([rows[k] for k in turns])))
        for place in np.flatnonzero(levels.settled):
            vector = np.ascontiguousarray(levels.vectors[:, place])
            states[keys[turns[place]]] = TrueState(float(levels.energies[place]), float(levels.gaps[place]), vector)
    _keep(_kept, states, MOST_KEPT)
    return [states[key] if key in states else _alone(frame, row, key) for key, row in zip(keys, rows, strict=True)]


def true_responses(
    frame: Frame, rows: Sequence[Vector], states: Sequence[TrueState], nudges: Sequence[Vector]
) -> list[Response | None]:
    """Return the responses of several ground states, each to its own nudge; None if another level lies too close."""
    responses = [None if state.response is None else state.response(nudge) for state, nudge in zip(states, nudges, strict=True)]
    together = [k for k, state in enumerate(states) if state.response is None]
    if together:
        members = [states[k] for k in together]
        vectors = np.array([state.vector for state in members]).T
        energies = np.array([state.energy for state in members])
        sources = Operators(frame.paulis, np.array([nudges[k] for k in together])).apply(vectors)
        moved = linear_responses(Operators(frame.paulis, np.array([rows[k] for k in together])), energies, vectors, sources)
        changes = 2.0 * strings_of(frame.paulis).transitions(vectors, moved)
        for place in np.flatnonzero(~np.isnan(moved).any(axis=0)).tolist():
            k, of_state = together[place], partial(_changes, frame, changes[place], members[place].vector, moved[:, place])
            responses[k] = Response(members[place].reach(frame, nudges[k]), of_state, OF)
    return responses


@dataclass(frozen=True, eq=False)
class TrueResponses:
    """The responses of the true ground states of a batch of families over one frame, computed together.

    Attributes
    ----------
    families : sequence of Family
    """

    families: Sequence[Family]

    def responses(self, numbers: Sequence[int], nudges: Sequence[Vector]) -> list[Response | None]:
        """Return the responses of some ground states, each to its own nudge; None if it must be computed alone."""
        frame, rows = self.families[0].frame, [self.families[number].free for number in numbers]
        states = {k: state for k, state in enumerate(true_ground_states(frame, rows)) if state and state.response is None}
        computed = true_responses(frame, [rows[k] for k in states], list(states.values()), [nudges[k] for k in states])
        responses = dict(zip(states, computed, strict=True))
        return [responses.get(k) for k in range(len(rows))]


def ground_state_responses(families: Sequence[Family], most_qubits: int) -> list[Responsive | None]:
    """Return the response of each family's true ground state; None without a free phase, or with too many qubits.

    Responses over one frame are computed together if they are requested together.
    """
    num_qubits = families[0].num_qubits
    wanted = [0.0 in family.betas and num_qubits <= most_qubits for family in families]
    alone = [ground_state_response(family) if want else None for family, want in zip(families, wanted, strict=True)]
    if len(families) == 1 or num_qubits > ROWS_QUBITS:
        return list(alone)
    batch = TrueResponses(families)
    return [None if response is None else Member(batch, number, response) for number, response in enumerate(alone)]


def _alone(frame: Frame, row: Vector, key: Key) -> TrueState | None:
    with _lock:
        if key in _kept_alone:
            return _kept_alone[key]
    state = None  # a degenerate ground state: which one is meant is not defined
    with suppress(InputError, PreparationError):
        prepared = Exact().prepare(Family(frame, row, np.zeros_like(row), (0.0,)))
        state = TrueState(prepared.phases[0].energy, prepared.phases[0].gap or 0.0, prepared.states()[0], prepared.response)
    _keep(_kept_alone, {key: state}, MOST_KEPT_ALONE)
    return state


def _keep(memory: OrderedDict[Key, State], states: Mapping[Key, State], most: int) -> None:
    with _lock:
        memory.update(states)
        while len(memory) > most:
            memory.popitem(last=False)


def _changes(frame: Frame, changes: Vector, vector: NDArray[Any], moved: NDArray[Any], paulis: PauliList) -> Vector:
    return changes if paulis is frame.strings else transitions(structure_for(paulis), vector, np.ascontiguousarray(moved))
