"""A run in one folder: its spec and one SQLite file with everything that was planned, sent and measured.

No write-ahead log: that needs memory which network file systems do not share. Every write is one transaction, every document
and every result has a checksum, and nothing that is read is executed: circuits are QPY, results packed bits
with a declared shape.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from qiskit import qpy
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray

from qep_qiskit.errors import InputError
from qep_qiskit.runs.lock import RunBusyError, WriteLock
from qep_qiskit.runs.records import STATES, Event, JobRecord, Pub
from qep_qiskit.secrets import scrubbed

__all__ = ["Event", "JobRecord", "Pub", "RunBusyError", "RunDamagedError", "RunStore", "find_run"]

SCHEMA = 1
DATABASE, SPEC = "run.db", "spec.toml"
HOME = Path("hardware_runs")
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE documents (kind TEXT, key TEXT, value TEXT NOT NULL, sum TEXT NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE circuits (key TEXT PRIMARY KEY, qpy BLOB NOT NULL, about TEXT NOT NULL, sum TEXT NOT NULL);
CREATE TABLE jobs (tag TEXT PRIMARY KEY, number INTEGER NOT NULL, round INTEGER NOT NULL, content TEXT NOT NULL,
                   sum TEXT NOT NULL, state TEXT NOT NULL, job_id TEXT,
                   created TEXT NOT NULL, updated TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE events (number INTEGER PRIMARY KEY, time TEXT NOT NULL, tag TEXT, state TEXT, text TEXT NOT NULL);
CREATE TABLE results (tag TEXT, pub INTEGER, shape TEXT NOT NULL, bits INTEGER NOT NULL, data BLOB NOT NULL, sum TEXT NOT NULL,
                      PRIMARY KEY (tag, pub));
CREATE TABLE gradients (number INTEGER PRIMARY KEY, time TEXT NOT NULL, value TEXT NOT NULL, sum TEXT NOT NULL);
"""


class RunDamagedError(InputError):
    """A run's file does not hold what was written to it."""


