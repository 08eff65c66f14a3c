"""Summaries over seeds: mean and spread of every number over the points that differ only in the seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qep_qiskit.sweeps.sweep import Row

SEED = "seed"


def summary(rows: Sequence[Row], measures: Sequence[str]) -> list[dict[str, Any]]:
    """Return one entry per point without its seed, in the order of the sweep.

    Returns
    -------
    list of mapping
        ``point`` (without the seed), ``count`` of the rows that have numbers, and for every measure ``mean`` and ``spread``,
        the standard deviation over seeds (None for one seed).
    """
    groups: dict[str, tuple[dict[str, Any], list[Row]]] = {}
    for row in sorted(rows, key=lambda row: row.number):
        point = {key: value for key, value in row.point.items() if key != SEED}
        groups.setdefault(repr(point), (point, []))[1].append(row)
    return [_entry(point, members, measures) for point, members in groups.values()]


def _entry(point: dict[str, Any], members: Sequence[Row], measures: Sequence[str]) -> dict[str, Any]:
    whole = [row for row in members if row.problem is None]
    entry: dict[str, Any] = {"point": point, "count": len(whole)}
    for name in measures:
        values = [float(v) for row in whole if (v := row.numbers.get(name)) is not None]
        entry[name] = {
            "mean": float(np.mean(values)) if values else None,
            "spread": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        }
    return entry
