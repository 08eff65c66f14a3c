"""True ground states of Hamiltonians with many Pauli symmetries, found one sector at a time."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.preparation.family import Family, outwards
from qep_qiskit.preparation.preparer import Phase, Prepared
from qep_qiskit.preparation.response import Nudged, Response, Responsive, nothing
from qep_qiskit.preparation.state_loader import loading_circuits
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.preparation.uniqueness import refuse_degenerate
from qep_qiskit.progress import Progress, silent
from qep_qiskit.simulation.eigen.lanczos import GroundState, ground_state
from qep_qiskit.simulation.eigen.operators import PauliSum
from qep_qiskit.simulation.eigen.response import linear_response, transitions
from qep_qiskit.simulation.eigen.sectors import ROUNDING, scan
from qep_qiskit.simulation.eigen.symmetries import Reduced, Symmetries, symmetries_of

Vector = NDArray[np.float64]
LEAST_QUBITS, LEAST_SYMMETRIES, LEAST_LEFT, MOST_SECTORS = 10, 3, 3, 2**12
"""The sizes from which a search by sectors is faster than one in the whole space, and up to which it fits."""
FEW = 3
"""The largest number of sectors that are solved without a search."""


@functools.lru_cache(maxsize=8)
def _symmetries(num_strings: int, x: bytes, z: bytes) -> Symmetries:
    bits = [np.frombuffer(packed, dtype=bool).reshape(num_strings, -1) for packed in (z, x)]
    return symmetries_of(PauliList.from_symplectic(*bits))


@functools.lru_cache(maxsize=256)
def _reduced(symmetries: Symmetries, num_strings: int, x: bytes, z: bytes, phase: bytes) -> Reduced:
    bits = [np.frombuffer(packed, dtype=bool).reshape(num_strings, -1) for packed in (z, x)]
    return symmetries.reduce(PauliList.from_symplectic(*bits, np.frombuffer(phase, dtype=np.int64)))


def _inside(symmetries: Symmetries, paulis: PauliList) -> Reduced:
    phase = np.asarray(paulis.phase, np.int64).tobytes()
    return _reduced(symmetries, len(paulis), paulis.x.tobytes(), paulis.z.tobytes(), phase)


def symmetries_for(family: Family) -> Symmetries | None:
    """Return the Pauli symmetries that H, C and the cost's observables share; None if a search by sectors would not pay."""
    n = family.num_qubits
    if n < LEAST_QUBITS:
        return None
    used = (family.free != 0) | (family.nudge != 0)
    if family.observed is not None:
        used |= np.any(family.observed != 0, axis=0)
    if family.strings is not None:
        used[list(family.strings)] = True
    paulis = family.frame.paulis[np.flatnonzero(used)]
    symmetries = _symmetries(len(paulis), paulis.x.tobytes(), paulis.z.tobytes())
    count = len(symmetries.pivots)
    pays = count >= LEAST_SYMMETRIES and symmetries.sectors <= MOST_SECTORS and n - count >= LEAST_LEFT
    return symmetries if pays else None


@dataclass(frozen=True, eq=False)
class Sectors:
    """The levels and the state of a free phase, from which its nudged phases start.

    Attributes
    ----------
    symmetries : Symmetries
    bounds : ndarray of shape (sectors,)
        Lower bounds of each sector's lowest level, made tighter when a nudge needs it.
    sector : int
        The sector of the ground state.
    vector : ndarray
        The ground state inside the sector.
    gap : float
    """

    symmetries: Symmetries
    bounds: Vector
    sector: int
    vector: NDArray[Any]
    gap: float


