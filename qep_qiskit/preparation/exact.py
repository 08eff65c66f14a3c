"""Preparation of true ground states and other eigenstates."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import DegenerateGroundStateError, InputError, PreparationError
from qep_qiskit.kinds import HIDDEN, PREPARERS, Key
from qep_qiskit.memory import require
from qep_qiskit.networks.quadratic.monomials import MonomialFrame
from qep_qiskit.preparation.capabilities import Capabilities
from qep_qiskit.preparation.degenerate import MOST_QUBITS as EXAMINED_QUBITS
from qep_qiskit.preparation.degenerate import STATES, degenerate_ground_states
from qep_qiskit.preparation.exact_rows import FreePhases, start_of, states_together, suits
from qep_qiskit.preparation.family import Family, outwards
from qep_qiskit.preparation.gaussian import gaussian_states
from qep_qiskit.preparation.preparer import Held, Phase, Prepared, Preparer, each, nearest
from qep_qiskit.preparation.product import product_prepared, spins_of
from qep_qiskit.preparation.response import Nudged, Response, Responsive, guessed, nothing
from qep_qiskit.preparation.sector_states import sector_states, symmetries_for
from qep_qiskit.preparation.state_loader import loading_circuits
from qep_qiskit.preparation.structures import bound, structure_for, structure_of
from qep_qiskit.preparation.uniqueness import check_level, refuse_degenerate, refuse_excited, resolution
from qep_qiskit.progress import Progress, one_of, silent
from qep_qiskit.simulation.eigen.excited import eigenstate, excited_response, lowest_configurations
from qep_qiskit.simulation.eigen.lanczos import DENSE_QUBITS, GroundState, ground_state
from qep_qiskit.simulation.eigen.operators import PauliStructure, PauliSum
from qep_qiskit.simulation.eigen.response import linear_response, transitions
from qep_qiskit.simulation.eigen.rows import GroundStates
from qep_qiskit.simulation.eigen.vectors import norm
from qep_qiskit.values import Brief

MOST_QUBITS = 26
BYTES_PER_AMPLITUDE = 140
"""The measured peak memory of a search, for Lanczos vectors and the states of three phases."""
RESPONSE = 1e-4
"""The largest relative residual of a linear response."""
IMPROVED = 0.01
"""The allowed relative error of an estimated bias."""
TOGETHER = 16
"""The largest number of families whose states are computed as one array, which is to fit the processor's cache."""
STILL = (
    "without a transverse field the ground state is one configuration, which does not respond to an infinitesimal nudge: "
    "the gradient is zero; take a large β, MeanField or Thermal"
)
STUCK = (
    "without a transverse field the ground state is one configuration, and this β turns no spin, so the contrast is zero; "
    "take a larger β (of the order of the gap over ‖C‖), a transverse field, or preparation.method mean_field or thermal"
)


def refuse_size(qubits: int) -> None:
    """Raise InputError if exact states of this many qubits do not fit."""
    if qubits > MOST_QUBITS:
        raise InputError(
            f"preparation.method: exact ground states of {qubits} qubits do not fit (at most {MOST_QUBITS}); "
            "use vqe or adiabatic circuits"
        )


