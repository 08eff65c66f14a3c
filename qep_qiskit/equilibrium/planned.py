"""What will be run: phases × bases as parameterised circuits with bound values. Pure: no clock, no device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.device import check_shots
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.bases import Basis, choose_bases
from qep_qiskit.measurement.mitigation import parse
from qep_qiskit.measurement.readout import check_installed
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Prepared, Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import Stencil

Vector = NDArray[np.float64]
SIGNAL_STEP = 0.1
"""The step in ε for the gradient's derivative: large beside a preparer's own error, small beside ε."""


@dataclass(frozen=True)
class Plan:
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
    """

    problem: Problem
    preparer: Preparer
    stencil: Stencil
    shots: int | None
    mitigation: str
    calibration_shots: int | None
    seed: int
    phases: tuple[int, ...]
    prepared: Prepared
    bases: tuple[Basis, ...]
    wanted: NDArray[np.bool_]
    error_signal: Vector | None
    sensitivity: NDArray[np.float64] | None
    earlier: Plan | None = None
    split: NDArray[np.int64] | None = None

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

    @property
    def circuits(self) -> int:
        """How many circuit executions (phases × bases) this round takes, calibration not counted."""
        return int(self.wanted[list(self.phases)].sum())


def plan(
    problem: Problem,
    *,
    preparer: Preparer,
    stencil: Stencil,
    shots: int | Split | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    near: Prepared | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Plan:
    """Return the first round: all phases for an observable cost, the free phase for a cost of expectations.

    Parameters
    ----------
    problem : Problem
    preparer : Preparer
    stencil : Stencil
    shots : int or Split, optional
        Per circuit; exact expectations where absent.
    mitigation : str
        ``"none"``, ``"tensored"``, ``"m3"``, ``"trex"``, ``"zne"``, ``"zne:exponential:1,3+trex"``: see docs/mitigation.md.
    calibration_shots : int, optional
        Per calibration circuit; as many as `shots` where absent.
    near : Prepared, optional
        The free phase of a similar problem, for the preparer to start from.
    seed : int

    Raises
    ------
    InputError
        For an option that is not allowed, and whatever the preparer refuses.
    """
    check_options(problem, preparer, stencil)
    check_shots("calibration_shots", calibration_shots)
    refuse_without_qubits(problem, preparer, shots if isinstance(shots, Split) else check_shots("shots", shots))
    chosen = parse(mitigation)
    check_installed(chosen.readout)
    bases, wanted = _bases(problem, stencil)
    rounds = (0,) if problem.cost.needs_free_phase else tuple(range(len(stencil.phases)))
    nudge = np.zeros_like(problem.hamiltonian_row) if problem.cost.needs_free_phase else problem.cost_rows[0]
    family = family_of(problem, nudge, tuple(stencil.phases[p] for p in rounds))
    unmeasured = Plan(
        problem=problem,
        preparer=preparer,
        stencil=stencil,
        shots=None,
        mitigation=str(chosen),
        calibration_shots=None,
        seed=seed,
        phases=rounds,
        prepared=preparer.prepare(family, near=near, seed=seed, progress=progress),
        bases=bases,
        wanted=wanted,
        error_signal=None if problem.cost.needs_free_phase else np.ones(1),
        sensitivity=None,
    )
    return measured_with(unmeasured, shots, str(chosen), calibration_shots)


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
    problem, stencil = first.problem, first.stencil
    error_signal = problem.cost.error_signal(observed)
    rest = tuple(p for p in range(len(stencil.phases)) if p not in first.phases)
    betas = tuple(stencil.phases[p] for p in rest)
    family = family_of(problem, error_signal @ problem.cost_rows, betas)
    prepared = first.preparer.prepare(family, free=first.prepared, seed=first.seed, progress=progress)
    sensitivity = None if first.shots is None else _sensitivity(first, rest, betas, error_signal, prepared, progress)
    return Plan(
        problem=problem,
        preparer=first.preparer,
        stencil=stencil,
        shots=first.shots,
        mitigation=first.mitigation,
        calibration_shots=first.calibration_shots,
        seed=first.seed,
        phases=rest,
        prepared=prepared,
        bases=first.bases,
        wanted=first.wanted,
        error_signal=error_signal,
        sensitivity=sensitivity,
        earlier=first,
        split=first.split,
    )


def _sensitivity(
    first: Plan, rest: tuple[int, ...], betas: tuple[float, ...], signal: Vector, prepared: Prepared, progress: Progress
) -> NDArray[np.float64]:
    """∂(gradient)/∂ε_m at this ε and this β, from one step in each ε_m, on the prepared states without noise.

    At finite β the gradient is not linear in ε, so the response to the nudge O_m alone would not do. It only enters the
    error bar, through the variance of ε.
    """
    if not prepared.computable:
        first, prepared = _by_tensor_network(first, rest, betas, signal, progress)
    problem, paulis = first.problem, first.problem.frame.paulis
    factors = np.array([first.stencil.phase_factors[p] for p in rest])
    here = factors @ prepared.expectations(paulis)
    step = SIGNAL_STEP * max(1.0, float(np.abs(signal).max()))
    columns = []
    for direction in np.eye(len(signal)):
        family = family_of(problem, (signal + step * direction) @ problem.cost_rows, betas)
        moved = first.preparer.prepare(family, free=first.prepared, seed=first.seed, progress=progress)
        columns.append(problem.derivative_rows @ (factors @ moved.expectations(paulis) - here) / step)
    return np.array(columns).T


def _by_tensor_network(
    first: Plan, rest: tuple[int, ...], betas: tuple[float, ...], signal: Vector, progress: Progress
) -> tuple[Plan, Prepared]:
    """Take ground states as matrix product states in place of circuits' states that are too large to compute.

    The sensitivity only enters the error bar; the ground state's stands for the circuit's.
    """
    from qep_qiskit.preparation.mps import MPS

    preparer = MPS(gap=False)
    free = preparer.prepare(
        family_of(first.problem, 0 * first.problem.hamiltonian_row, (0.0,)), seed=first.seed, progress=progress
    )
    family = family_of(first.problem, signal @ first.problem.cost_rows, betas)
    nudged = preparer.prepare(family, free=free, seed=first.seed, progress=progress)
    return replace(first, preparer=preparer, prepared=free), nudged


def family_of(problem: Problem, nudge: Vector, betas: tuple[float, ...]) -> Family:
    """Return H + βC of a problem for these β, with the strings of the cost kept in ansätze and ramps."""
    kept = problem.frame.busy if problem.network.whole_frame else (problem.cost_rows != 0).any(axis=0)
    strings = tuple(int(i) for i in np.flatnonzero(kept))
    return Family(problem.frame, problem.hamiltonian_row, nudge, betas, strings)


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
        raise InputError(f"problem: {problem!r} is not allowed; give a qep.Problem(...)")
    if not isinstance(preparer, Preparer):
        raise InputError(
            f"preparer: {preparer!r} is not allowed; give qep.Exact(), qep.VQE(...), qep.Adiabatic(...), qep.MPS(...), "
            "qep.MeanField() or qep.Thermal(...)"
        )
    if not isinstance(stencil, Stencil):
        raise InputError(f"stencil: {stencil!r} is not allowed; give for instance qep.symmetric(0.1)")


def refuse_without_qubits(problem: Problem, preparer: Preparer, shots: int | Split | None) -> None:
    """Refuse what only a network of qubits has, where the network is in closed form."""
    if not problem.network.closed_form:
        return
    remedy = "give levels = 4 (or another power of two) to compile it to qubits"
    if not getattr(problem.network, "quantum", True):
        remedy = "a quantum network (network.kind)"
    if not getattr(preparer, "closed_form", False):
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
        "stencil": {"kind": plan.stencil.kind, "beta": plan.stencil.beta},
        "shots": plan.shots,
        **({} if plan.split is None else {"split": plan.split.tolist()}),
        "mitigation": plan.mitigation,
        "calibration_shots": plan.calibration_shots if plan.mitigation != "none" else None,
        "seed": plan.seed,
        "network": dict(plan.problem.network.description),
    }
