"""The tables of a run's file, and the checksum of every row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = "2"
"""The version of these tables, recorded in each file. Version 1, which had no ledger, was never released and is refused."""

Value = str | int | bytes | None
Row = dict[str, Any]
_MODULUS = 1 << 256


@dataclass(frozen=True)
class Table:
    """The definition of a table.

    Attributes
    ----------
    columns : mapping of name to SQL type
        The columns in order, without the checksum, which comes last.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]

    @property
    def counted(self) -> bool:
        """Whether the key is an integer, which SQLite uses as the row's own number."""
        return len(self.key) == 1 and self.columns[self.key[0]] == "INTEGER"

    def sql(self) -> str:
        """Return the SQL statement that creates the table."""
        key = self.key[0] if self.counted else None
        parts = [f"{name} {kind}{' PRIMARY KEY' if name == key else ''}" for name, kind in self.columns.items()]
        parts.append("sum TEXT NOT NULL")
        if key is None:
            parts.append(f"PRIMARY KEY ({', '.join(self.key)})")
        return f"CREATE TABLE {self.name} ({', '.join(parts)})"

    def digest(self, values: Sequence[Value]) -> str:
        """Return the checksum of a row, from the table's name and from every value with its type and length."""
        state = hashlib.sha256(self.name.encode())
        for value in values:
            kind = "n" if value is None else "b" if isinstance(value, bytes) else "i" if isinstance(value, int) else "t"
            data = b"" if value is None else value if isinstance(value, bytes) else str(value).encode()
            state.update(f"|{kind}{len(data)}|".encode())
            state.update(data)
        return state.hexdigest()


def _table(name: str, key: str, /, **columns: str) -> Table:
    return Table(name, columns, tuple(key.split()))


TABLES = {
    table.name: table
    for table in (
        _table("meta", "key", key="TEXT", value="TEXT"),
        _table("documents", "kind key", kind="TEXT", key="TEXT", value="TEXT"),
        _table("circuits", "key", key="TEXT", qpy="BLOB", about="TEXT"),
        _table(
            "jobs",
            "tag",
            tag="TEXT",
            number="INTEGER",
            round="INTEGER",
            content="TEXT",
            state="TEXT",
            job_id="TEXT",
            created="TEXT",
            updated="TEXT",
            detail="TEXT",
        ),
        _table("events", "number", number="INTEGER", time="TEXT", tag="TEXT", state="TEXT", text="TEXT"),
        _table("results", "tag pub", tag="TEXT", pub="INTEGER", shape="TEXT", bits="INTEGER", data="BLOB"),
        _table("gradients", "number", number="INTEGER", time="TEXT", value="TEXT"),
        _table("steps", "number", number="INTEGER", time="TEXT", value="TEXT"),
        _table("checkpoints", "name", name="TEXT", time="TEXT", about="TEXT", data="BLOB"),
    )
}
LEDGER = Table("ledger", {"name": "TEXT", "count": "INTEGER", "total": "TEXT"}, ("name",))
"""The table with each table's number of rows and the sum of their checksums, from which a lost row is noticed."""


def added(total: str, digest: str | None, sign: int) -> str:
    """Return the total of a ledger after a checksum is added or subtracted.

    Examples
    --------
    >>> added(added("0", "ff", 1), "ff", -1)
    '0'
    """
    return format((int(total, 16) + sign * int(digest or "0", 16)) % _MODULUS, "x")


def statements() -> dict[str, str]:
    """Return the SQL statements that create the tables, keyed by table name."""
    return {table.name: table.sql() for table in (*TABLES.values(), LEDGER)}


def script() -> str:
    """Return the SQL script that creates an empty file."""
    rows = [f"INSERT INTO ledger VALUES ('{name}', 0, '0', '{LEDGER.digest((name, 0, '0'))}')" for name in TABLES]
    return "".join(f"{statement};\n" for statement in (*statements().values(), *rows))
