"""Summaries over seeds: the mean and spread of each number over points that differ only in the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qep_qiskit.estimates import Estimate
from qep_qiskit.sweeps.sweep import Row

SEED = "seed"


@dataclass(frozen=True)
class Average:
    """The mean of one point's rows over its seeds, and the count of those that have numbers.

    Attributes
    ----------
    point : mapping
        The point without the seed.
    numbers : mapping of str to Estimate or None
        The mean of each measure, with its standard deviation over seeds (None for one seed); None if there are no numbers.
    """

    point: Mapping[str, Any]
    count: int
    numbers: Mapping[str, Estimate | None]

    def to_dict(self) -> dict[str, Any]:
        """Return the average as plain data for JSON."""
        pairs = {name: (None, None) if n is None else (n.value, n.stderr) for name, n in self.numbers.items()}
        numbers = {name: {"mean": mean, "spread": spread} for name, (mean, spread) in pairs.items()}
        return {"point": dict(self.point), "count": self.count, **numbers}


def summary(rows: Sequence[Row], measures: Sequence[str]) -> list[Average]:
    """Return one average per point without its seed, in the order of the sweep."""
    groups: dict[str, tuple[dict[str, Any], list[Row]]] = {}
    for row in sorted(rows, key=lambda row: row.number):
        point = {key: value for key, value in row.point.items() if key != SEED}
        groups.setdefault(repr(point), (point, []))[1].append(row)
    return [_average(point, [row for row in members if row.problem is None], measures) for point, members in groups.values()]


def _average(point: dict[str, Any], rows: Sequence[Row], measures: Sequence[str]) -> Average:
    numbers: dict[str, Estimate | None] = {}
    for name in measures:
        values = [float(value) for row in rows if (value := row.numbers.get(name)) is not None]
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
        numbers[name] = Estimate(float(np.mean(values)), spread) if values else None
    return Average(point, len(rows), numbers)
