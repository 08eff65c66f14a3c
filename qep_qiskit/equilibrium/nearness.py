"""Distance of a prepared free phase from the true ground state. If it is large, the two gradients may differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.estimates import percent
from qep_qiskit.preparation.true_states import MOST_TRUE_QUBITS, TrueState, true_ground_states, true_responses

if TYPE_CHECKING:
    from qep_qiskit.equilibrium.plan import Plan

Vector = NDArray[np.float64]
Nearness = tuple[Mapping[str, object] | None, list[str]]
APART = 0.25
"""A difference between the two gradients above this share gives a warning."""
SPREAD = 0.02
"""An energy variance above this share of Σ c² gives a warning if the true ground state is not known."""


def nearness_of(plan: Plan) -> Nearness:
    """Return the energy above the ground state, variance, gap and infidelity of a free phase, and a warning if it is far away.

    The first value is None for preparers that do not approximate ground states.
    """
    return nearness_of_all([plan])[0]


def nearness_of_all(plans: Sequence[Plan]) -> list[Nearness]:
    """Return the same as :func:`nearness_of` for each plan of a batch; the true ground states are computed together."""
    spreads = [_spread(plan) for plan in plans]
    groups: dict[int, list[int]] = {}
    for number, (plan, spread) in enumerate(zip(plans, spreads, strict=True)):
        if spread is not None and plan.problem.network.num_qubits <= MOST_TRUE_QUBITS:
            groups.setdefault(id(plan.problem.frame), []).append(number)
    truths: dict[int, tuple[TrueState | None, Vector | None]] = {}
    for numbers in groups.values():
        truths.update(zip(numbers, _truths([plans[number] for number in numbers]), strict=True))
    return [
        (None, []) if spread is None else _judged(plan, spread, *truths.get(number, (None, None)))
        for number, (plan, spread) in enumerate(zip(plans, spreads, strict=True))
    ]


def _spread(plan: Plan) -> float | None:
    """Return the energy variance of the free phase as a share of Σ c²; None if there is nothing to compare."""
    aim, phase, problem = plan.preparer.supports.aim, plan.free.phases[0], plan.problem
    if aim is None or phase.variance is None or not plan.free.computable:
        return None
    row = problem.hamiltonian_row[problem.frame.busy]
    share = phase.variance / max(float(row @ row), 1e-300)
    return None if share < aim.variance else share


def _truths(plans: Sequence[Plan]) -> list[tuple[TrueState | None, Vector | None]]:
    """Return the true ground state of each plan over one frame and, if it is compared, its gradient in the limit β → 0."""
    frame = plans[0].problem.frame
    states = true_ground_states(frame, [plan.problem.hamiltonian_row for plan in plans])
    compared = {k: (plan, state) for k, (plan, state) in enumerate(zip(plans, states, strict=True)) if state and _follows(plan)}
    rows = [plan.problem.hamiltonian_row for plan, _ in compared.values()]
    nudges = [plan.nudge for plan, _ in compared.values()]
    responses = zip(compared, true_responses(frame, rows, [state for _, state in compared.values()], nudges), strict=True)
    changes = {k: response.changes(frame.strings) for k, response in responses if response is not None}
    limits = {k: plans[k].problem.derivative_rows @ change for k, change in changes.items()}
    return [(state, limits.get(k)) for k, state in enumerate(states)]


def _follows(plan: Plan) -> bool:
    """Return whether to compare the response of the states with the response of the true ground state."""
    aim = plan.preparer.supports.aim
    return aim is not None and aim.follows and plan.bias.limit is not None and plan.error_signal is not None


def _judged(plan: Plan, share: float, truth: TrueState | None, exact: Vector | None) -> Nearness:
    aim, phase = plan.preparer.supports.aim, plan.free.phases[0]
    assert aim is not None
    diagnosis: dict[str, object] = {"variance": phase.variance, "energy_above": None, "gap": None, "infidelity": None}
    if truth is None:
        if share <= SPREAD:
            return diagnosis, []
        return diagnosis, [
            f"the state at β = 0 is not an eigenstate: energy variance {phase.variance:.3g}; this gradient is of {aim.remedy}"
        ]
    overlap = abs(np.vdot(truth.vector, plan.free.states()[0])) ** 2
    above = phase.energy - truth.energy
    limit, here = _apart(plan, exact)
    apart = None if limit is None or here is None else min(limit, here)
    diagnosis |= {"energy_above": above, "gap": truth.gap, "infidelity": float(1.0 - overlap), "gradient_difference": here}
    if overlap >= 1.0 - aim.infidelity and (apart is None or apart <= APART):
        return diagnosis, []
    far = f"energy {above:.3g} above it, variance {phase.variance:.3g} with a gap of {truth.gap:.3g}, overlap {overlap:.4g}"
    if overlap < 1.0 - aim.infidelity:
        return diagnosis, [f"the state at β = 0 is far from the ground state ({far}); this gradient is of {aim.remedy}"]
    return diagnosis, [
        f"the ansatz does not follow the nudge as the ground state does ({far}): in the limit β → 0 their gradients differ by "
        f"{percent(apart or 0.0)}; this gradient is of {aim.remedy}"
    ]


def _apart(plan: Plan, exact: Vector | None) -> tuple[float, float] | tuple[None, None]:
    """Return the relative distances of two gradients from the true ground state's gradient in the limit β → 0.

    The first is the gradient of these states in that limit, the second their gradient at this β; both are noiseless.
    """
    limit, values = plan.bias.limit, plan.bias.values
    if exact is None or limit is None or values is None:
        return None, None
    size = float(np.linalg.norm(exact))
    if size <= max(plan.bias.zero, plan.bias.floor, plan.bias.still):
        return None, None
    return float(np.linalg.norm(limit - exact)) / size, float(np.linalg.norm(limit + values - exact)) / size
