"""What will be run: phases × bases as parameterised circuits with bound values. Pure: no clock, no device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import shown
from qep_qiskit.devices.device import check_shots
from qep_qiskit.display import counted
from qep_qiskit.equilibrium.adaptive_beta import adapted
from qep_qiskit.equilibrium.bias import Bias, bias_of
from qep_qiskit.equilibrium.families import family_of, first_family, first_phases, free_family, refuse_lost
from qep_qiskit.equilibrium.nearness import nearness_of
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.bases import Basis, choose_bases
from qep_qiskit.measurement.mitigation.mitigation import parse
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Prepared, Preparer, Progress, joined, remembered, silent
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import AdaptiveStencil, Stencil
from qep_qiskit.values import Value

Vector = NDArray[np.float64]
SIGNAL_STEP = 0.1
"""The step in ε for the gradient's derivative: large beside a preparer's own error, small beside ε."""


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Value):
    """One round of circuits for one gradient.

    Attributes
    ----------
    problem, preparer, stencil
        What is asked for.
    shots : int or None
        Per circuit, that is per basis and phase; None for exact expectations. With a `split`, their mean.
    mitigation : str
    calibration_shots : int or None
        Per calibration circuit.
    seed : int
    phases : tuple of int
        Which of ``stencil.phases`` this round prepares and measures.
    prepared : Prepared
        Their states, in the same order.
    bases : tuple of Basis
    wanted : ndarray of bool, shape (all phases, bases)
        Which bases each phase is measured in: the free phase only in those that something is read from.
    error_signal : ndarray of shape (M,) or None
        ε, once it is known.
    sensitivity : ndarray of shape (K, M) or None
        ∂(gradient)/∂ε, by which the error bar of ε reaches the gradient.
    earlier : Plan or None
        The first round of two.
    split : ndarray of int, shape (all phases, bases), or None
        Shots of each circuit, where they differ.
    adapted : bool
        Whether β was chosen for the problem.
    """

    problem: Problem
    preparer: Preparer
    stencil: Stencil
    shots: int | None
    mitigation: str
    calibration_shots: int | None
    seed: int
    phases: tuple[int, ...]
    prepared: Prepared = field(compare=False)
    bases: tuple[Basis, ...]
    wanted: NDArray[np.bool_]
    error_signal: Vector | None
    sensitivity: NDArray[np.float64] | None
    earlier: Plan | None = None
    split: NDArray[np.int64] | None = None
    adapted: bool = False

    def __repr__(self) -> str:
        shots = "" if self.shots is None else f", {self.shots} shots each"
        return f"Plan({counted(len(self.phases), 'phase')} in {counted(len(self.bases), 'basis')}{shots}; {self.problem!r})"

    def shots_of(self, phase: int, basis: int) -> int | None:
        """Return the shots of one circuit; None for exact expectations."""
        return self.shots if self.split is None or self.shots is None else int(self.split[phase, basis])

    @property
    def round(self) -> int:
        """0 or 1."""
        return 0 if self.earlier is None else 1

    @property
    def complete(self) -> bool:
        """Whether every phase is planned, so that the outcomes of this round (and the earlier) make a gradient."""
        done = set(self.phases) | (set(self.earlier.phases) if self.earlier else set())
        return done == set(range(len(self.stencil.phases)))

    @cached_property
    def expectations(self) -> NDArray[np.float64]:
        """Expectations without noise of all strings in this round's phases, shape (phases, L)."""
        return self.prepared.expectations(self.problem.frame.strings)

    @cached_property
    def bias(self) -> Bias:
        """What a finite β adds to the gradient of these states; of a complete plan."""
        return bias_of(self)

    @cached_property
    def nearness(self) -> tuple[Mapping[str, object] | None, list[str]]:
        """How far the free phase is from the true ground state, and what to warn of; see :func:`nearness_of`."""
        return nearness_of(self)

    @property
    def circuits(self) -> int:
        """How many circuit executions (phases × bases) this round takes, calibration not counted."""
        return int(self.wanted[list(self.phases)].sum())


