"""The SQLite file of a run: rows are written in transactions and checked when they are read.

The file has no write-ahead log, which needs shared memory that network file systems lack. Deleted data are overwritten, so that
no stale row can be taken for a valid one when a damaged file is salvaged.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from qep_qiskit.errors import InputError
from qep_qiskit.files import typed
from qep_qiskit.runs.file.lock import RunBusyError
from qep_qiskit.runs.file.tables import LEDGER, SCHEMA, TABLES, Row, Table, Value, added, script, statements

LONGEST_VALUE = 500_000_000
"""The largest size of one value of a row, in bytes."""
SCHEMA_SECONDS = 5.0
TIMEOUT = 30.0
"""Seconds that a reader and a writer wait for each other."""


class RunDamagedError(InputError):
    """The contents of a run's file were lost or changed."""


class RunGoneError(OSError):
    """The run's folder was deleted or moved, or its file was replaced, while it was open."""

    def __init__(self, folder: Path, more: str = "") -> None:
        text = "the run is gone: its folder was deleted or moved, or its file replaced, while this command used it; nothing more"
        super().__init__(errno.ENOENT, f"{text} is sent or kept{more}", str(folder))


class Database:
    """A connection to a run's file that checks every row it reads."""

    def __init__(self, path: Path, *, write: bool) -> None:
        self.path, self.write = path, write
        self._changes: dict[str, tuple[int, str]] | None = None
        self.before_writing: Callable[[], None] = lambda: None
        self.before_commit: Callable[[], None] = lambda: None
        with guarded(self.path):
            self.connection = connect(path, write=write)
        self._file = _file(path)

    @property
    def present(self) -> bool:
        """Whether the file at the path is still the open one."""
        return _file(self.path) == self._file

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def check(self) -> None:
        """Check the whole file against its schema and its ledger.

        Raises
        ------
        InputError
            If a newer version created the file.
        RunDamagedError
            If its structure is broken, or rows were lost or changed.
        """
        row = self.row("meta", key="schema")
        number = "" if row is None else str(row["value"])
        if number.isdecimal() and int(number) > int(SCHEMA):
            raise InputError(f"{self.path}: was made by a newer version (schema {number}); upgrade qep-qiskit to open it")
        if number != SCHEMA:
            raise self.damaged(f"its schema ({number[:20]!r})")
        with self.snapshot():
            answer = self.connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if answer != "ok":
                raise self.damaged(f"the file ({' '.join(str(answer).split())})")
            for name in TABLES:
                if self._counted(name) != self._ledger(name):
                    raise self.damaged(f"the table of {name}")

    def rows(self, table: str, *, order: str = "", **equal: Value) -> list[Row]:
        """Return the rows with these values, and check each against its checksum."""
        form = TABLES[table]
        where = " AND ".join(f"{name} = ?" for name in equal)
        query = f"SELECT {', '.join(form.columns)}, sum FROM {table}"
        query += (f" WHERE {where}" if where else "") + (f" ORDER BY {order}" if order else "")
        with guarded(self.path):
            return [self._checked(form, row) for row in self.connection.execute(query, tuple(equal.values()))]

    def row(self, table: str, **equal: Value) -> Row | None:
        """Return the row with this key, or None."""
        return next(iter(self.rows(table, order="", **equal)), None)

    def put(self, table: str, **values: Value) -> None:
        """Write a row within a transaction, replacing any with the same key."""
        form = TABLES[table]
        content = [values[name] for name in form.columns]
        digest = form.digest(content)
        self.drop(table, **{name: values[name] for name in form.key})
        marks = ", ".join("?" * (len(content) + 1))
        self._execute(f"INSERT INTO {table} VALUES ({marks})", (*content, digest))
        self._changed(table, digest, 1)

    def drop(self, table: str, **equal: Value) -> None:
        """Delete the rows with these values within a transaction."""
        where = " AND ".join(f"{name} = ?" for name in equal)
        for (digest,) in self.connection.execute(f"SELECT sum FROM {table} WHERE {where}", tuple(equal.values())).fetchall():
            self._changed(table, digest, -1)
        self._execute(f"DELETE FROM {table} WHERE {where}", tuple(equal.values()))

    def next_number(self, table: str) -> int:
        """Return the next free row number."""
        return int(self.connection.execute(f"SELECT COALESCE(MAX(number) + 1, 0) FROM {table}").fetchone()[0])

    def numbers(self, table: str, *, start: int) -> list[int]:
        """Return the row numbers that are at least `start`."""
        return [int(n) for (n,) in self.connection.execute(f"SELECT number FROM {table} WHERE number >= ?", (start,))]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all changes made within a ``with`` block, or none. A nested transaction is part of the outer one."""
        if not self.write:
            raise RuntimeError("the run is open for reading only")
        if self._changes is not None:
            yield
            return
        self.before_writing()
        self._changes = {}
        try:
            with guarded(self.path, writing=True):
                self.connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self.before_commit()
                    self._write_ledger()
                    self.connection.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        self.connection.execute("ROLLBACK")
                    raise
        finally:
            self._changes = None

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read a consistent snapshot within a ``with`` block, even while another process writes."""
        if self.connection.in_transaction:
            yield
            return
        with guarded(self.path):
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                with contextlib.suppress(sqlite3.Error):
                    self.connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def whole(self, what: str) -> Iterator[None]:
        """Report a ValueError within a ``with`` block as damage: a row can be invalid although its checksum is right."""
        try:
            yield
        except ValueError as error:
            raise self.damaged(f"{what} ({error})") from None

    def damaged(self, what: str) -> RunDamagedError:
        """Return an error that names the damaged part and the remedy."""
        return damaged(self.path, what)

    def _checked(self, form: Table, row: tuple[Any, ...]) -> Row:
        *values, checksum = row
        if form.digest(values) != checksum:
            raise self.damaged(f"a row of {form.name}")
        return dict(zip(form.columns, values, strict=True))

    def _execute(self, query: str, values: tuple[Value, ...]) -> None:
        if self._changes is None:
            raise RuntimeError("rows are written inside a transaction only")
        self.connection.execute(query, values)

    def _changed(self, table: str, digest: str, sign: int) -> None:
        assert self._changes is not None
        count, total = self._changes.get(table, (0, "0"))
        self._changes[table] = (count + sign, added(total, digest, sign))

    def _write_ledger(self) -> None:
        for table, (count, total) in (self._changes or {}).items():
            before, sum_before = self._ledger(table)
            values = (table, before + count, added(sum_before, total, 1))
            self.connection.execute("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?)", (*values, LEDGER.digest(values)))

    def _ledger(self, table: str) -> tuple[int, str]:
        row = self.connection.execute("SELECT name, count, total, sum FROM ledger WHERE name = ?", (table,)).fetchone()
        if row is None:
            raise self.damaged(f"the ledger of {table}")
        entry = self._checked(LEDGER, row)
        return entry["count"], entry["total"]

    def _counted(self, table: str) -> tuple[int, str]:
        count, total = 0, 0
        for (digest,) in self.connection.execute(f"SELECT sum FROM {table}"):
            count, total = count + 1, total + _number(digest)
        return count, added("0", format(total, "x"), 1)


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Open an existing file. A reader may roll back an unfinished transaction of a dead writer, but changes nothing else."""
    writable = write or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
    mode = "rw" if writable else "ro"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=TIMEOUT, isolation_level=None)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if not write:
            connection.execute("PRAGMA query_only = ON")
        _hold_to_schema(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _hold_to_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file with anything other than a run's tables before any query, since views and triggers can run code."""
    end = time.monotonic() + SCHEMA_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        query = "SELECT type, name, substr(sql, 1, 2000) FROM sqlite_master LIMIT 100"
        entries = connection.execute(query).fetchall()
    finally:
        connection.set_progress_handler(None, 0)
    tables = {str(name): " ".join(str(sql).split()) for kind, name, sql in entries if kind == "table"}
    allowed = [("table", name) for name in tables] + [("index", f"sqlite_autoindex_{name}_1") for name in tables]
    odd = [(kind, name) for kind, name, sql in entries if (kind, name) not in allowed or (kind == "index" and sql is not None)]
    if odd:
        raise damaged(
            path, f"its schema (the {odd[0][0]} {str(odd[0][1])[:60]!r} is not a run's; the file was made or changed elsewhere)"
        )
    expected = statements()
    if tables != expected:
        if {"meta", "jobs"} <= tables.keys() and LEDGER.name not in tables:
            raise InputError(f"{path}: was made before the first release, by a version whose files are no longer read")
        wrong = next(name for name in {**tables, **expected} if tables.get(name) != expected.get(name))
        raise damaged(path, f"its schema (the table {wrong[:60]!r} is not a run's)")


