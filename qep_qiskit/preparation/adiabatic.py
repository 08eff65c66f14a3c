"""Adiabatic preparation: Trotter circuits from a product state to the ground state of H + βC."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache, lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList, SparsePauliOp

from qep_qiskit.ansatz.nudge_ramp import NudgeRamp
from qep_qiskit.ansatz.ramp import Ramp, field_labels
from qep_qiskit.ansatz.schedules import RampSchedule, boundary_curvature, by_name, title
from qep_qiskit.checks import real, shown, whole
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import HIDDEN, PREPARERS, Key
from qep_qiskit.networks.pauli import operator_from
from qep_qiskit.preparation.capabilities import Capabilities, GroundStateAim
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.initial_fields import fields_of, transverse_fields
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer, StateCircuit
from qep_qiskit.preparation.ramp_path import Path
from qep_qiskit.preparation.ramp_phase import PHASE_QUBITS, RampPhase
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.preparation.true_states import ground_state_responses
from qep_qiskit.progress import Progress, silent
from qep_qiskit.simulation.cones.light_cones import LightCones
from qep_qiskit.values import Brief

Vector = NDArray[np.float64]

STATE_QUBITS = 20
LIMIT_QUBITS = 14
"""The largest number of qubits for which the limit β → 0 is computed; it takes two more ramps."""
GAP_QUBITS = 16
"""Up to this number of qubits, the true ground state and its gap are also computed, which takes less time than a ramp."""
NEARBY = 1e-4
"""The nudge of the ramps for the limit β → 0, as a share of the largest coefficient, ε. Errors are about ε² + rounding/ε."""
LARGE_ANGLE = 1.0
MOST_ROTATIONS = 1_000_000
"""The largest number of rotations in one ramp. Its circuit needs a kilobyte for each."""


@PREPARERS.register("adiabatic")
@dataclass(frozen=True, repr=False)
class Adiabatic(Brief, Preparer):
    """Adiabatic ramp H(s) = (1 − λ(s)) H0 + λ(s) (H + βC) from the ground state of H0, by a product formula.

    Parameters
    ----------
    time : float
        The total time T, in units of 1/H.
    steps : int
        The number of Trotter steps; λ is evaluated at the middle of each.
    schedule : {"cosine", "smoothstep", "quintic", "linear", "curved_<number>"} or callable
        The share of the final Hamiltonian, λ(s) = (1 − cos πs)/2, 3s² − 2s³, 10s³ − 15s⁴ + 6s⁵ or s; :func:`curved` has a given
        curvature at the ends. Any function on [0, 1] with λ(0) = 0 and λ(1) = 1 is allowed.
    order : {1, 2}
        The order of the product formula. Order 2 is symmetric, with the fields of H0 outermost and neighbouring half steps
        merged: an Ising network has one layer of couplings per step, as with order 1.
    nudge_time : float, optional
        The duration of a ramp of the nudge alone, after that of H (*cached nudge*): H + r(t) βC, from the state that the free
        phase has reached, with r from 0 to 1. The free circuit is then the first part of every nudged circuit, and simulators
        compute its state once. Default: the nudge is ramped together with H.
    nudge_steps : int, optional
        The Trotter steps of that ramp. Default: steps as long as those of H.
    nudge_schedule : name or callable, optional
        The schedule r of that ramp. Default: `schedule`.
    initial : SparsePauliOp or mapping of label to number, optional
        H0, a sum of single-qubit terms with a field on every qubit. Default: Σ s_i X_i, where s_i = ±1 is the sign of
        H's X_i coefficient (−1 if H has none), so that no X field changes its sign on the way.

    Raises
    ------
    InputError
        If an option is out of range; from :meth:`prepare_all`, if `initial` does not fit the network or leaves a qubit without a
        field (its ground state would be degenerate).

    Notes
    -----
    The nudge is ramped with the same schedule as H; if switched on at once it would leave an error that does not fall with T.
    If the schedule has zero slope at both ends, the infidelity falls as T⁻⁴ and the error of an EP gradient as 1/T. With the
    linear schedule the infidelity falls as T⁻², yet the error of the gradient does not fall: the amplitude of the excited
    state is ~1/T with a phase ~T·gap, and the derivative of that phase with respect to β restores the factor T (until
    Tβ ∂gap/∂β ≳ 1, where both errors start to fall faster by one power). The errors oscillate in T. Lidar, Rezakhani and Hamma
    (2009), arXiv:0808.2697, describe the effect of the ends of the schedule.

    The coefficients of H + βC are the parameters of one circuit, so all phases, samples and training steps share it
    as long as the Pauli strings and the signs of the X fields stay the same.

    Examples
    --------
    >>> Adiabatic(time=10, steps=50, schedule="linear").describe()["schedule"]
    'linear'
    """

    time: Annotated[float, Key("the ramp's duration", above=0)] = 20.0
    steps: Annotated[int, Key("the number of Trotter steps", least=1, most=1_000_000)] = 100
    schedule: Annotated[str | RampSchedule, Key("the name of a schedule", form=str)] = "cosine"
    order: Annotated[int, Key(form=Literal[1, 2])] = 2
    initial: Annotated[SparsePauliOp | Mapping[str, float] | None, HIDDEN] = None
    nudge_time: Annotated[float | None, Key("the duration of the nudge's own ramp, after that of H", above=0, form=float)] = None
    nudge_steps: Annotated[
        int | None, Key("the number of Trotter steps of the nudge's own ramp", least=1, most=1_000_000, form=int)
    ] = None
    nudge_schedule: Annotated[str | RampSchedule | None, Key("the schedule of the nudge's own ramp", form=str)] = None
    supports: ClassVar[Capabilities] = Capabilities(
        together=True,
        aim=GroundStateAim(
            0.25, "the ramp's own end, not of the true ground state's: take a longer time, or more steps", variance=1e-3
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order not in (1, 2):
            raise InputError(f"order: {shown(self.order)} is not allowed; give 1 or 2, the order of the product formula")
        if self.initial is not None:
            fields_of(operator_from(self.initial, None, "initial"))
        object.__setattr__(self, "schedule", by_name(self.schedule))
        self._check_nudge()

    def _check_nudge(self) -> None:
        for name in ("nudge_steps", "nudge_schedule"):
            if self.nudge_time is None and getattr(self, name) is not None:
                raise InputError(f"{name}: goes with nudge_time only, the duration of the nudge's own ramp; give it too")
        if self.nudge_time is not None:
            object.__setattr__(self, "nudge_time", real("Adiabatic: nudge_time", self.nudge_time, above=0))
            if self.nudge_steps is None and (steps := self.nudge_time * self.steps / self.time) > MOST_ROTATIONS:
                raise InputError(
                    f"nudge_time: {self.nudge_time:g} takes {steps:.3g} steps as long as those of the ramp, more than "
                    f"{MOST_ROTATIONS:,}; take a shorter nudge_time, or give nudge_steps"
                )
        if self.nudge_steps is not None:
            object.__setattr__(self, "nudge_steps", whole("Adiabatic: nudge_steps", self.nudge_steps, least=1))
        if self.nudge_schedule is not None:
            object.__setattr__(self, "nudge_schedule", by_name(self.nudge_schedule, "nudge_schedule"))

    def prepare_all(
        self,
        families: Sequence[Family],
        *,
        free: Sequence[Prepared | None] | None = None,
        warm_start: Sequence[Prepared | None] | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> list[Prepared]:
        """Prepare several families with one parameterised circuit each, and the states of equal strings and fields together.

        Parameters
        ----------
        families : sequence of Family
        free : sequence of Prepared or None, optional
            Their states are continued if the nudge has its own ramp; otherwise not used.
        warm_start, seed
            Not used: a ramp starts from the same product state, and nothing is random.
        progress : callable

        Returns
        -------
        list of Prepared
            The prepared states. Above 20 qubits they are not computed: energies are nan and variances None, but expectations are
            available if they depend on few qubits, as after a few Trotter steps on a sparse graph.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        ramps = [self.ramp(family) for family in families]
        nudges = [None if self.nudge_time is None else self.nudge_ramp(family) for family in families]
        for number, (family, ramp, nudge) in enumerate(zip(families, ramps, nudges, strict=True)):
            groups.setdefault((id(ramp), id(nudge), id(family.frame)), []).append(number)
        results: dict[int, Prepared] = {}
        for numbers in groups.values():
            begun = [None if free is None else free[i] for i in numbers]
            path = Path(ramps[numbers[0]], float(self.time), nudges[numbers[0]])
            together = self._together(path, [families[i] for i in numbers], begun, progress)
            results.update(zip(numbers, together, strict=True))
        return [results[number] for number in range(len(families))]

    def _together(
        self, path: Path, families: Sequence[Family], begun: Sequence[Prepared | None], progress: Progress
    ) -> list[Prepared]:
        num_qubits = families[0].num_qubits
        whole = np.concatenate([family.coefficients for family in families])
        ends = np.cumsum([len(family.betas) for family in families])
        computable = num_qubits <= STATE_QUBITS

        @cache
        def free() -> NDArray[np.complex128]:
            return path.free(families, begun, progress)

        @cache
        def all_states() -> NDArray[np.complex128]:
            if not computable:
                raise InputError(
                    f"adiabatic: a state of {num_qubits} qubits is not computed (at most {STATE_QUBITS}); give a device and shots"
                )
            return path.states(families, [family.betas for family in families], free, progress)

        @cache
        def slopes() -> dict[int, Vector]:
            """Return d⟨P⟩/dβ at β = 0 of every string for each family, from ramps with nudges close to zero, run together."""
            numbers = [i for i, family in enumerate(families) if family.limit]
            steps = [NEARBY * _largest(families[i]) / max(families[i].nudge_bound(), 1e-300) for i in numbers]
            ends = path.states([families[i] for i in numbers], [(h, -h) for h in steps], lambda: free()[numbers])
            values = structure_for(families[0].frame.paulis).expectations(ends)
            return {i: (values[2 * k] - values[2 * k + 1]) / (2 * steps[k]) for k, i in enumerate(numbers)}

        def of(number: int) -> Callable[[], Vector] | None:
            computed = families[number].limit and num_qubits <= LIMIT_QUBITS
            return (lambda: slopes()[number]) if computed else None

        phases = (
            _reports(families[0].frame.paulis, np.concatenate([family.betas for family in families]), whole, all_states())
            if computable
            else [Phase(beta, math.nan) for family in families for beta in family.betas]
        )
        prepared, true = [], ground_state_responses(families, GAP_QUBITS)
        for number, (family, end) in enumerate(zip(families, ends.tolist(), strict=True)):
            turned = RampPhase(path, family) if family.limit and num_qubits <= PHASE_QUBITS else None
            one = self._prepared(path, family, tuple(phases[end - len(family.betas) : end]), all_states, end)
            prepared.append(replace(one, slopes=of(number), phase_slope=turned, response=true[number]))
        return prepared

    def _prepared(
        self,
        path: Path,
        family: Family,
        phases: tuple[Phase, ...],
        all_states: Callable[[], NDArray[np.complex128]],
        end: int,
    ) -> Prepared:
        computable = family.num_qubits <= STATE_QUBITS

        def states() -> NDArray[np.complex128]:
            return all_states()[end - len(family.betas) : end]

        @cache
        def circuits() -> tuple[StateCircuit, ...]:
            return path.circuits(family)

        def expectations(paulis: PauliList) -> Vector:
            if computable:
                return np.atleast_2d(structure_for(paulis).expectations(states()))
            values = np.zeros((len(family.betas), len(paulis)))
            try:
                for group in circuits():
                    values[list(group.phases)] = LightCones(group.circuit, paulis).expectations(group.values)
            except InputError as reason:
                raise InputError(f"adiabatic: {reason}, or give a device and shots") from None
            return values

        warnings = self._warnings(path.ramp, family.coefficients[:, family.support])
        if not computable:
            warnings.append(f"{family.num_qubits} qubits: energies are not computed above {STATE_QUBITS} qubits")
        details = {**self.describe(), "initial": field_labels(path.ramp.fields), "warnings": warnings}
        return Prepared(
            phases=phases,
            states=states,
            circuits=circuits,
            expectations=expectations,
            details=details,
            computable=computable,
            silence=f"the limit β → 0 of a ramp is computed up to {LIMIT_QUBITS} qubits",
        )

    def identity(self) -> dict[str, object]:
        """Return every option and the outermost group of order 2, which differs in runs of earlier versions."""
        options = {"kind": type(self), **{item.name: getattr(self, item.name) for item in fields(self)}}
        if self.nudge_time is None:  # as in earlier versions, which had no ramp of the nudge
            options = {key: value for key, value in options.items() if not key.startswith("nudge_")}
        return options if self.order == 1 else {**options, "outermost": "the fields of H0"}

    def describe(self) -> dict[str, object]:
        """Return the method and its options."""
        initial: object = "transverse field"
        if self.initial is not None:
            initial = field_labels(fields_of(operator_from(self.initial, None, "initial")))
        return {
            "method": "adiabatic",
            "time": float(self.time),
            "steps": int(self.steps),
            "schedule": title(self.schedule),
            "curvature": boundary_curvature(self.schedule),
            "order": int(self.order),
            "initial": initial,
            **({} if self.nudge_time is None else {"nudge": self._nudge()}),
        }

    def _nudge(self) -> dict[str, object]:
        assert self.nudge_time is not None
        schedule = self.schedule if self.nudge_schedule is None else self.nudge_schedule
        return {
            "time": float(self.nudge_time),
            "steps": self.nudge_steps or max(1, math.ceil(self.nudge_time * self.steps / self.time)),
            "schedule": title(schedule),
            "curvature": boundary_curvature(schedule),
        }

    def ramp(self, family: Family) -> Ramp:
        """Return the ramp to this family's Hamiltonians, over the strings of ``family.support``."""
        return self._ramp_over(family, family.support, int(self.steps))

    def nudge_ramp(self, family: Family) -> NudgeRamp:
        """Return the ramp of this family's nudge after that of its H, whose circuit has only the strings of H."""
        support = family.support
        busy = np.flatnonzero(family.frame.busy)
        everywhere = family.strings is not None and set(busy.tolist()) <= set(family.strings)
        of_h = support if everywhere else support[family.free[support] != 0]
        pushed = family.nudge != 0
        if family.strings is not None:
            pushed[list(family.strings)] = True
        details = self._nudge()
        steps = int(details["steps"])  # type: ignore[call-overload]
        return _nudge_ramp(
            self._ramp_over(family, of_h, int(self.steps)),
            float(self.time),
            self._ramp_over(family, support, steps),
            tuple(np.flatnonzero(np.isin(support, of_h)).tolist()),
            tuple(np.flatnonzero(pushed[support]).tolist()),
            float(self.nudge_time or 0.0),
            steps,
            self.schedule if self.nudge_schedule is None else self.nudge_schedule,
        )

    def _ramp_over(self, family: Family, support: NDArray[np.int64], steps: int) -> Ramp:
        if self.initial is None:
            fields = transverse_fields(family)
        else:
            fields = fields_of(operator_from(self.initial, family.num_qubits, "initial"))
        if support.size == 0:
            raise InputError("the Hamiltonian is a constant; give a weight that is not zero")
        if steps * len(support) > MOST_ROTATIONS:
            count = f"{steps * len(support):,} rotations"
            key = "steps" if steps == self.steps else "nudge_steps" if self.nudge_steps else "nudge_time"
            raise InputError(
                f"preparation.{key}: {steps} steps over {len(support)} strings are {count}, "
                f"more than {MOST_ROTATIONS:,}; take {max(MOST_ROTATIONS // len(support), 1):,} steps or fewer"
            )
        labels = tuple(family.frame.labels[i] for i in support)
        return _ramp(labels, tuple(map(tuple, fields.tolist())), steps, self.schedule, int(self.order))

    def _warnings(self, ramp: Ramp, coefficients: Vector) -> list[str]:
        largest = max(float(np.abs(coefficients).max()), float(np.abs(ramp.fields).max()))
        angle = 2 * self.time / self.steps * largest
        if not math.isfinite(angle):
            raise InputError(f"preparation.time: {self.time:g} turns a term by more than any number; take a shorter time")
        if angle <= LARGE_ANGLE:
            return []
        enough = math.ceil(self.steps * angle / LARGE_ANGLE)
        return [f"a Trotter step turns a term by {angle:.2g} rad; use steps = {enough} or more, or a shorter time"]