def plan(
    problem: Problem,
    *,
    preparer: Preparer,
    stencil: Stencil | AdaptiveStencil | None = None,
    shots: int | Split | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    warm_start: Prepared | None = None,
    prepared: Prepared | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Plan:
    """Return the first round: all phases for an observable cost, the free phase for a cost of expectations.

    Parameters
    ----------
    problem : Problem
    preparer : Preparer
    stencil : Stencil or AdaptiveStencil, optional
        By default ``symmetric("adaptive")``: β is chosen once the free phase is prepared.
    shots : int or Split, optional
        Per circuit; exact expectations where absent.
    mitigation : str
        ``"none"``, ``"tensored"``, ``"m3"``, ``"trex"``, ``"zne"``, ``"zne:exponential:1,3+trex"``: see docs/mitigation.md.
    calibration_shots : int, optional
        Per calibration circuit; as many as `shots` where absent.
    warm_start : Prepared, optional
        The free phase of a similar problem, for the preparer to start from.
    prepared : Prepared, optional
        What the preparer made of :func:`first_family` before; of :func:`free_family` where the stencil is adaptive.
    seed : int

    Raises
    ------
    InputError
        For an option that is not allowed, and whatever the preparer refuses.
    """
    asked = AdaptiveStencil() if stencil is None else stencil
    adaptive = isinstance(asked, AdaptiveStencil)
    check_options(problem, preparer, asked.at(0.1) if isinstance(asked, AdaptiveStencil) else asked)
    check_shots("calibration_shots", calibration_shots)
    refuse_without_qubits(problem, preparer, shots if isinstance(shots, Split) else check_shots("shots", shots))
    chosen = parse(mitigation)
    chosen.require()
    if isinstance(asked, AdaptiveStencil):
        if prepared is None:
            prepared = preparer.prepare(free_family(problem), warm_start=warm_start, seed=seed, progress=progress)
        stencil, prepared = with_nudged(asked, problem, preparer, prepared, shots, seed=seed, progress=progress)
    else:
        stencil = asked
    bases, wanted = _bases(problem, stencil)
    if prepared is None:
        prepared = preparer.prepare(first_family(problem, stencil), warm_start=warm_start, seed=seed, progress=progress)
    unmeasured = Plan(
        problem=problem,
        preparer=preparer,
        stencil=stencil,
        shots=None,
        mitigation=str(chosen),
        calibration_shots=None,
        seed=seed,
        phases=first_phases(problem, stencil),
        prepared=prepared,
        bases=bases,
        wanted=wanted,
        error_signal=None if problem.cost.needs_free_phase else np.ones(1),
        sensitivity=None,
        adapted=adaptive,
    )
    return measured_with(unmeasured, shots, str(chosen), calibration_shots)


def with_nudged(
    asked: AdaptiveStencil,
    problem: Problem,
    preparer: Preparer,
    free: Prepared,
    shots: int | Split | None,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[Stencil, Prepared]:
    """Return the stencil that suits a free phase, and the states of the first round: nudged ones too for an observable cost."""
    free = remembered(free)
    stencil = adapted(asked, problem, free, shots)
    if problem.cost.needs_free_phase or len(free.phases) > 1:
        return stencil, free
    family = first_family(problem, stencil)
    rest = preparer.prepare(replace(family, betas=family.betas[1:]), free=free, seed=seed, progress=progress)
    return stencil, joined(free, rest)


def measured_with(planned: Plan, shots: int | Split | None, mitigation: str, calibration_shots: int | None) -> Plan:
    """Return a first round with other shots and another mitigation; its states stay as they are prepared."""
    calibration_shots = check_shots("calibration_shots", calibration_shots)
    if not isinstance(shots, Split):
        even = check_shots("shots", shots)
        split = None
    else:
        split = shots.fitting(planned.wanted)
        even = max(2, round(float(split[planned.wanted].mean())))
        calibration_shots = calibration_shots or check_shots("shots", shots.calibration or None)
    return replace(planned, shots=even, split=split, mitigation=mitigation, calibration_shots=calibration_shots or even)


def advance(first: Plan, observed: Vector, *, progress: Progress = silent) -> Plan:
    """Return the second round of a cost of expectations, now that the free phase is known.

    Parameters
    ----------
    first : Plan
    observed : ndarray of shape (M,)
        The expectations of the cost's observables in the free phase, as :func:`reduce` reads them.
    """
    return advance_all([first], [observed], progress=progress)[0]


def advance_all(first: Sequence[Plan], observed: Sequence[Vector], *, progress: Progress = silent) -> list[Plan]:
    """Return the second rounds of a batch, as :func:`advance` would; what can be is prepared together."""
    if not first[0].preparer.supports.together:
        found = []
        for number, (plan, values) in enumerate(zip(first, observed, strict=True)):
            if len(first) > 1:
                progress(f"nudging sample {number + 1} of {len(first)}", number / len(first))
            families = _second_families(plan, values)
            made = plan.preparer.prepare_all(families, free=plan.prepared, seed=plan.seed, progress=progress)
            found.append(_second(plan, values, made, progress))
        return found
    groups = [_second_families(plan, values) for plan, values in zip(first, observed, strict=True)]
    made = first[0].preparer.prepare_all([family for group in groups for family in group], progress=progress)
    dealt = iter(made)
    return [
        _second(plan, values, [next(dealt) for _ in group], progress)
        for plan, values, group in zip(first, observed, groups, strict=True)
    ]


def _second_families(first: Plan, observed: Vector) -> list[Family]:
    """H + βC of the phases that are left, and where shot noise reaches the error signal, with each ε_m moved by a step."""
    signal = first.problem.cost.error_signal(observed)
    noisy = first.shots is not None and first.prepared.computable
    return _nudged(first, _moved(signal) if noisy else [signal])


def _nudged(first: Plan, signals: Sequence[Vector]) -> list[Family]:
    problem, betas = first.problem, tuple(first.stencil.phases[p] for p in _rest(first))
    families = [family_of(problem, signal @ problem.cost_rows, betas) for signal in signals]
    refuse_lost(families[0], signals[0])
    return [replace(families[0], limit=True), *families[1:]]


def _moved(signal: Vector) -> list[Vector]:
    """ε, and ε with each of its entries moved by a step."""
    return [signal, *(signal + _step(signal) * direction for direction in np.eye(len(signal)))]


def _rest(first: Plan) -> tuple[int, ...]:
    return tuple(p for p in range(len(first.stencil.phases)) if p not in first.phases)


def _step(signal: Vector) -> float:
    return SIGNAL_STEP * max(1.0, float(np.abs(signal).max()))


def _second(first: Plan, observed: Vector, prepared: Sequence[Prepared], progress: Progress) -> Plan:
    signal = first.problem.cost.error_signal(observed)
    sensitivity = None
    if first.shots is not None and first.prepared.computable:
        sensitivity = _sensitivity(first, signal, prepared)
    elif first.shots is not None:
        sensitivity = _by_tensor_network(first, signal, progress)
    return replace(
        first,
        phases=_rest(first),
        prepared=prepared[0],
        error_signal=signal,
        sensitivity=sensitivity,
        earlier=first,
    )


def _sensitivity(first: Plan, signal: Vector, prepared: Sequence[Prepared]) -> NDArray[np.float64]:
    """∂(gradient)/∂ε_m at this ε and this β, from one step in each ε_m, on the prepared states without noise.

    At finite β the gradient is not linear in ε, so the response to the nudge O_m alone would not do. It only enters the
    error bar, through the variance of ε.
    """
    problem, paulis = first.problem, first.problem.frame.paulis
    factors = np.array([first.stencil.phase_factors[p] for p in _rest(first)])
    here, *moved = (factors @ some.expectations(paulis) for some in prepared)
    return np.array([problem.derivative_rows @ (there - here) / _step(signal) for there in moved]).T


def _by_tensor_network(first: Plan, signal: Vector, progress: Progress) -> NDArray[np.float64]:
    """The sensitivity of ground states as matrix product states in place of circuits' states that are too large to compute.

    It only enters the error bar; the ground state's stands for the circuit's.
    """
    from qep_qiskit.preparation.mps import MPS

    preparer = MPS(gap=False)
    free = preparer.prepare(
        family_of(first.problem, 0 * first.problem.hamiltonian_row, (0.0,)), seed=first.seed, progress=progress
    )
    instead = replace(first, preparer=preparer, prepared=free)
    prepared = preparer.prepare_all(_nudged(first, _moved(signal)), free=free, seed=first.seed, progress=progress)
    return _sensitivity(instead, signal, prepared)


def needed(problem: Problem, stencil: Stencil, phase: int) -> NDArray[np.bool_]:
    """Return which strings must be read in a phase, shape (L,)."""
    rows = np.zeros(len(problem.frame.paulis), dtype=bool)
    if stencil.phase_factors[phase] != 0.0:
        rows |= (problem.derivative_rows != 0).any(axis=0)
    if phase == 0:
        rows |= (problem.output_rows != 0).any(axis=0) | (problem.cost_rows != 0).any(axis=0)
    return rows


def _bases(problem: Problem, stencil: Stencil) -> tuple[tuple[Basis, ...], NDArray[np.bool_]]:
    if problem.network.closed_form:
        return (), np.zeros((len(stencil.phases), 0), dtype=bool)
    by_phase = np.array([needed(problem, stencil, p) for p in range(len(stencil.phases))])
    bases = choose_bases(problem.frame.paulis, np.flatnonzero(by_phase.any(axis=0)))
    wanted = np.array([[bool(row[list(basis.strings)].any()) for basis in bases] for row in by_phase])
    return bases, wanted.reshape(len(by_phase), len(bases))


def check_options(problem: object, preparer: object, stencil: object) -> None:
    """Refuse what is no problem, no preparer or no stencil, in one clear line."""
    if not isinstance(problem, Problem):
        raise InputError(f"problem: {shown(problem)} is not allowed; give a qep.Problem(...)")
    if not isinstance(preparer, Preparer):
        raise InputError(
            f"preparer: {preparer!r} is not allowed; give qep.Exact(), qep.VQE(...), qep.Adiabatic(...), qep.MPS(...), "
            "qep.MeanField() or qep.Thermal(...)"
        )
    if not isinstance(stencil, Stencil):
        raise InputError(f"stencil: {stencil!r} is not allowed; give for instance qep.symmetric(0.1)")


def refuse_without_qubits(problem: Problem, preparer: Preparer, shots: int | Split | None) -> None:
    """Refuse shots and preparers that need qubits, where the network or the preparer has none."""
    if not problem.network.closed_form:
        if shots is not None and preparer.supports.no_circuits:
            raise InputError(preparer.supports.no_circuits)
        return
    remedy = "give levels = 4 (or another power of two) to compile it to qubits"
    if not getattr(problem.network, "quantum", True):
        remedy = "a quantum network (network.kind)"
    if not preparer.supports.closed_form:
        raise InputError(
            f"preparation.method: {preparer.describe().get('method')} prepares qubits, and this network is in closed form; "
            f"take Exact() (method = 'exact'), or {remedy}"
        )
    if shots is not None:
        raise InputError(
            f"measurement.shots: {shots} is not allowed; a network in closed form has no circuits to measure. Leave shots out, "
            f"or {remedy}"
        )


def described(plan: Plan) -> Mapping[str, object]:
    """Return what a plan was asked to do, for reports."""
    return {
        "preparer": plan.preparer.describe(),
        "stencil": {"kind": plan.stencil.kind, "beta": plan.stencil.beta, **({"chosen": "adaptive"} if plan.adapted else {})},
        "shots": plan.shots,
        **({} if plan.split is None else {"split": plan.split.tolist()}),
        "mitigation": plan.mitigation,
        "calibration_shots": plan.calibration_shots if plan.mitigation != "none" else None,
        "seed": plan.seed,
        "network": dict(plan.problem.network.description),
    }
