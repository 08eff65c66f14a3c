"""Files of older versions, brought up to date: in place by a writer, in memory by a reader.

A file is never altered step by step. Its rows are read, held against the checksums of its own version, and written into a
new file that takes the old one's place when it is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from qep_qiskit.errors import InputError
from qep_qiskit.runs.file.database import Database, create
from qep_qiskit.runs.file.tables import SCHEMA, script


def version_of(database: Database) -> int:
    """Return the schema of a file.

    Raises
    ------
    InputError
        If it is newer than this program.
    """
    with database.guarded():
        found = database.connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    if found is None or not str(found[0]).isdecimal():
        raise database.damaged("its schema")
    version = int(found[0])
    if version > SCHEMA:
        raise InputError(
            f"{database.path}: made by a newer version (schema {version}, known up to {SCHEMA}); upgrade qep-qiskit to open it"
        )
    return version


def updated(old: Database) -> Database:
    """Return a database of today's schema with the rows of an older one, which is closed. A writer's takes its place."""
    version = version_of(old)
    read = _READERS.get(version)
    if read is None:
        raise old.damaged(f"its schema ({version})")
    part = old.path.with_name(old.path.name + ".part")
    new = _empty(old, part)
    try:
        with new.transaction(), old.snapshot():
            read(old, new)
            new.put("meta", key="schema", value=str(SCHEMA))
    except BaseException:
        new.close()
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    old.close()
    if not old.write:
        return Database(old.path, write=False, connection=new.connection)
    new.close()
    os.replace(part, old.path)
    return Database(old.path, write=True)


def _empty(old: Database, part: Path) -> Database:
    if old.write:
        part.unlink(missing_ok=True)
        with old.guarded(writing=True):
            return create(part)
    memory = sqlite3.connect(":memory:", isolation_level=None)
    memory.executescript(script())
    return Database(old.path, write=True, connection=memory)


def _from_1(old: Database, new: Database) -> None:
    """Read schema 1: no ledger, no steps, no checksums of meta, events and states of jobs."""

    def rows(query: str) -> list[tuple[object, ...]]:
        return old.connection.execute(query).fetchall()

    def whole(data: str | bytes, total: object, what: str) -> None:
        if hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest() != total:
            raise old.damaged(what)

    verdict = rows("PRAGMA integrity_check(1)")[0][0]
    if verdict != "ok":
        raise old.damaged(f"the file ({verdict})")
    for key, value in rows("SELECT key, value FROM meta"):
        new.put("meta", key=str(key), value=str(value))
    for kind, key, value, total in rows("SELECT kind, key, value, sum FROM documents"):
        whole(str(value), total, f"{kind} {key}")
        new.put("documents", kind=str(kind), key=str(key), value=str(value))
    for key, data, about, total in rows("SELECT key, qpy, about, sum FROM circuits"):
        assert isinstance(data, bytes)
        whole(data + str(about).encode(), total, f"circuit {key}")
        new.put("circuits", key=str(key), qpy=data, about=str(about))
    names = ("tag", "number", "round", "content", "state", "job_id", "created", "updated", "detail")
    for *values, total in rows(f"SELECT {', '.join(names)}, sum FROM jobs"):
        whole(str(values[3]), total, f"job {values[0]}")
        if json.loads(str(values[3]))["round"] != values[2]:
            raise old.damaged(f"job {values[0]}")
        new.put("jobs", **dict(zip(names, values, strict=True)))  # type: ignore[arg-type]
    for *values, data, total in rows("SELECT tag, pub, shape, bits, data, sum FROM results"):
        assert isinstance(data, bytes)
        whole(data + " ".join(str(value) for value in values).encode(), total, f"result {values[1]} of {values[0]}")
        tag, pub, shape, bits = values
        assert isinstance(pub, int) and isinstance(bits, int)
        new.put("results", tag=str(tag), pub=pub, shape=str(shape), bits=bits, data=data)
    for number, (time, tag, state, text) in enumerate(rows("SELECT time, tag, state, text FROM events ORDER BY number")):
        new.put("events", number=number, time=str(time), tag=_text(tag), state=_text(state), text=str(text))
    for number, (time, value, total) in enumerate(rows("SELECT time, value, sum FROM gradients ORDER BY number")):
        whole(str(value), total, "a gradient")
        new.put("gradients", number=number, time=str(time), value=str(value))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


_READERS: dict[int, Callable[[Database, Database], None]] = {1: _from_1}
