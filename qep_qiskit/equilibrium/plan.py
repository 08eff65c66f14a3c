"""Plans: the circuits of one round, with parameters and values. They depend on neither the clock nor a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.display import counted
from qep_qiskit.equilibrium.adaptive_beta import adapted
from qep_qiskit.equilibrium.bias import Bias, bias_of
from qep_qiskit.equilibrium.combination import joined, remembered
from qep_qiskit.equilibrium.families import first_family, first_phases, free_family, nudged_family
from qep_qiskit.equilibrium.nearness import nearness_of
from qep_qiskit.equilibrium.ramp_limit import ramp_limit
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.bases import Basis, choose_bases
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Prepared, Preparer, prepare_in_turn
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import AdaptiveStencil, Stencil
from qep_qiskit.values import Value

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Value):
    """One round of circuits for one gradient.

    Attributes
    ----------
    problem : Problem
    settings : Settings
        The settings as given.
    stencil : Stencil
        The stencil with its β, even if β was chosen from the free phase.
    phases : tuple of int
        The positions in ``stencil.phases`` that this round prepares and measures.
    prepared : Prepared
        The states of these phases, in the same order.
    bases : tuple of Basis
    measured : ndarray of bool, shape (all phases, bases)
        True if a phase is measured in a basis. The free phase is measured only in the bases that are needed.
    error_signal : ndarray of shape (M,) or None
        The error signal ε, or None before it is known.
    sensitivity : ndarray of shape (K, M) or None
        ∂(gradient)/∂ε, which propagates the error bar of ε to the gradient; K counts weights, and inputs if dL/dx is wanted.
    earlier : Plan or None
        The first round, if this is the second.
    """

    problem: Problem
    settings: Settings
    stencil: Stencil
    phases: tuple[int, ...]
    prepared: Prepared = field(compare=False)
    bases: tuple[Basis, ...]
    measured: NDArray[np.bool_]
    error_signal: Vector | None
    sensitivity: NDArray[np.float64] | None = None
    earlier: Plan | None = None

    def __post_init__(self) -> None:
        _ = self.split  # refuses a split of other circuits

    def __repr__(self) -> str:
        shots = "" if self.shots is None else f", {self.shots} shots each"
        return f"Plan({counted(len(self.phases), 'phase')} in {counted(len(self.bases), 'basis')}{shots}; {self.problem!r})"

    @property
    def preparer(self) -> Preparer:
        """The preparer of the states."""
        return self.settings.preparer

    @property
    def mitigation(self) -> Mitigation:
        """The mitigation of the device's errors."""
        return self.settings.mitigation

    @property
    def seed(self) -> int:
        """The seed of the search for the states and of the shots."""
        return self.settings.seed

    @cached_property
    def split(self) -> NDArray[np.int64] | None:
        """Shots of each circuit, shape (all phases, bases); None if all circuits have the same number."""
        shots = self.settings.shots
        return shots.fitting(self.measured) if isinstance(shots, Split) else None

    @property
    def shots(self) -> int | None:
        """Shots per circuit, averaged if the shots are split; None for exact expectations."""
        if self.split is not None:
            return max(2, round(float(self.split[self.measured].mean())))
        return self.settings.shots  # type: ignore[return-value]

    @property
    def calibration_shots(self) -> int | None:
        """Shots per calibration circuit."""
        number, shots = self.settings.calibration_shots, self.settings.shots
        return number or (isinstance(shots, Split) and shots.calibration) or self.shots

    def shots_of(self, phase: int, basis: int) -> int | None:
        """Return the shots of one circuit; None for exact expectations."""
        return self.shots if self.split is None else int(self.split[phase, basis])

    @property
    def free(self) -> Prepared:
        """The states of the round with the free phase, which comes first."""
        return (self if self.earlier is None else self.earlier).prepared

    @property
    def nudge(self) -> Vector:
        """The coefficients of the nudge C over the frame's strings; requires the error signal."""
        assert self.error_signal is not None
        return np.asarray(self.error_signal @ self.problem.cost_rows)

    @property
    def adapted(self) -> bool:
        """Whether β was chosen for the problem."""
        return isinstance(self.settings.stencil, AdaptiveStencil)

    @property
    def round(self) -> int:
        """The number of the round: 0 or 1."""
        return 0 if self.earlier is None else 1

    @property
    def complete(self) -> bool:
        """Whether this round and the earlier one cover every phase, so that their outcomes give a gradient."""
        done = set(self.phases) | (set(self.earlier.phases) if self.earlier else set())
        return done == set(range(len(self.stencil.phases)))

    @cached_property
    def expectations(self) -> NDArray[np.float64]:
        """The noiseless expectations of all strings in this round's phases, shape (phases, L)."""
        return self.prepared.expectations(self.problem.frame.strings)

    @cached_property
    def supports(self) -> tuple[frozenset[tuple[int, ...]], ...]:
        """The sets of qubits on which the strings of each basis act."""
        qubits = self.problem.frame.qubits
        return tuple(frozenset(qubits[string] for string in basis.strings) for basis in self.bases)

    @cached_property
    def bias(self) -> Bias:
        """The finite-β bias of the gradient of these states; requires a complete plan."""
        return bias_of(self)

    @cached_property
    def nearness(self) -> tuple[Mapping[str, object] | None, list[str]]:
        """The distance of the free phase from the true ground state, and warnings; see `nearness_of`."""
        return nearness_of(self)

    @cached_property
    def ramp_limit(self) -> tuple[Mapping[str, float | None] | None, list[str]]:
        """The error of a ramp's gradient in the limit β → 0, and warnings; see `ramp_limit.py`."""
        return ramp_limit(self)

    @property
    def circuits(self) -> int:
        """The number of circuit executions (phases × bases) of this round, without calibration."""
        return int(self.measured[list(self.phases)].sum())


