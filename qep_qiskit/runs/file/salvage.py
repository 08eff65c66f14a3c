"""Salvage of a damaged run file: each page is read by itself, and every row with a correct checksum is kept.

SQLite is not used, since the tree that leads to a page may itself be damaged. The layout of pages and records is defined at
https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qep_qiskit.runs.file.tables import LEDGER, TABLES, Row, Table, Value, added

_LEAF = 0x0D
_PAGE_SIZE = 4096


@dataclass(frozen=True)
class Salvaged:
    """The undamaged rows of a file, and a report of the missing ones.

    Attributes
    ----------
    lost : tuple of str
        One line per incomplete table.
    """

    rows: dict[str, list[Row]]
    lost: tuple[str, ...]


def salvage(path: Path) -> Salvaged:
    """Read a run's file page by page and return the undamaged rows.

    Examples
    --------
    ``salvage(Path("hardware_runs/demo/run.db")).lost`` is empty if the file is complete.
    """
    pages = _Pages(path.read_bytes())
    forms = [*TABLES.values(), LEDGER]
    rows: dict[str, dict[tuple[Value, ...], Row]] = {form.name: {} for form in forms}
    totals = dict.fromkeys(rows, "0")
    for number, record in pages.records():
        for form in forms:
            row = _row(form, number, record)
            if row is None:
                continue
            key = tuple(row[name] for name in form.key)
            if key not in rows[form.name]:
                rows[form.name][key] = row
                totals[form.name] = added(totals[form.name], str(record[-1]), 1)
            break
    ledger = {key[0]: row for key, row in rows.pop(LEDGER.name).items()}
    lost = [line for name in rows if (line := _lost(name, len(rows[name]), totals[name], ledger))]
    return Salvaged({name: _sorted(name, list(table.values())) for name, table in rows.items()}, tuple(lost))


def _row(form: Table, number: int, record: list[Value]) -> Row | None:
    if len(record) != len(form.columns) + 1:
        return None
    values = record[:-1]
    if form.counted:
        place = list(form.columns).index(form.key[0])
        values = [*values[:place], number, *values[place + 1 :]]
    return dict(zip(form.columns, values, strict=True)) if form.digest(values) == record[-1] else None


def _lost(name: str, count: int, total: str, ledger: dict[Value, Row]) -> str:
    if name not in ledger:
        return f"{name}: {count} rows are undamaged; how many there were is unknown"
    expected = ledger[name]
    if (expected["count"], expected["total"]) == (count, total):
        return ""
    missing = int(expected["count"]) - count
    return f"{name}: {missing} of {expected['count']} rows" if missing > 0 else f"{name}: some rows are older ones"


def _sorted(table: str, rows: list[Row]) -> list[Row]:
    names = ("number",) if table == "jobs" else TABLES[table].key
    return sorted(rows, key=lambda row: tuple((row[name] is not None, row[name]) for name in names))


class _Pages:
    """The pages of an SQLite file."""

    def __init__(self, data: bytes) -> None:
        size = int.from_bytes(data[16:18], "big")
        size = 65536 if size == 1 else size
        plausible = data[:15] == b"SQLite format 3" and size >= 512 and size & (size - 1) == 0
        self.size = size if plausible else _PAGE_SIZE
        self.data = data
        self._room = 4 * len(data) + 1_000_000  # a limit on all rows together, against forged rows that share pages

    def records(self) -> Iterator[tuple[int, list[Value]]]:
        """Yield the number and the values of every row in every page that may contain rows."""
        for start in range(0, len(self.data), self.size):
            page = self.data[start : start + self.size]
            head = 100 if start == 0 else 0
            if len(page) < head + 8 or page[head] != _LEAF:
                continue
            for cell in range(int.from_bytes(page[head + 3 : head + 5], "big")):
                at = head + 8 + 2 * cell
                try:
                    yield self._record(page, int.from_bytes(page[at : at + 2], "big"))
                except (IndexError, ValueError, OverflowError, UnicodeDecodeError):
                    continue

    def _record(self, page: bytes, at: int) -> tuple[int, list[Value]]:
        length, at = _varint(page, at)
        number, at = _varint(page, at)
        payload = self._payload(page, at, length)
        header, place = _varint(payload, 0)
        kinds = []
        while place < header:
            kind, place = _varint(payload, place)
            kinds.append(kind)
        values: list[Value] = []
        at = header
        for kind in kinds:
            value, at = _value(payload, at, kind)
            values.append(value)
        return number, values

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        self._room -= length
        if self._room < 0:
            raise ValueError("longer than the file")
        largest = self.size - 35
        if length <= largest:
            return _piece(page, at, length)
        smallest = (self.size - 12) * 32 // 255 - 23
        local = smallest + (length - smallest) % (self.size - 4)
        local = local if local <= largest else smallest
        pieces = [_piece(page, at, local)]
        next_page = int.from_bytes(_piece(page, at + local, 4), "big")
        rest = length - local
        if rest > len(self.data):
            raise ValueError("longer than the file")
        while rest > 0:
            start = (next_page - 1) * self.size
            if next_page == 0:
                raise ValueError("the chain ends early")
            next_page = int.from_bytes(_piece(self.data, start, 4), "big")
            pieces.append(_piece(self.data, start + 4, min(rest, self.size - 4)))
            rest -= len(pieces[-1])
        return b"".join(pieces)


def _piece(data: bytes, at: int, length: int) -> bytes:
    piece = data[at : at + length]
    if at < 0 or len(piece) < length:
        raise IndexError(at)
    return piece


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    return value << 8 | data[at + 8], at + 9


def _value(data: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    if kind in (1, 2, 3, 4, 5, 6):
        size = {5: 6, 6: 8}.get(kind, kind)
        return int.from_bytes(_piece(data, at, size), "big", signed=True), at + size
    if kind < 12:
        raise ValueError(kind)
    size = (kind - 12) // 2
    piece = _piece(data, at, size)
    return (piece if kind % 2 == 0 else piece.decode()), at + size
