"""Groups of a sweep's points whose states are prepared together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter

from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import run_each, stamped
from qep_qiskit.experiment import Spec

LARGEST = 16
"""The number of points in a group: a stopped sweep loses at most these, and each worker measures one group at a time."""
MOST_QUBITS = 10
"""The largest network, in qubits, that gains by a group."""
SHARED = ("network", "preparation")
"""The tables, apart from the seed, that the points of a group have in common."""


def groups_of(specs: Sequence[Spec], numbers: Sequence[int]) -> list[list[int]]:
    """Return the groups of a sweep's points, in order of their first points. They depend on nothing but the specs.

    Parameters
    ----------
    specs : sequence of Spec
        All points.
    numbers : sequence of int
        The points that can be measured at all.
    """
    groups: list[list[int]] = []
    filling: dict[str, list[int]] = {}
    for number in numbers:
        key = _key(specs[number])
        group = None if key is None else filling.get(key)
        if group is None or len(group) == LARGEST:
            groups.append(group := [])
            if key is not None:
                filling[key] = group
        group.append(number)
    return groups


def gradients_together(specs: Sequence[Spec]) -> list[Gradient]:
    """Return the gradients of the points of a group. Each has its own jobs; only the states are prepared together."""
    started, clock = datetime.now(UTC), perf_counter()
    preparer = specs[0].preparer()
    settings = [replace(spec.settings(), preparer=preparer) for spec in specs]
    rounds = run_each([spec.problem() for spec in specs], settings)
    return [stamped(reduce(plan, outcomes), started, clock) for plan, outcomes in rounds]


def _key(spec: Spec) -> str | None:
    """Return what the points of a group have in common; None for a point that is measured alone."""
    if "data" in spec.tables or spec.left_to_the_planner or not spec.preparation.kind_.value.supports.together:
        return None
    sites = spec.tables.get("network", {}).get("sites")
    if not isinstance(sites, int) or sites > MOST_QUBITS:
        return None
    return json.dumps([spec.seed, *(spec.tables.get(name) for name in SHARED)], sort_keys=True, default=str)
