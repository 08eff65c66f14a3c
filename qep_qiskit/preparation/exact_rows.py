"""Exact ground states of a batch of families, as columns of one array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import PreparationError
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.preparation.response import Member, Nudged, Response, Responsive, nothing
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.simulation.eigen.response import transitions
from qep_qiskit.simulation.eigen.rows import GroundStates, Operators, ground_states, linear_responses
from qep_qiskit.simulation.eigen.vectors import fixed_phase, norm

FEWEST_QUBITS, MOST_QUBITS = 8, 10
"""With fewer qubits, operators are diagonalised; with more, one state fills the cache, and columns gain nothing."""
RESPONSE = 1e-4
"""The largest relative residual of a linear response."""


def suits(families: Sequence[Family]) -> bool:
    """Return whether the states of all families can be computed as columns of one array."""
    first = families[0]
    if len(families) < 2 or not FEWEST_QUBITS <= first.num_qubits <= MOST_QUBITS:
        return False
    flips = first.frame.paulis.x.any(axis=1)
    return all(family.frame is first.frame and np.any(family.free[flips]) for family in families)


def states_together(
    families: Sequence[Family], starts: Sequence[NDArray[Any] | None], *, tolerance: float, seed: int
) -> list[GroundStates | None]:
    """Return the ground states of the phases of each family; None for a family with a phase that did not converge.

    Parameters
    ----------
    families : sequence of Family
        Families for which :func:`suits` is true.
    starts : sequence of ndarray or None
        A guess for all phases of each family.
    """
    paulis = families[0].frame.paulis
    rows = np.concatenate([family.coefficients for family in families])
    owners = np.repeat(np.arange(len(families)), [len(family.betas) for family in families])
    guesses = None
    if all(start is not None for start in starts):
        guesses = np.array([starts[owner] for owner in owners.tolist()]).T
    states = ground_states(paulis, rows, starts=guesses, tolerance=tolerance, seed=seed)
    results: list[GroundStates | None] = []
    for number in range(len(families)):
        columns = owners == number
        if not states.settled[columns].all():
            results.append(None)
            continue
        vectors = states.vectors[:, columns].astype(np.result_type(states.vectors.dtype, float)).T
        vectors = np.array([fixed_phase(vector / norm(vector)) for vector in np.ascontiguousarray(vectors)])
        results.append(GroundStates(states.energies[columns], states.residuals[columns], vectors, states.settled[columns]))
    return results


@dataclass(frozen=True, eq=False)
class FreePhases:
    """The responses of the free phases of a batch, which are computed together."""

    families: Sequence[Family]
    states: Sequence[GroundStates | None]

    def _free(self, number: int) -> tuple[float, NDArray[Any]]:
        """Return the energy and the vector of a free phase."""
        states, phase = self.states[number], self.families[number].betas.index(0.0)
        if states is None:
            raise PreparationError("the free phase did not converge together with the others")
        return float(states.energies[phase]), states.vectors[phase]

    def responses(self, numbers: Sequence[int], nudges: Sequence[NDArray[np.float64]]) -> list[Response]:
        """Return the responses of some of the free phases, each to its own nudge."""
        chosen, paulis = list(numbers), self.families[0].frame.paulis
        energies, states = zip(*(self._free(number) for number in chosen), strict=True)
        vectors = np.ascontiguousarray(np.array(states).T)
        sources = Operators(paulis, np.array(nudges)).apply(vectors.astype(complex))
        operators = Operators(paulis, np.array([self.families[i].free for i in chosen]))
        moved = np.ascontiguousarray(linear_responses(operators, np.array(energies), vectors, sources, tolerance=RESPONSE).T)
        return [_response(vector, delta) for vector, delta in zip(states, moved, strict=True)]

    def member(self, number: int, alone: Callable[[], Responsive]) -> Member:
        """Return the response of one free phase; `alone` returns the function that computes it by itself."""

        def single(nudge: NDArray[np.float64], nudged: Nudged = nothing, *, exact: bool = False) -> Response:
            return alone()(nudge, nudged, exact=exact)

        return Member(self, number, single)


def _response(vector: NDArray[Any], delta: NDArray[Any]) -> Response:
    if np.isnan(delta).any():
        return Response(0.0, _unknown, "the exact ground state")
    reach = 2.0 * norm(delta)
    return Response(reach, lambda paulis: transitions(structure_for(paulis), vector, delta), "the exact ground state")


def _unknown(paulis: object) -> NDArray[np.float64]:
    raise PreparationError(
        "the free phase is not accurate enough for its response to a nudge: another level is close; lower preparation.tolerance"
    )


def start_of(prepared: Prepared | None) -> NDArray[Any] | None:
    """Return the first state of an earlier preparation, if there is one."""
    return None if prepared is None else prepared.states()[0]
