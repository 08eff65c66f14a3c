"""Storage of a sweep's rows in its folder: one writer, no lost rows, and no rows of another sweep."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from qep_qiskit.errors import InputError
from qep_qiskit.files import make_folder, remove_empty, write_whole
from qep_qiskit.fingerprints import difference
from qep_qiskit.provenance import versions
from qep_qiskit.runs.file.lock import WriteLock
from qep_qiskit.sweeps.axes import Axis
from qep_qiskit.sweeps.sweep import Row

TABLE, PLAIN = "sweep.json", "sweep.csv"
SAVE_SECONDS = 1.0


class Kept:
    """The stored rows of a sweep, open for writing by this process alone. Create one with :func:`opened`.

    Attributes
    ----------
    identity : mapping
        Everything that the numbers depend on: the spec, axes, digests of files, and versions of packages.
    rows : list of Row
        The rows so far, in the order of the sweep after each :meth:`save`.
    saved : int
        The number of rows in the file.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], rows: list[Row]) -> None:
        self.folder, self.identity, self.rows = folder, identity, rows
        self.saved, self._saved = len(rows), 0.0
        self._written: tuple[int, ...] | None = _stamp(folder / TABLE)

    def add(self, row: Row) -> None:
        """Add a row. The file is written at most once per second."""
        self.rows.append(row)
        if time.monotonic() - self._saved > SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write all rows so far to the file."""
        path = self.folder / TABLE
        if _stamp(path) != self._written:
            self._join(path)
        self.rows.sort(key=lambda row: row.number)
        make_folder(self.folder)
        write_whole(path, (json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())
        self.saved, self._saved, self._written = len(self.rows), time.monotonic(), _stamp(path)

    def write_csv(self, measures: Sequence[str]) -> None:
        """Write the rows as a CSV table for other programs."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*(axis["key"] for axis in self.identity["axes"]), *measures, "problem"])
        for row in self.rows:
            writer.writerow([*row.point.values(), *(row.numbers.get(name) for name in measures), row.problem or ""])
        write_whole(self.folder / PLAIN, text.getvalue().encode())

    def to_dict(self) -> dict[str, Any]:
        """Return the sweep as plain data."""
        count = math.prod(len(axis["values"]) for axis in self.identity["axes"])
        return {**self.identity, "complete": len(self.rows) == count, "rows": [row.to_dict() for row in self.rows]}

    def _join(self, path: Path) -> None:
        """Add the rows that another process wrote for the same sweep."""
        if not path.exists():
            return
        other, other_rows = _read(path)
        if _difference(other, self.identity) is not None:
            raise InputError(f"--out: {self.folder} was given to another sweep meanwhile; give another folder")
        numbers = {row.number for row in self.rows}
        self.rows += [row for row in other_rows if row.number not in numbers]


@contextlib.contextmanager
def opened(folder: Path, spec_text: str, axes: Sequence[Axis], files: Mapping[str, str]) -> Iterator[Kept]:
    """Open a sweep's folder for writing, with the rows that it already holds; `files` has the digests of the spec's files.

    Raises
    ------
    InputError
        If the folder holds another sweep; the message names the difference.
    RunBusyError
        If another process writes to the folder.
    """
    identity: dict[str, Any] = {
        "spec": spec_text,
        "axes": [{"key": axis.key, "values": json.loads(json.dumps(list(axis.values)))} for axis in axes],
        "files": dict(files),
        "versions": {name: version for name, version in versions().items() if name != "python"},
    }
    missing = make_folder(folder)
    lock = WriteLock(folder)
    try:
        lock.acquire()
        yield Kept(folder, identity, _rows_of(folder, identity))
    finally:
        lock.release()
        remove_empty(missing)


def _rows_of(folder: Path, identity: Mapping[str, Any]) -> list[Row]:
    path = folder / TABLE
    if not path.exists():
        return []
    before, rows = _read(path)
    changed = _difference(before, identity)
    if changed is not None:
        raise InputError(f"--out: {folder} holds another sweep ({changed}); give another folder or move it away")
    return [row for row in rows if not row.again]


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return the difference between two sweeps in words, or None. A sweep of an older version is compared as far as stored."""
    for key, what in (("spec", "its spec"), ("axes", "what it varies")):
        if before[key] != now[key]:
            return f"{what} differs"
    for key in ("files", "versions"):
        if key in before and (changed := difference(before[key], now[key])) is not None:
            return changed if key == "files" else changed.replace("its ", "its version of ", 1)
    return None


def _read(path: Path) -> tuple[dict[str, Any], list[Row]]:
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
        identity = {key: old[key] for key in ("spec", "axes")} | {
            key: dict(old[key]) for key in ("files", "versions") if key in old
        }
        rows = [Row(r["number"], r["point"], r["numbers"], r["problem"], bool(r.get("again"))) for r in old["rows"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"--out: {path} cannot be read as a sweep; move it away or give another folder") from None
    return identity, rows


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Return a stamp that changes when another process writes the file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