@PREPARERS.register("exact")
@dataclass(frozen=True, repr=False)
class Exact(Brief, Preparer):
    """True eigenstates, by default ground states, found by Lanczos; nudged phases start from the free one.

    Parameters
    ----------
    level : int
        The number of the eigenstate in order of energy, 0 for the ground state; the same in all phases. EP holds at every
        eigenstate, because its energy is stationary (Massar & Mognetti 2024, arXiv:2405.08467).
    tolerance : float
        The allowed angle between each vector and the true ground state. The error of a gradient is about this angle over β.
    nudge_share : float
        Ignored; kept for programs written for an earlier version.
    gap : bool
        Whether to compute the gap above the free phase. Without it a gradient costs a third less, which helps in long trainings
        of networks known to be gapped, but a degenerate ground state is not detected, and with a loose `tolerance` a nudged
        phase may stay in a state that the nudge has raised above another one close to it (1e-7 is tight enough in the phase
        sensor's example). The states of a batch of 8 to 10 qubits are then computed as columns of one array, from a
        `tolerance` of 3e-4 on in single precision.

    Raises
    ------
    DegenerateGroundStateError
        If the free state's level is not unique, so that its response to a nudge is not defined. Up to 10 qubits, a degenerate
        ground state is allowed if nothing that is read differs between its states, and the nudge does not split it.

    Notes
    -----
    If a Hamiltonian has no transverse terms (a classical Ising network, ``ising(..., transverse=False)``), its ground state is
    one configuration, found among all 2**n. It does not respond to an infinitesimal nudge: the loss is piecewise constant, and
    the gradient at β → 0 is zero wherever it exists. At finite β, EP gives the contrast Σ s_p ⟨∂H/∂w⟩ of the ground
    configurations of H + β_p C, which is zero until β reaches a level crossing. Such networks are trained with β of the order of
    the gap (Laydevant et al. 2024, arXiv:2305.18321), or with :class:`MeanField` or :class:`Thermal` states, which do respond.

    From 10 qubits and three Pauli symmetries on, the ground state is searched in each common eigenspace of the symmetries, and it
    is assumed that two searches from independent random vectors do not both misjudge the eigenspace that contains it.
    """

    tolerance: Annotated[float, Key("the angle to the true ground state", above=0)] = 1e-9
    nudge_share: Annotated[float, HIDDEN] = 0.5
    gap: Annotated[bool, Key("whether the gap is computed")] = True
    level: Annotated[int, Key("the eigenstate's number by energy, 0 for the ground state", least=0, most=2**26)] = 0
    supports: ClassVar[Capabilities] = Capabilities(
        closed_form=True, quick=True, loads=True, start="state", start_qubits=DENSE_QUBITS + 1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.gap:  # then a batch is prepared together
            object.__setattr__(self, "supports", replace(type(self).supports, together=True))

    def prepare(
        self,
        family: Family,
        *,
        free: Prepared | None = None,
        warm_start: Prepared | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Prepared:
        """Return the eigenstates for ``family.betas``."""
        if isinstance(family.frame, MonomialFrame):
            refuse_excited(self.level)
            return gaussian_states(family, quantum=family.frame.quantum, details=self.describe())
        refuse_size(family.num_qubits)
        check_level(self.level, family.num_qubits)
        require(
            BYTES_PER_AMPLITUDE * 2.0**family.num_qubits,
            f"preparation.method: exact ground states of {family.num_qubits} qubits",
            "use mps, or fewer sites",
        )
        structure = structure_of(family)
        if not structure.flips_qubits.any():
            return self._classical(family, structure, free, progress)
        suited = not self.level and family.read is not None and family.num_qubits <= EXAMINED_QUBITS
        if suited and free is not None and STATES in free.details:
            return degenerate_ground_states(family, structure, self.describe(), free)
        symmetries = None if self.level else symmetries_for(family)
        if symmetries is not None:
            try:
                return sector_states(
                    family,
                    symmetries,
                    free=free,
                    tolerance=self.tolerance,
                    gap=self.gap,
                    seed=seed,
                    details=self.describe(),
                    progress=progress,
                )
            except DegenerateGroundStateError:
                if not suited:
                    raise
        start_state = _start(warm_start if free is None else free, structure)
        gap = None if free is None else free.phases[0].gap
        order = outwards(family.betas)
        solved: dict[int, GroundState] = {}
        operators: dict[float, PauliSum] = {}
        for done, p in enumerate(order):
            progress("eigenstates" if self.level else "ground states", done / len(order))
            wants_gap = self.gap and family.betas[p] == 0.0
            start = _mirrored(solved, family.betas, p, start_state)
            operator = operators[family.betas[p]] = bound(structure, family, p)
            if self.level:
                solved[p] = eigenstate(operator, int(self.level), seed=seed)
            else:
                solved[p] = ground_state(operator, start=start, gap=wants_gap, tolerance=self.tolerance, seed=seed)
            if wants_gap and suited and solved[p].gap <= resolution(operator):
                return degenerate_ground_states(family, structure, self.describe(), free)
            if wants_gap:
                refuse_degenerate(solved[p].gap, operator, int(self.level))
                gap = solved[p].gap
        progress("eigenstates" if self.level else "ground states", 1.0)
        states = np.array([solved[p].vector for p in range(len(order))])
        unnudged = next((states[p] for p, beta in enumerate(family.betas) if beta == 0.0), start_state if free else None)
        phases = tuple(_report(solved[p], beta, gap, unnudged) for p, beta in enumerate(family.betas))
        return Prepared(
            phases=phases,
            states=Held(states),
            circuits=lambda: loading_circuits(lambda: states, family.num_qubits),
            expectations=functools.partial(_expectations, Held(states)),
            details={**self.describe(), "warnings": []},
            response=None if 0.0 not in family.betas else self._response(family, operators[0.0], solved[family.betas.index(0.0)]),
        )

    def prepare_all(
        self,
        families: Sequence[Family],
        *,
        free: Sequence[Prepared | None] | None = None,
        warm_start: Sequence[Prepared | None] | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> list[Prepared]:
        """Prepare several families; small ones without gaps are computed together."""
        count, prepared = len(families), list[Prepared]()
        if self.gap:
            return super().prepare_all(families, free=free, warm_start=warm_start, seed=seed, progress=progress)
        firsts = each(free, count)
        starts = [first or near for first, near in zip(firsts, each(warm_start, count), strict=True)]
        if self.level or not families or not suits(families):
            for number, (family, first, start) in enumerate(zip(families, firsts, starts, strict=True)):
                near, report = start or nearest(family, families[:number], prepared), one_of(count, number, progress)
                prepared.append(self.prepare(family, free=first, warm_start=near, seed=seed, progress=report))
            return prepared
        for place in range(0, count, TOGETHER):
            part = slice(place, place + TOGETHER)
            prepared += self._together(families[part], firsts[part], starts[part], seed, one_of(count, place, progress))
        return prepared

    def _together(
        self,
        families: Sequence[Family],
        firsts: Sequence[Prepared | None],
        starts: Sequence[Prepared | None],
        seed: int,
        progress: Progress,
    ) -> list[Prepared]:
        """Return the states of some families as columns of one array; those that did not converge are prepared one by one."""
        progress("ground states", 0.0)
        solved = states_together(families, [start_of(start) for start in starts], tolerance=self.tolerance, seed=seed)
        batch = FreePhases(families, solved)
        prepared = []
        for number, (family, states, first, start) in enumerate(zip(families, solved, firsts, starts, strict=True)):
            if states is None:
                prepared.append(self.prepare(family, free=first, warm_start=start, seed=seed))
                continue
            unnudged = states.vectors[family.betas.index(0.0)] if 0.0 in family.betas else start_of(start)
            overlaps = [_overlap(beta, unnudged, vector) for beta, vector in zip(family.betas, states.vectors, strict=True)]
            measured = zip(family.betas, states.energies.tolist(), states.residuals.tolist(), overlaps, strict=True)
            prepared.append(
                Prepared(
                    phases=tuple(Phase(beta, e, residual, residual**2, overlap=o) for beta, e, residual, o in measured),
                    states=(held := Held(states.vectors)),
                    circuits=functools.partial(loading_circuits, held, family.num_qubits),
                    expectations=functools.partial(_expectations, held),
                    details={**self.describe(), "warnings": []},
                    response=batch.member(number, functools.partial(self._alone, family, states))
                    if 0.0 in family.betas
                    else None,
                )
            )
        progress("ground states", 1.0)
        return prepared

    def _alone(self, family: Family, states: GroundStates) -> Responsive:
        """Return the function that computes the linear response of one free state of a batch by itself."""
        phase = family.betas.index(0.0)
        operator = bound(structure_of(family), family, phase)
        energy, residual = float(states.energies[phase]), float(states.residuals[phase])
        return self._response(family, operator, GroundState(energy, math.nan, states.vectors[phase], residual, 0))

    def _response(self, family: Family, operator: PauliSum, state: GroundState) -> Responsive:
        """Return a function that computes the linear response of the free state."""

        def response(nudge: NDArray[np.float64], nudged: Nudged = nothing, *, exact: bool = False) -> Response:
            @functools.cache
            def delta() -> NDArray[Any]:
                strings = np.flatnonzero(nudge)
                if not strings.size:
                    return np.zeros_like(state.vector)
                paulis, row = (family.frame.paulis, nudge) if exact else (family.frame.paulis[strings], nudge[strings])
                source = structure_for(paulis).bind(row).apply(state.vector)
                if self.level:
                    return excited_response(operator, state, source)
                if exact:
                    return linear_response(operator, state, source)
                start = None if state.spectrum is not None else guessed(state.vector, nudged)
                return linear_response(operator, state, source, start=start, tolerance=RESPONSE, improvement=IMPROVED)

            if math.isfinite(state.gap) and state.gap > 0:
                reach = float(np.abs(nudge[family.frame.busy]).sum()) / state.gap
            else:
                reach = 2.0 * norm(delta())
            what = f"the exact state of level {self.level}" if self.level else "the exact ground state"
            return Response(
                reach,
                lambda paulis: transitions(structure_for(paulis), state.vector, delta()),
                what,
                details={"products": state.products},
            )

        return response

    def _classical(self, family: Family, structure: PauliStructure, free: Prepared | None, progress: Progress) -> Prepared:
        """Return the ground configurations of a Hamiltonian without transverse terms, found by enumeration."""
        level, phases, spins = int(self.level), [], []
        for p, beta in enumerate(family.betas):
            progress("configurations", p / len(family.betas))
            operator = bound(structure, family, p)
            energies, configurations = lowest_configurations(operator, level + 2)
            spacings = np.abs(np.delete(energies, level) - energies[level])
            gap = float(spacings.min(initial=np.inf)) if beta == 0.0 else None
            if gap is not None:
                refuse_degenerate(gap, operator, level)
            phases.append(Phase(beta, float(energies[level]), 0.0, 0.0, gap))
            spins.append(1.0 - 2.0 * (configurations[level] >> np.arange(family.num_qubits) & 1))
        progress("configurations", 1.0)
        bloch = np.zeros((len(spins), family.num_qubits, 3))
        bloch[:, :, 2] = spins
        start = bloch[0] if free is None else spins_of(free)
        nudged = any(b != 0.0 for b in family.betas) and family.nudge_bound() > 0.0
        stuck = nudged and start is not None and bool(np.all(bloch == start))
        warnings = [STUCK] if stuck else []
        prepared = product_prepared(bloch, phases=tuple(phases), real=True, details={**self.describe(), "warnings": warnings})
        what = f"the exact state of level {level}" if level else "the exact ground state"
        response = Response(0.0, lambda strings: np.zeros(len(strings)), what)
        return replace(prepared, silence=STILL, response=lambda *_, **__: response)

    @property
    def reference(self) -> Preparer:
        """The preparer itself, since its states are exact."""
        return self

    def describe(self) -> dict[str, object]:
        """Return the method and its options."""
        level = {"level": int(self.level)} if self.level else {}
        return {"method": "exact", **level, "tolerance": self.tolerance, "gap": self.gap}


def reference_state(preparer: Preparer) -> Preparer:
    """Return the exact preparer for the states that a preparer approximates; the preparer itself if it is exact."""
    return preparer.reference or Exact()


def ground_state_response(family: Family) -> Responsive:
    """Return a function for the response of the true ground state of a family's H, with which approximations are compared."""

    @functools.cache
    def free() -> Prepared:
        return Exact().prepare(replace(family, betas=(0.0,), nudge=np.zeros_like(family.nudge)))

    def response(nudge: NDArray[np.float64], nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        true = free()
        if true.response is None or true.silence:
            raise PreparationError(true.silence)
        return true.response(nudge, exact=exact)

    return response


def _expectations(held: Held, paulis: PauliList) -> NDArray[np.float64]:
    return np.atleast_2d(structure_for(paulis).expectations(held()))


def _start(prepared: Prepared | None, structure: PauliStructure) -> NDArray[np.float64] | None:
    if prepared is None:
        return None
    state = prepared.states()[0]
    return state.real if structure.is_real else state


def _nearest(
    solved: dict[int, GroundState], betas: tuple[float, ...], phase: int, start: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    if not solved:
        return start
    best = min(solved, key=lambda p: abs(betas[p] - betas[phase]))
    if start is not None and abs(betas[phase]) < abs(betas[best] - betas[phase]):
        return start
    return solved[best].vector


def _mirrored(
    solved: dict[int, GroundState], betas: tuple[float, ...], phase: int, start: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """Return the initial vector for a phase.

    If the phase at −β is solved, it is mirrored at the free phase, which is correct to second order in β. Otherwise the start is
    the nearest solved phase.
    """
    opposite = next((solved[p].vector for p in solved if betas[p] == -betas[phase] != 0.0), None)
    free = next((solved[p].vector for p in solved if betas[p] == 0.0), start)
    if opposite is not None and free is not None and abs(overlap := np.vdot(free, opposite)) > 0.9:
        return 2 * abs(overlap) * free - (overlap.conjugate() / abs(overlap)) * opposite
    return _nearest(solved, betas, phase, start)


def _report(ground: GroundState, beta: float, gap: float | None, free: NDArray[Any] | None) -> Phase:
    overlap = _overlap(beta, free, ground.vector)
    return Phase(beta, ground.energy, ground.residual, ground.residual**2, gap if beta == 0.0 else None, overlap=overlap)


def _overlap(beta: float, free: NDArray[Any] | None, vector: NDArray[Any]) -> float | None:
    return None if beta == 0.0 or free is None else float(abs(np.vdot(free, vector)) ** 2)
