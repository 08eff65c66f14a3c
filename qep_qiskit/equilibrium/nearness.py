"""Distance of a prepared free phase from the true ground state. If it is large, the two gradients may differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from qep_qiskit.equilibrium.bias import percent
from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.preparation.exact import Exact
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Prepared

if TYPE_CHECKING:
    from qep_qiskit.equilibrium.plan import Plan

MOST_QUBITS = 14
"""The largest number of qubits for which the true ground state is also computed; this takes little time."""
APART = 0.25
"""A difference between the two gradients above this share gives a warning."""
SPREAD = 0.02
"""An energy variance above this share of Σ c² gives a warning if the true ground state is not known."""


def nearness_of(plan: Plan) -> tuple[Mapping[str, object] | None, list[str]]:
    """Return the energy above the ground state, variance, gap and infidelity of a free phase, and a warning if it is far away.

    The first value is None for preparers that do not approximate ground states.
    """
    first = plan if plan.earlier is None else plan.earlier
    aim = plan.preparer.supports.aim
    phase, problem = first.prepared.phases[0], plan.problem
    if aim is None or phase.variance is None or not first.prepared.computable:
        return None, []
    row = problem.hamiltonian_row[problem.frame.busy]
    share = phase.variance / max(float(row @ row), 1e-300)
    if share < aim.variance:
        return None, []
    diagnosis: dict[str, object] = {"variance": phase.variance, "energy_above": None, "gap": None, "infidelity": None}
    truth = None
    if problem.network.num_qubits <= MOST_QUBITS:
        family = Family(problem.frame, problem.hamiltonian_row, np.zeros_like(problem.hamiltonian_row), (0.0,))
        try:
            truth = Exact().prepare(family)
        except (InputError, PreparationError):
            truth = None  # degenerate: which state is meant is not defined
    if truth is None:
        if share <= SPREAD:
            return diagnosis, []
        return diagnosis, [
            f"the state at β = 0 is not an eigenstate: energy variance {phase.variance:.3g}; this gradient is of {aim.remedy}"
        ]
    overlap = abs(np.vdot(truth.states()[0], first.prepared.states()[0])) ** 2
    gap = truth.phases[0].gap or 0.0
    above = phase.energy - truth.phases[0].energy
    limit, here = _apart(plan, truth) if aim.follows else (None, None)
    apart = None if limit is None or here is None else min(limit, here)
    diagnosis |= {"energy_above": above, "gap": gap, "infidelity": float(1.0 - overlap), "gradient_difference": here}
    if overlap >= 1.0 - aim.infidelity and (apart is None or apart <= APART):
        return diagnosis, []
    far = f"energy {above:.3g} above it, variance {phase.variance:.3g} with a gap of {gap:.3g}, overlap {overlap:.4g}"
    if overlap < 1.0 - aim.infidelity:
        return diagnosis, [f"the state at β = 0 is far from the ground state ({far}); this gradient is of {aim.remedy}"]
    return diagnosis, [
        f"the ansatz does not follow the nudge as the ground state does ({far}): in the limit β → 0 their gradients differ by "
        f"{percent(apart or 0.0)}; this gradient is of {aim.remedy}"
    ]


def _apart(plan: Plan, truth: Prepared) -> tuple[float, float] | tuple[None, None]:
    """Return the relative distances of two gradients from the true ground state's gradient in the limit β → 0.

    The first is the gradient of these states in that limit, the second their gradient at this β; both are noiseless.
    """
    limit, values, signal = plan.bias.limit, plan.bias.values, plan.error_signal
    if limit is None or values is None or signal is None or truth.response is None:
        return None, None
    changes = truth.response(signal @ plan.problem.cost_rows).changes(plan.problem.frame.strings)
    exact = plan.problem.derivative_rows @ changes
    size = float(np.linalg.norm(exact))
    if size <= max(plan.bias.zero, plan.bias.floor, plan.bias.still):
        return None, None
    return float(np.linalg.norm(limit - exact)) / size, float(np.linalg.norm(limit + values - exact)) / size