@dataclass
class _Search:
    """The search for the ground states of one family."""

    family: Family
    symmetries: Symmetries
    tolerance: float
    seed: int
    free_sectors: Sectors | None = None
    reduced: Reduced = field(init=False)

    def __post_init__(self) -> None:
        used = np.flatnonzero((self.family.free != 0) | (self.family.nudge != 0))
        self.used = used
        self.reduced = _inside(self.symmetries, self.family.frame.paulis[used])

    def operator(self, phase: int, sector: int) -> PauliSum:
        row = self.family.coefficients[phase][self.used] * self.reduced.signs_in(np.array([sector]))[0]
        return structure_for(self.reduced.paulis).bind(row)

    def solve(self, phase: int, *, gap: bool) -> tuple[int, GroundState]:
        """Return the sector and the ground state of a phase, with the gap above it if requested."""
        if self.free_sectors is None:
            return self._searched(phase, gap)
        beta, lowest = abs(self.family.betas[phase]), self.free_sectors.sector
        best = self._ground(phase, lowest, False)
        sectors = self._reachable(best.energy + beta * self.family.nudge_bound())
        if len(sectors) > FEW:
            sectors = self._below(best.energy, sectors, self.family.coefficients[phase])
        for sector in sectors:
            other = self._ground(phase, sector, False)
            if other.energy < best.energy:
                lowest, best = sector, other
        return lowest, best

    def _searched(self, phase: int, gap: bool) -> tuple[int, GroundState]:
        """Search all sectors twice; if the phase is the free one, remember the bounds.

        The second search has new random vectors, and drops the sectors above the levels that the first has led to.
        """
        row, keep = self.family.coefficients[phase][self.used], 2 if gap else 1
        rows = self.reduced.signs_in(np.arange(self.symmetries.sectors)) * row
        accuracy = 4 * ROUNDING * float(np.abs(row).sum())
        first = scan(self.reduced.paulis, rows, keep=keep, seed=self.seed)
        candidates = [*first.lowest.tolist(), *np.argsort(first.energies, kind="stable")[:keep].tolist()]
        states = {sector: self._ground(phase, sector, gap) for sector in dict.fromkeys(candidates)}
        levels = sorted(s.energy for s in states.values())
        limit = max(levels[0], levels[keep - 1] - accuracy)
        both = first & scan(self.reduced.paulis, rows, limit=limit, seed=self.seed + 1)
        for sector in np.flatnonzero(both.bounds <= limit).tolist():
            if sector not in states:
                states[sector] = self._ground(phase, sector, gap)
        best = min(states, key=lambda sector: states[sector].energy)
        state, others = states[best], [s.energy for sector, s in states.items() if sector != best]
        if gap:
            state = replace(state, gap=min([state.gap, *(energy - state.energy for energy in others)]))
        if self.family.betas[phase] == 0.0:
            bounds = both.bounds
            bounds[list(states)] = [s.energy for s in states.values()]
            self.free_sectors = Sectors(self.symmetries, bounds, best, state.vector, state.gap)
        return best, state

    def _reachable(self, energy: float) -> list[int]:
        """Return the other sectors whose lowest level in the free phase may lie below an energy."""
        assert self.free_sectors is not None
        bounds = self.free_sectors.bounds
        doubtful = [k for k in np.flatnonzero(bounds <= energy).tolist() if k != self.free_sectors.sector]
        if len(doubtful) > FEW:
            left = self._below(energy, doubtful, self.family.free)
            dropped = [k for k in doubtful if k not in left]
            bounds[dropped] = np.maximum(bounds[dropped], energy)
            doubtful = left
        return doubtful

    def _below(self, energy: float, sectors: list[int], row: Vector) -> list[int]:
        """Return the sectors whose lowest level, for the coefficients of an operator, may lie below an energy."""
        signs = self.reduced.signs_in(np.array(sectors))
        bounds = scan(self.reduced.paulis, signs * row[self.used], limit=energy, seed=self.seed).bounds
        return [sector for sector, bound in zip(sectors, bounds, strict=True) if bound <= energy]

    def _ground(self, phase: int, sector: int, gap: bool) -> GroundState:
        start = self.free_sectors.vector if self.free_sectors is not None and self.free_sectors.sector == sector else None
        return ground_state(self.operator(phase, sector), start=start, gap=gap, tolerance=self.tolerance, seed=self.seed)


