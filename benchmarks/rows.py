"""Rows of results, their ratios, and the file that keeps them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """The measurement of one method at one size.

    Attributes
    ----------
    task, size, threads, method, version
        What was measured.
    seconds, setup_seconds : float or None
        Medians; None where it failed.
    repeats : int
    error : float or None
        The distance of its answer from ours.
    failed : str
        Why there are no seconds; empty where there are.
    peak_mb : float or None
        Of a process of its own, above what it held after the imports.
    ratio, ratio_with_setup : float or None
        Its seconds divided by ours.
    ours, qiskit : bool
    note : str
    details : dict
    """

    task: str
    size: int
    threads: int
    method: str
    version: str
    seconds: float | None = None
    setup_seconds: float | None = None
    repeats: int = 0
    error: float | None = None
    failed: str = ""
    peak_mb: float | None = None
    ratio: float | None = None
    ratio_with_setup: float | None = None
    ours: bool = False
    qiskit: bool = False
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> tuple[str, int, int]:
        """Rows with the same task, size and threads were measured together."""
        return self.task, self.size, self.threads


def with_ratios(rows: Iterable[Row]) -> list[Row]:
    """Return the rows with their ratios to the first of ours in the same group."""
    rows = list(rows)
    ours: dict[tuple[str, int, int], Row] = {}
    for row in rows:
        if row.ours:
            ours.setdefault(row.group, row)
    return [_compared(row, ours.get(row.group)) for row in rows]


def _compared(row: Row, ours: Row | None) -> Row:
    if ours is None or ours.seconds is None or row.seconds is None:
        return replace(row, ratio=None, ratio_with_setup=None)
    both = None
    if ours.setup_seconds is not None and row.setup_seconds is not None:
        both = (row.seconds + row.setup_seconds) / (ours.seconds + ours.setup_seconds)
    return replace(row, ratio=row.seconds / ours.seconds, ratio_with_setup=both)


@dataclass(frozen=True)
class Results:
    """Everything that was measured on one machine.

    Attributes
    ----------
    machine, versions : dict
    rows : list of Row
    date : str
    """

    machine: dict[str, Any]
    versions: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    date: str = ""

    @classmethod
    def load(cls, path: Path) -> Results | None:
        """Return what a file holds, None where there is none."""
        if not path.exists():
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(document["machine"], document["versions"], [Row(**row) for row in document["rows"]], document["date"])

    def save(self, path: Path) -> None:
        """Write the file in one step, so that an interruption leaves the old one or the new one."""
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(_rounded(asdict(self)), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(beside, path)

    def merged(self, rows: Iterable[Row]) -> Results:
        """Return the results with these rows in the place of those of the same groups."""
        new = with_ratios(rows)
        groups = {row.group for row in new}
        others = [row for row in self.rows if row.group not in groups]
        return replace(self, rows=others + new, date=datetime.now(UTC).strftime("%Y-%m-%d"))

    def finished(self, task: str, size: int, threads: int, versions: Mapping[str, str]) -> bool:
        """Whether every one of these methods (name → version) has a row of that version."""
        have = {row.method: row.version for row in self.rows if row.group == (task, size, threads)}
        return bool(versions) and all(have.get(name) == version for name, version in versions.items())


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