@lru_cache(maxsize=8)
def _ramp(
    labels: tuple[str, ...], fields: tuple[tuple[float, ...], ...], steps: int, schedule: str | RampSchedule, order: int
) -> Ramp:
    """Return the same ramp object for the same arguments, so that its cached packing is reused."""
    return Ramp(PauliList(list(labels)), np.array(fields), steps, schedule, order)


@lru_cache(maxsize=8)
def _nudge_ramp(
    before: Ramp,
    before_time: float,
    strings: Ramp,
    own: tuple[int, ...],
    nudged: tuple[int, ...],
    time: float,
    steps: int,
    schedule: str | RampSchedule,
) -> NudgeRamp:
    """Return the same ramp of the nudge for the same arguments."""
    return NudgeRamp(before, before_time, strings, own, nudged, time, steps, schedule)


def _largest(family: Family) -> float:
    return float(np.abs(family.free[family.frame.busy]).max(initial=0.0)) or 1.0


def _reports(paulis: PauliList, betas: Vector, coefficients: Vector, states: NDArray[np.complex128]) -> list[Phase]:
    structure = structure_for(paulis)
    reports = []
    for beta, row, state in zip(betas, coefficients, states, strict=True):
        product = structure.bind(row).apply(state)
        energy = float(np.vdot(state, product).real)
        variance = float(np.linalg.norm(product - energy * state) ** 2)
        reports.append(Phase(beta=float(beta), energy=energy, variance=variance))
    return reports