def sector_states(
    family: Family,
    symmetries: Symmetries,
    *,
    free: Prepared | None,
    tolerance: float,
    gap: bool,
    seed: int,
    details: Mapping[str, object],
    progress: Progress = silent,
) -> Prepared:
    """Return the ground states of a family, each from the sector that contains it.

    Parameters
    ----------
    family : Family
    symmetries : Symmetries
        Of all strings of H and C.
    free : Prepared or None
        The free phase, if it is already prepared.
    tolerance : float
        The angle to the true ground state.
    gap : bool
        Whether to compute the gap above the free phase, in its own sector and to all others.
    seed : int
    details : mapping
        Method and options, for reports.

    Notes
    -----
    A nudge shifts every level by at most |β| ‖C‖. Another sector can therefore contain the ground state of a nudged phase only if
    its free level lies at most that much above the nudged ground state of the free phase's sector.
    """
    free_sectors = None if free is None or not isinstance(free.carried, Sectors) else free.carried
    if free_sectors is not None and free_sectors.symmetries is not symmetries:
        free_sectors = None
    search = _Search(family, symmetries, tolerance, seed, free_sectors)
    order, ground = outwards(family.betas), {}
    for done, p in enumerate(order):
        progress("ground states", done / len(order))
        wants_gap = gap and family.betas[p] == 0.0
        sector, state = ground[p] = search.solve(p, gap=wants_gap)
        if wants_gap:
            refuse_degenerate(state.gap, search.operator(p, sector))
    progress("ground states", 1.0)
    sectors = np.array([ground[p][0] for p in range(len(order))])
    vectors = np.array([ground[p][1].vector for p in range(len(order))])
    start = search.free_sectors

    @functools.cache
    def states() -> NDArray[np.complex128]:
        return np.array([symmetries.embed(int(s), v) for s, v in zip(sectors, vectors, strict=True)])

    def expectations(paulis: PauliList) -> Vector:
        inside = _inside(symmetries, paulis)
        return np.atleast_2d(structure_for(inside.paulis).expectations(vectors)) * inside.signs_in(sectors)

    def probabilities(phase: int, axes: str, support: tuple[int, ...]) -> Vector:
        inside = _inside(symmetries, _strings_on(axes, support))
        parities = structure_for(inside.paulis).expectations(vectors[phase]) * inside.signs_in(sectors[phase : phase + 1])[0]
        return np.clip(_walsh(parities) / len(parities), 0.0, None)

    free_place = family.betas.index(0.0) if 0.0 in family.betas else None
    return Prepared(
        phases=tuple(_report(family.betas[p], *ground[p], start) for p in range(len(order))),
        states=states,
        circuits=lambda: loading_circuits(states, family.num_qubits),
        expectations=expectations,
        probabilities=probabilities,
        carried=start,
        details={**details, "sectors": symmetries.sectors, "warnings": []},
        response=None if free_place is None else _response(family, search, *ground[free_place], free_place),
    )


def _report(beta: float, sector: int, state: GroundState, free_sectors: Sectors | None) -> Phase:
    gap = free_sectors.gap if free_sectors is not None and beta == 0.0 and math.isfinite(free_sectors.gap) else None
    overlap = None
    if beta != 0.0 and free_sectors is not None:
        overlap = float(abs(np.vdot(free_sectors.vector, state.vector)) ** 2) if sector == free_sectors.sector else 0.0
    return Phase(beta, state.energy, state.residual, state.residual**2, gap, overlap=overlap)


def _response(family: Family, search: _Search, sector: int, state: GroundState, phase: int) -> Responsive:
    operator, symmetries = search.operator(phase, sector), search.symmetries

    def response(nudge: Vector, nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        @functools.cache
        def delta() -> NDArray[Any]:
            strings = np.flatnonzero(nudge)
            if not strings.size:
                return np.zeros_like(state.vector)
            inside = _inside(symmetries, family.frame.paulis[strings])
            row = nudge[strings] * inside.signs_in(np.array([sector]))[0]
            return linear_response(operator, state, structure_for(inside.paulis).bind(row).apply(state.vector))

        def changes(paulis: PauliList) -> Vector:
            inside = _inside(symmetries, paulis)
            values = transitions(structure_for(inside.paulis), state.vector, delta())
            return np.asarray(values * inside.signs_in(np.array([sector]))[0])

        if math.isfinite(state.gap) and state.gap > 0:
            reach = float(np.abs(nudge[family.frame.busy]).sum()) / state.gap
        else:
            reach = 2.0 * float(np.linalg.norm(delta()))
        return Response(reach, changes, "the exact ground state", details={"products": state.products})

    return response


@functools.lru_cache(maxsize=64)
def _strings_on(axes: str, support: tuple[int, ...]) -> PauliList:
    """Return the products of the axes' letters over all subsets of some qubits; the first qubit is the least significant bit."""
    subsets = np.arange(1 << len(support))[:, None] >> np.arange(len(support)) & 1
    x, z = np.zeros((2, len(subsets), len(axes)), bool)
    for place, qubit in enumerate(support):
        x[:, qubit] = subsets[:, place] * (axes[qubit] in "XY")
        z[:, qubit] = subsets[:, place] * (axes[qubit] in "YZ")
    return PauliList.from_symplectic(z, x)


def _walsh(values: Vector) -> Vector:
    """Return Σ_s (−1)^(s·i) v_s."""
    out, half = values.copy(), 1
    while half < len(out):
        pairs = out.reshape(-1, 2, half)
        out = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).ravel()
        half *= 2
    return out