def plan(
    problem: Problem,
    settings: Settings,
    *,
    warm_start: Prepared | None = None,
    stencil: Stencil | None = None,
    progress: Progress = silent,
) -> Plan:
    """Return the first round: all phases for an observable cost, the free phase for a cost of expectations.

    Parameters
    ----------
    problem : Problem
    settings : Settings
        Settings without open choices, except that an adaptive β is chosen once the free phase is prepared.
    warm_start : Prepared, optional
        The free phase of a similar problem, from which the preparer starts.
    stencil : Stencil, optional
        A stencil in place of the settings'.

    Raises
    ------
    InputError
        If shots are given for a network without circuits, if a package is missing, or if the preparer refuses the problem.
    """
    return plan_together([problem], [settings], warm_start=[warm_start], stencil=stencil, progress=progress)[0]


def plan_together(
    problems: Sequence[Problem],
    settings: Sequence[Settings],
    *,
    warm_start: Sequence[Prepared | None] | None = None,
    stencil: Stencil | None = None,
    progress: Progress = silent,
) -> list[Plan]:
    """Return the first rounds of several problems, as :func:`plan` does for one.

    The states of all problems are prepared in one call, or two if β is adaptive. The settings may differ in all but the preparer
    and the seed.
    """
    preparer, seed = settings[0].preparer, settings[0].seed
    families: list[Family] = []
    stencils: dict[int, Stencil] = {}
    for i, (problem, asked) in enumerate(zip(problems, settings, strict=True)):
        refuse_without_qubits(problem, preparer, asked.shots)
        asked.mitigation.require()
        if stencil is None and isinstance(asked.stencil, AdaptiveStencil):
            families.append(free_family(problem))
        else:
            stencils[i] = stencil or asked.fixed_stencil
            families.append(first_family(problem, stencils[i]))
    if warm_start is None and preparer.supports.neighbours and not preparer.supports.together:
        states = prepare_in_turn(preparer, families, seed=seed, progress=progress)
    else:
        states = preparer.prepare_all(families, warm_start=warm_start, seed=seed, progress=progress)
    free = {i: remembered(state) for i, state in enumerate(states) if i not in stencils}
    stencils |= adapted(problems, settings, free)
    complete = dict(enumerate(states)) | with_nudged(problems, settings, free, stencils, progress)
    return [planned(problem, settings[i], complete[i], stencils[i]) for i, problem in enumerate(problems)]


def with_nudged(
    problems: Sequence[Problem],
    settings: Sequence[Settings],
    free: Mapping[int, Prepared],
    stencils: Mapping[int, Stencil],
    progress: Progress = silent,
) -> dict[int, Prepared]:
    """Return each free phase, joined with the nudged phases prepared from it if the cost is an observable.

    The keys of `free` and `stencils` are places in `problems`.
    """
    once = [i for i in free if not problems[i].cost.needs_free_phase]
    if not once:
        return dict(free)
    families = [nudged_family(problems[i], stencils[i]) for i in once]
    preparer, seed = settings[0].preparer, settings[0].seed
    nudged = preparer.prepare_all(families, free=[free[i] for i in once], seed=seed, progress=progress)
    return dict(free) | {i: joined(free[i], rest) for i, rest in zip(once, nudged, strict=True)}


def planned(problem: Problem, settings: Settings, prepared: Prepared, stencil: Stencil) -> Plan:
    """Return the first round with states that are already prepared."""
    bases, measured = _bases(problem, stencil)
    signal = None if problem.cost.needs_free_phase else np.ones(1)
    return Plan(problem, settings, stencil, first_phases(problem, stencil), prepared, bases, measured, signal)


def needed(problem: Problem, stencil: Stencil, phase: int) -> NDArray[np.bool_]:
    """Return a mask of the strings that must be measured in a phase, shape (L,)."""
    rows = np.zeros(len(problem.frame.paulis), dtype=bool)
    if stencil.phase_factors[phase] != 0.0:
        rows |= problem.gradient_strings
    if phase == 0:
        rows |= (problem.output_rows != 0).any(axis=0) | (problem.cost_rows != 0).any(axis=0)
    return rows


def _bases(problem: Problem, stencil: Stencil) -> tuple[tuple[Basis, ...], NDArray[np.bool_]]:
    if problem.network.closed_form:
        return (), np.zeros((len(stencil.phases), 0), dtype=bool)
    by_phase = np.array([needed(problem, stencil, p) for p in range(len(stencil.phases))])
    bases = choose_bases(problem.frame.paulis, np.flatnonzero(by_phase.any(axis=0)))
    measured = np.array([[bool(row[list(basis.strings)].any()) for basis in bases] for row in by_phase])
    return bases, measured.reshape(len(by_phase), len(bases))


def refuse_without_qubits(problem: Problem, preparer: Preparer, shots: object) -> None:
    """Refuse shots, and preparers that need qubits, if the network or the preparer has no qubits."""
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