class RunStore:
    """A run that is open for reading, or for writing by this process alone. A context manager.

    Make one with :meth:`create` or :meth:`open`.
    """

    def __init__(self, folder: Path, lock: WriteLock | None) -> None:
        self.folder, self._lock = folder, lock
        mode = "rw" if lock is not None else "ro"
        with self._guarded():
            self._db = sqlite3.connect(f"file:{folder / DATABASE}?mode={mode}", uri=True, timeout=30.0, isolation_level=None)
            version = int(self._meta("schema"))
            if version > SCHEMA:
                raise InputError(f"{folder}: made by a newer version (schema {version}, known {SCHEMA}); upgrade qep-qiskit")
            self.description: dict[str, Any] = json.loads(self._meta("description"))

    @classmethod
    def create(cls, folder: Path, spec_text: str, *, description: Mapping[str, Any]) -> RunStore:
        """Make a run, whole or not at all, and open it for writing.

        Raises
        ------
        InputError
            If the folder has a run already.
        """
        folder = Path(folder)
        if (folder / DATABASE).exists():
            raise InputError(f"{folder}: there is a run already; `qep collect {folder}` goes on with it, or give another --run")
        folder.mkdir(parents=True, exist_ok=True)
        lock = WriteLock(folder)
        lock.acquire()
        part = folder / (DATABASE + ".part")
        try:
            part.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as db:
                db.executescript(f"BEGIN; {TABLES} COMMIT;")
                rows = [("schema", str(SCHEMA)), ("description", _text(description)), ("spec", spec_text), ("created", _now())]
                db.executemany("INSERT INTO meta VALUES (?, ?)", rows)
            (folder / SPEC).write_text(spec_text, encoding="utf-8")
            os.replace(part, folder / DATABASE)
            return cls(folder, lock)
        except BaseException:
            part.unlink(missing_ok=True)
            lock.release()
            raise

    @classmethod
    def open(cls, folder: Path, *, write: bool = False) -> RunStore:
        """Open a run.

        Raises
        ------
        InputError
            If there is none.
        RunBusyError
            If another process writes to it and `write` is asked for.
        """
        folder = Path(folder)
        if not (folder / DATABASE).is_file():
            raise InputError(f"{folder}: there is no run here; give the folder of one")
        if not write:
            return cls(folder, None)
        lock = WriteLock(folder)
        note = lock.acquire()
        try:
            store = cls(folder, lock)
        except BaseException:
            lock.release()
            raise
        if note:
            store.note(note)
        return store

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and give the lock back."""
        self._db.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def spec_text(self) -> str:
        """The spec that the run was made from."""
        with self._guarded():
            return self._meta("spec")

    def put(self, kind: str, key: str, value: Any) -> None:
        """Keep a document, in the place of one with this kind and key."""
        text = _text(value)
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", (kind, key, text, _sum(text)))

    def get(self, kind: str, key: str, default: Any = None) -> Any:
        """Return a document."""
        with self._guarded():
            row = self._db.execute("SELECT value, sum FROM documents WHERE kind = ? AND key = ?", (kind, key)).fetchone()
            return default if row is None else self._checked(row[0], row[1], f"{kind} {key}")

    def all(self, kind: str) -> dict[str, Any]:
        """Return all documents of a kind by key."""
        with self._guarded():
            rows = self._db.execute("SELECT key, value, sum FROM documents WHERE kind = ? ORDER BY key", (kind,)).fetchall()
            return {key: self._checked(value, total, f"{kind} {key}") for key, value, total in rows}

    def add_circuit(self, key: str, circuit: QuantumCircuit, about: Mapping[str, Any]) -> None:
        """Keep a circuit as QPY."""
        buffer = io.BytesIO()
        qpy.dump(circuit, buffer)
        data, text = buffer.getvalue(), _text(about)
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO circuits VALUES (?, ?, ?, ?)", (key, data, text, _sum(data + text.encode())))

    def circuit(self, key: str) -> QuantumCircuit:
        """Return a circuit."""
        with self._guarded():
            row = self._db.execute("SELECT qpy, about, sum FROM circuits WHERE key = ?", (key,)).fetchone()
            if row is None or _sum(row[0] + row[1].encode()) != row[2]:
                raise self._damaged(f"circuit {key}")
            loaded: QuantumCircuit = qpy.load(io.BytesIO(row[0]))[0]
            return loaded

    def circuits(self) -> dict[str, dict[str, Any]]:
        """Return what is told about each circuit."""
        with self._guarded():
            return {key: json.loads(about) for key, about in self._db.execute("SELECT key, about FROM circuits ORDER BY key")}

    def intend(self, *jobs: JobRecord) -> None:
        """Write down jobs that are about to be sent, all or none of them."""
        with self._transaction():
            count = self._db.execute("SELECT COUNT(*) FROM jobs").fetchone()[0]
            for number, job in enumerate(jobs, count):
                text = _text(job.content())
                row = (job.tag, number, job.round, text, _sum(text), "intended", None, _now(), _now(), _text(job.detail))
                self._db.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
                self._happened(job.tag, "intended", f"{job.purpose} of round {job.round + 1}")

    def move(self, tag: str, state: str, *, job_id: str | None = None, text: str = "", **detail: Any) -> None:
        """Change the state of a job, and write the event."""
        if state not in STATES:
            raise ValueError(f"unknown state {state!r}")
        known = self.job(tag)
        with self._transaction():
            self._db.execute(
                "UPDATE jobs SET state = ?, job_id = ?, updated = ?, detail = ? WHERE tag = ?",
                (state, job_id or known.job_id, _now(), _text({**known.detail, **detail}), tag),
            )
            self._happened(tag, state, text)

    def replace(self, tag: str, new_tag: str, **detail: Any) -> None:
        """Put a job that ended badly aside, and intend the same again under a new tag."""
        old = self.job(tag)
        text = _text(old.content())
        with self._transaction():
            self._db.execute("UPDATE jobs SET state = 'replaced', updated = ? WHERE tag = ?", (_now(), tag))
            self._happened(tag, "replaced", f"sent again as {new_tag}")
            number = self._db.execute("SELECT COUNT(*) FROM jobs").fetchone()[0]
            row = (new_tag, number, old.round, text, _sum(text), "intended", None, _now(), _now(), _text(detail))
            self._db.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            self._happened(new_tag, "intended", f"in the place of {tag}")

    def jobs(self, number: int | None = None) -> list[JobRecord]:
        """Return the jobs of a round or of all, those that were replaced left out."""
        with self._guarded():
            rows = self._db.execute(
                "SELECT tag, round, content, sum, state, job_id, created, updated, detail FROM jobs WHERE state != 'replaced' "
                "ORDER BY number"
            ).fetchall()
            found = [self._job(row) for row in rows]
        return [job for job in found if number is None or job.round == number]

    def job(self, tag: str) -> JobRecord:
        """Return one job."""
        with self._guarded():
            row = self._db.execute(
                "SELECT tag, round, content, sum, state, job_id, created, updated, detail FROM jobs WHERE tag = ?", (tag,)
            ).fetchone()
            if row is None:
                raise KeyError(tag)
            return self._job(row)

    def _job(self, row: Sequence[Any]) -> JobRecord:
        content = self._checked(row[2], row[3], f"job {row[0]}")
        pubs = tuple(Pub(**{**pub, "names": tuple(pub["names"])}) for pub in content.pop("pubs"))
        return JobRecord(
            tag=row[0],
            pubs=pubs,
            state=row[4],
            job_id=row[5],
            created=row[6],
            updated=row[7],
            detail=json.loads(row[8]),
            **content,
        )

    def note(self, text: str, tag: str | None = None) -> None:
        """Write an event that changes no state."""
        with self._transaction():
            self._happened(tag, None, text)

    def events(self) -> list[Event]:
        """Return everything that happened, in order."""
        with self._guarded():
            return [Event(*row) for row in self._db.execute("SELECT time, tag, state, text FROM events ORDER BY number")]

    def keep_result(self, tag: str, arrays: Sequence[BitArray]) -> None:
        """Keep the shots of every pub of a job. The same again does nothing; others are refused."""
        rows = []
        for number, bits in enumerate(arrays):
            data, shape = np.ascontiguousarray(bits.array).tobytes(), json.dumps(list(bits.array.shape))
            rows.append(
                (tag, number, shape, bits.num_bits, data, _sum(data + f"{tag} {number} {shape} {bits.num_bits}".encode()))
            )
        known = self.result(tag)
        if known is not None:
            if [r[5] for r in rows] != [
                r[0] for r in self._db.execute("SELECT sum FROM results WHERE tag = ? ORDER BY pub", (tag,))
            ]:
                raise InputError(f"{self.folder}: job {tag} has other results already; they are kept")
            return
        with self._transaction():
            self._db.executemany("INSERT INTO results VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._db.execute("UPDATE jobs SET state = 'done', updated = ? WHERE tag = ?", (_now(), tag))
            self._happened(tag, "done", f"{len(rows)} results kept")

    def result(self, tag: str) -> list[BitArray] | None:
        """Return the shots of every pub of a job, None where they are not there yet.

        Raises
        ------
        RunDamagedError
            If they are not what was written.
        """
        with self._guarded():
            rows = self._db.execute(
                "SELECT pub, shape, bits, data, sum FROM results WHERE tag = ? ORDER BY pub", (tag,)
            ).fetchall()
            if not rows:
                return None
            found = []
            for place, (number, shape, bits, data, total) in enumerate(rows):
                if number != place or _sum(data + f"{tag} {number} {shape} {bits}".encode()) != total:
                    raise self._damaged(f"result {number} of {tag}")
                found.append(BitArray(np.frombuffer(data, dtype=np.uint8).reshape(json.loads(shape)).copy(), bits))
            if len(found) != len(self.job(tag).pubs):
                raise self._damaged(f"results of {tag}")
            return found

    def add_gradient(self, value: Mapping[str, Any]) -> None:
        """Keep a gradient."""
        text = _text(value)
        with self._transaction():
            self._db.execute("INSERT INTO gradients (time, value, sum) VALUES (?, ?, ?)", (_now(), text, _sum(text)))
            self._happened(None, None, f"gradient kept, mitigation {value.get('mitigation', 'none')}")

    def gradients(self) -> list[dict[str, Any]]:
        """Return the gradients, the oldest first."""
        with self._guarded():
            rows = self._db.execute("SELECT value, sum FROM gradients ORDER BY number").fetchall()
            return [self._checked(value, total, "a gradient") for value, total in rows]

    def _happened(self, tag: str | None, state: str | None, text: str) -> None:
        self._db.execute("INSERT INTO events (time, tag, state, text) VALUES (?, ?, ?, ?)", (_now(), tag, state, scrubbed(text)))

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise self._damaged(f"its {key}")
        return str(row[0])

    def _checked(self, text: str, total: str, what: str) -> Any:
        if not isinstance(text, str) or _sum(text) != total:
            raise self._damaged(what)
        return json.loads(text)

    def _damaged(self, what: str) -> RunDamagedError:
        return RunDamagedError(
            f"{self.folder / DATABASE}: {what} is damaged; restore the file from a copy. What is readable still: "
            f"sqlite3 {self.folder / DATABASE} .recover"
        )

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, UnicodeDecodeError, json.JSONDecodeError) as error:
            if isinstance(error, sqlite3.OperationalError) and "disk" in str(error):
                raise OSError(28, f"{error}; nothing was half written", str(self.folder / DATABASE)) from None
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise RunBusyError(f"{self.folder}: another process is writing; try again") from None
            raise self._damaged(f"the file ({error})") from None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._lock is None:
            raise RuntimeError("the run is open for reading only")
        with self._guarded():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise


def find_run(name: str | os.PathLike[str]) -> Path:
    """Return the folder of a run that is named by its path or by its name under hardware_runs/."""
    given = Path(name)
    for folder in (given, HOME / given):
        if (folder / DATABASE).is_file():
            return folder
    raise InputError(f"run: {str(name)!r} is no run; give its folder, or its name under {HOME}/")


def _text(value: Any) -> str:
    return scrubbed(json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True))


def _sum(data: str | bytes) -> str:
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
