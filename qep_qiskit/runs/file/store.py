"""A run in one folder: its spec and one SQLite file with everything that was planned, sent and measured.

Every write is one transaction, every row has a checksum, and every table has a ledger. No stored data is executed: circuits are
QPY, results are packed bits with a declared shape, and checkpoints are NPZ without pickles.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from qiskit import qpy
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray

from qep_qiskit.display import counted
from qep_qiskit.errors import InputError
from qep_qiskit.foreign.circuits import WRITTEN, NewerQiskitError, read_circuit
from qep_qiskit.runs.file.creation import building
from qep_qiskit.runs.file.database import Database, RunGoneError
from qep_qiskit.runs.file.folders import DATABASE
from qep_qiskit.runs.file.lock import WriteLock
from qep_qiskit.runs.file.records import BILL, STATES, Event, JobRecord, Pub
from qep_qiskit.runs.file.standing import Standing, place_of, stamp
from qep_qiskit.runs.file.tables import TABLES, Row
from qep_qiskit.runs.file.training_rows import TrainingRows, now, text_of
from qep_qiskit.secrets import scrubbed

UNFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Errors that readers raise for an imported document with a valid checksum but unusable content."""


class RunStore(TrainingRows):
    """A run that is open for reading, or for writing by this process alone; also a context manager.

    Create one with :meth:`create` or :meth:`open`.

    Attributes
    ----------
    standing : Standing
        Whether the file is the original run, unchanged since it was last closed.
    """

    def __init__(self, folder: Path, lock: WriteLock | None) -> None:
        self.folder, self._lock = folder, lock
        self._data = Database(folder / DATABASE, write=lock is not None)
        try:
            self._data.check()
            self.description: dict[str, Any] = self._json(self._meta("description"), "its description")
            self.standing = Standing(folder)
            if lock is not None:
                self.standing.determine(self._data, self.description.get("id"))
                self._data.before_writing = self.check_present
        except BaseException:
            self._data.close()
            raise

    @classmethod
    def create(cls, folder: Path, spec_text: str, *, description: Mapping[str, Any]) -> RunStore:
        """Create a run, completely or not at all, and open it for writing.

        Raises
        ------
        InputError
            If the folder already has a run.
        """
        folder = Path(folder)
        meta = {"description": text_of(description), "created": now(), "home": place_of(folder), "left": stamp()}
        with building(folder, spec_text, meta):
            pass
        return cls.open(folder, write=True)

    @classmethod
    def open(cls, folder: Path, *, write: bool = False) -> RunStore:
        """Open a run.

        Raises
        ------
        InputError
            If the folder has no run.
        RunBusyError
            If `write` is True and another process writes to the run.
        RunDamagedError
            If the contents of the file were lost or changed.
        """
        folder = Path(folder)
        if not (folder / DATABASE).is_file():
            raise InputError(f"{folder}: this folder has no run; give the folder of one")
        if not write:
            return cls(folder, None)
        lock = WriteLock(folder)
        note = lock.acquire()
        try:
            store = cls(folder, lock)
            if note:
                store.standing.uncertain = True
                store.note(note)
            if store.standing.restored:
                store.note("the file was restored from a copy; its jobs are looked up before any is sent")
        except BaseException:
            lock.release()
            raise
        return store

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        odd = isinstance(error, UNFIT) and not isinstance(error, InputError) and self.imported is not None
        self.close()
        if odd:
            raise self._data.damaged(f"what was imported ({type(error).__name__}: {str(error)[:100]})") from None

    def close(self) -> None:
        """Close the file and release the lock."""
        self._data.close()
        if self._lock is not None:
            self._lock.release()

    def check_present(self) -> None:
        """Check that the open file is still the one in the run's folder.

        Raises
        ------
        RunGoneError
            If the folder was deleted or moved, or another file was put in its place.
        """
        if self._data.present:
            return
        sent: list[str] = []
        with contextlib.suppress(Exception):  # a deleted file can still be read while it is open
            sent = [f"{job.job_id} ({job.state})" for job in self.jobs() if job.job_id and self.result(job.tag) is None]
        raise RunGoneError(self.folder, f"; jobs that it has at the service: {', '.join(sent)}" if sent else "")

    @property
    def a_copy(self) -> str | None:
        """The reason why nothing is sent or cancelled from this copy, in one line; None for the original run."""
        if self.imported is not None:
            return f"{self.folder}: is a copy, from which nothing is sent or cancelled; `qep collect` the original"
        return self.standing.a_copy

    def snapshot(self) -> contextlib.AbstractContextManager[None]:
        """Read a consistent snapshot within a ``with`` block, even while another process writes."""
        return self._data.snapshot()

    @property
    def spec_text(self) -> str:
        """The text of the run's spec."""
        return self._meta("spec")

    @property
    def created(self) -> str:
        """Time at which the run was created, in UTC."""
        return self._meta("created")

    @property
    def imported(self) -> dict[str, Any] | None:
        """The origin of an imported copy; None for a run that was created here."""
        row = self._data.row("meta", key="imported")
        return None if row is None else self._json(row["value"], "where it came from")

    @property
    def billed(self) -> float | None:
        """The QPU seconds billed for all jobs that have ended; None while the service has not reported all of them."""
        seconds = list(self.all(BILL).values())
        return sum(seconds) if seconds and None not in seconds else None

    def rows(self, table: str) -> list[Row]:
        """Return a table's rows, ordered by its key, for exports."""
        return self._data.rows(table, order="number" if table == "jobs" else ", ".join(TABLES[table].key))

    def put(self, kind: str, key: str, value: Any) -> None:
        """Store a document, replacing any of the same kind and key."""
        with self._data.transaction():
            self._data.put("documents", kind=kind, key=key, value=text_of(value))

    def get(self, kind: str, key: str, default: Any = None) -> Any:
        """Return a document, or the default if there is none."""
        row = self._data.row("documents", kind=kind, key=key)
        return default if row is None else self._json(row["value"], f"{kind} {key}")

    def all(self, kind: str) -> dict[str, Any]:
        """Return all documents of a kind by key."""
        rows = self._data.rows("documents", order="key", kind=kind)
        return {str(row["key"]): self._json(row["value"], f"{kind} {row['key']}") for row in rows}

    def forget(self, kind: str) -> None:
        """Drop all documents of a kind."""
        with self._data.transaction():
            self._data.drop("documents", kind=kind)

    def add_circuit(self, key: str, circuit: QuantumCircuit, about: Mapping[str, Any]) -> None:
        """Store a circuit as QPY."""
        buffer = io.BytesIO()
        qpy.dump(circuit, buffer, version=WRITTEN)
        with self._data.transaction():
            self._data.put("circuits", key=key, qpy=buffer.getvalue(), about=text_of(about))

    def circuit(self, key: str) -> QuantumCircuit:
        """Return a stored circuit."""
        row = self._data.row("circuits", key=key)
        if row is None:
            raise self._data.damaged(f"circuit {key}")
        try:
            return read_circuit(row["qpy"])
        except NewerQiskitError as error:
            raise InputError(f"{self._data.path}: circuit {key} {error}") from None
        except ValueError as error:
            raise self._data.damaged(f"circuit {key} ({error})") from None

    def circuits(self) -> dict[str, dict[str, Any]]:
        """Return the description of each stored circuit by its key."""
        rows = self._data.rows("circuits", order="key")
        return {str(row["key"]): self._json(row["about"], f"circuit {row['key']}") for row in rows}

    def intend(self, *jobs: JobRecord) -> None:
        """Record jobs that are about to be sent: all or none of them."""
        with self._data.transaction():
            for job in jobs:
                self._add(job, job.title)

    def move(self, tag: str, state: str, *, job_id: str | None = None, text: str = "", **detail: Any) -> None:
        """Change the state of a job, and record the event."""
        if state not in STATES:
            raise ValueError(f"unknown state {state!r}")
        with self._data.transaction():
            row = self._row(tag)
            details = {**self._json(row["detail"], f"job {tag}"), **detail}
            changes = {"state": state, "job_id": job_id or row["job_id"], "updated": now(), "detail": text_of(details)}
            self._data.put("jobs", **{**row, **changes})
            self._happened(tag, state, text)

    def replace(self, tag: str, new_tag: str, **detail: Any) -> None:
        """Mark a job that ended badly as replaced, and record the same job under a new tag."""
        with self._data.transaction():
            job = self.job(tag)
            self.move(tag, "replaced", text=f"sent again as {new_tag}", ended=job.state)
            self._add(dataclasses.replace(job, tag=new_tag, detail=detail), f"in the place of {tag}")

    def _add(self, job: JobRecord, text: str) -> None:
        number = self._data.next_number("jobs")
        self._data.put(
            "jobs",
            tag=job.tag,
            number=number,
            round=job.round,
            content=text_of(job.content()),
            state="intended",
            job_id=None,
            created=now(),
            updated=now(),
            detail=text_of(job.detail),
        )
        self._happened(job.tag, "intended", text)

    def jobs(self, number: int | None = None, *, replaced: bool = False) -> list[JobRecord]:
        """Return the jobs of one round or of all; replaced ones only on request."""
        of_round = {} if number is None else {"round": number}
        jobs = [self._job(row) for row in self._data.rows("jobs", order="number", **of_round)]
        return [job for job in jobs if replaced or job.state != "replaced"]

    def job(self, tag: str) -> JobRecord:
        """Return the job with this tag."""
        return self._job(self._row(tag))

    def _row(self, tag: str) -> Row:
        row = self._data.row("jobs", tag=tag)
        if row is None:
            raise KeyError(tag)
        return row

    def _job(self, row: Mapping[str, Any]) -> JobRecord:
        content = self._json(row["content"], f"job {row['tag']}")
        pubs = tuple(Pub(**{**pub, "names": tuple(pub["names"])}) for pub in content.pop("pubs"))
        columns = {name: row[name] for name in ("tag", "state", "job_id", "created", "updated")}
        return JobRecord(pubs=pubs, detail=self._json(row["detail"], f"job {row['tag']}"), **columns, **content)

    def note(self, text: str, tag: str | None = None) -> None:
        """Record an event that does not change a job's state."""
        with self._data.transaction():
            self._happened(tag, None, text)

    def events(self) -> list[Event]:
        """Return all events in order."""
        rows = self._data.rows("events", order="number")
        return [Event(row["time"], row["tag"], row["state"], row["text"]) for row in rows]

    def reserve(self, size: int) -> None:
        """Reserve `size` bytes on disk, so that a result that can be read only once is not lost for lack of space.

        Freed pages stay in the file, and reusing them needs no copy in the journal.
        """
        for data in (bytes(size), None):
            with self._data.transaction():
                self._data.drop("checkpoints", name="reserved")
                if data is not None:
                    self._data.put("checkpoints", name="reserved", time=now(), about="{}", data=data)

    def keep_result(self, tag: str, arrays: Sequence[BitArray]) -> None:
        """Store the shots of every pub of a job. Storing the same shots again does nothing; different ones are refused."""
        new: list[Row] = [
            {
                "tag": tag,
                "pub": n,
                "shape": json.dumps(bits.array.shape),
                "bits": int(bits.num_bits),
                "data": bits.array.tobytes(),
            }
            for n, bits in enumerate(arrays)
        ]
        stored = self._data.rows("results", order="pub", tag=tag)
        if stored:
            if stored != new:
                raise InputError(f"{self.folder}: job {tag} has other results already; they are kept")
            return
        with self._data.transaction():
            for row in new:
                self._data.put("results", **row)
            self.move(tag, "done", text=f"{counted(len(new), 'result')} kept")

    def result(self, tag: str) -> list[BitArray] | None:
        """Return the shots of every pub of a job, or None if they are not stored yet.

        Raises
        ------
        RunDamagedError
            If the stored shots were lost or changed.
        """
        rows = self._data.rows("results", order="pub", tag=tag)
        if not rows:
            return None
        if [row["pub"] for row in rows] != list(range(len(self.job(tag).pubs))):
            raise self._data.damaged(f"results of {tag}")
        arrays = [np.frombuffer(row["data"], dtype=np.uint8).reshape(json.loads(row["shape"])).copy() for row in rows]
        return [BitArray(array, row["bits"]) for array, row in zip(arrays, rows, strict=True)]

    def add_gradient(self, value: Mapping[str, Any]) -> None:
        """Store a gradient."""
        with self._data.transaction():
            number = self._data.next_number("gradients")
            self._data.put("gradients", number=number, time=now(), value=text_of(value))
            self._happened(None, None, f"gradient kept, mitigation {value.get('mitigation', 'none')}")

    def gradients(self) -> list[dict[str, Any]]:
        """Return the stored gradients, oldest first."""
        return [self._json(row["value"], "a gradient") for row in self._data.rows("gradients", order="number")]

    def _happened(self, tag: str | None, state: str | None, text: str) -> None:
        number = self._data.next_number("events")
        self._data.put("events", number=number, time=now(), tag=tag, state=state, text=scrubbed(text))

    def _meta(self, key: str) -> str:
        row = self._data.row("meta", key=key)
        if row is None:
            raise self._data.damaged(f"its {key}")
        return str(row["value"])
