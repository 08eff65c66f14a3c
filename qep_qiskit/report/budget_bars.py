"""The steps of an error budget as bars, from the finite β to the mitigated gradient, and as a table of all of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qep_qiskit.budget import Budget, Rung
from qep_qiskit.estimates import percent
from qep_qiskit.kinds import RUNGS
from qep_qiskit.report.charts import Bar, Group, Part
from qep_qiskit.report.findings import LARGEST_Z, large, largest_contribution, numbers_of
from qep_qiskit.report.tables import Cell, cell

TONES = {
    "finite_beta": "beta",
    "prepared": "prepared",
    "device": "device",
    "mitigated_limit": "mitigated",
    "shots": "raw",
    "mitigated": "mitigated",
}
GROUPS = {
    "without shot noise": ("finite_beta", "prepared", "device", "mitigated_limit"),
    "with the shots that were taken": ("shots", "mitigated"),
}


def error_bars(budget: Budget) -> list[Group]:
    """Return the distance of every step from the exact gradient, on one axis: first without shot noise, then with it."""
    rungs = {rung.name: rung for rung in budget.rungs}
    sizes = [rung.relative_error or 0.0 for rung in rungs.values()] + [budget.shot_noise(rung) or 0.0 for rung in rungs.values()]
    end = 1.02 * max(sizes, default=0.0) or 1.0
    shown = {name for name, rung in rungs.items() if rung.relative_error is not None}
    groups = [
        Group(heading, [_bar(budget, rungs[name], end) for name in names if name in shown]) for heading, names in GROUPS.items()
    ]
    return [group for group in groups if group.bars]


def not_computed(budget: Budget) -> list[str]:
    """Return the steps without a gradient, with the reason."""
    return [f"{rung.title} ({rung.note or 'no reason given'})" for rung in budget.rows if rung.values is None]


def _bar(budget: Budget, rung: Rung, end: float) -> Bar:
    error, noise, kind = rung.relative_error or 0.0, budget.shot_noise(rung), RUNGS[rung.name]
    worst = largest_contribution(budget)
    named = worst is not None and kind.cause is not None and worst.cause == kind.cause and worst.size == rung.added
    tip = f"{rung.title}: {percent(error)} from the exact gradient"
    return Bar(
        title=rung.title,
        meaning=kind.meaning + (f" ({rung.note})" if rung.note else ""),
        badge="largest cause" if named else "",
        parts=[Part(TONES[rung.name], round(100 * error / end, 2), tip)],
        mark=None if not noise else (round(100 * noise / end, 2), f"shot noise alone: {percent(noise)}"),
        number=percent(error),
        aside="" if kind.cause is None or rung.added is None else f"adds {percent(rung.added)}",
    )


def step_records(budget: Budget) -> Sequence[dict[str, Any]]:
    """Return all numbers of the steps, one record per step that was computed."""
    return [
        {
            "step": Cell(rung.title),
            **{
                name: cell(text, marked=name == LARGEST_Z and large(rung.largest_z))
                for name, text in numbers_of(budget, rung).items()
            },
        }
        for rung in budget.rows
        if rung.values is not None
    ]