def create(path: Path) -> Database:
    """Create an empty file and open it for writing."""
    with guarded(path, writing=True), contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"BEGIN; {script()} COMMIT;")
    return Database(path, write=True)


@contextlib.contextmanager
def guarded(path: Path, *, writing: bool = False) -> Iterator[None]:
    """Translate SQLite's errors within a ``with`` block into errors about the run at this path."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise RunBusyError(f"{path.parent}: another process is writing; try again") from None
        if name == "SQLITE_FULL" or (writing and name.startswith("SQLITE_IOERR")):
            again = "give the same command again" if path.suffix == ".part" else f"`qep collect {typed(path.parent)}` resumes"
            text = "the disk is full or cannot be written; nothing is half written and nothing that was sent is lost"
            raise OSError(errno.ENOSPC, f"{text}. Make room, then {again}", str(path)) from None
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
            raise OSError(errno.EACCES, f"cannot be opened ({error})", str(path)) from None
        raise damaged(path, f"the file ({error})") from None


def damaged(path: Path, what: str) -> RunDamagedError:
    """Return an error that names the damaged part and the remedy."""
    return RunDamagedError(
        f"{path}: {what} is damaged; restore the file from a copy, or save what is whole: "
        f"`qep runs export {typed(path.parent)} --salvage`"
    )


def _file(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _number(digest: object) -> int:
    try:
        return int(str(digest), 16)
    except ValueError:
        return -1
