"""The lock that lets only one process write to a run; its file appears completely or not at all, even on network file systems."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import socket
import uuid
from datetime import UTC, datetime
from pathlib import Path

from qep_qiskit.errors import BusyError


class RunBusyError(BusyError):
    """Another process is writing to the run."""


class WriteLock:
    """The lock of a run's folder, held from `acquire` to `release`. A lock left by a dead process of this machine is taken over.

    The lock file is written under a temporary name and then linked to its final name. The link appears completely or not at all,
    and linking fails if another process holds the lock, even on NFS.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "run.lock"
        self._text = ""

    def acquire(self) -> str | None:
        """Acquire the lock. Return a note if it was taken over from a dead process, else None.

        Raises
        ------
        RunBusyError
            If another process holds the lock.
        OSError
            If the folder cannot be written to, or the disk is full.
        """
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"host": socket.gethostname(), "pid": os.getpid(), "born": _status(os.getpid())[1], "since": since}
        text = json.dumps({**holder, "id": uuid.uuid4().hex})
        for _ in range(3):
            if self._link(self._path, text):
                self._text = text
                return None
            note = self._taken_over(text)
            if note is not None:
                self._text = text
                return note
        raise RunBusyError(f"{self._path}: other processes keep taking the lock; try again")

    def release(self) -> None:
        """Release the lock."""
        if self._text and self._read() == self._text:
            self._path.unlink(missing_ok=True)
        self._text = ""

    def _link(self, path: Path, text: str) -> bool:
        part = self._path.with_name(f"run.lock.{uuid.uuid4().hex[:12]}")
        try:
            part.write_text(text, encoding="utf-8")
            os.link(part, path)
            return True
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK) and part.exists():
                return _create(path, text)
            error.filename = str(self._path.parent)  # which cannot be written to
            raise
        finally:
            with contextlib.suppress(OSError):
                part.unlink()

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    def _taken_over(self, text: str) -> str | None:
        """Replace the lock of a dead process and return a note. Return None if the lock has gone; refuse if its owner is alive.

        If several processes find the same dead lock, the one that creates a claim file, named after its content, may replace it.
        """
        content = self._read()
        if not content and not self._path.exists():
            return None
        try:
            holder = json.loads(content)
            host, pid, since = str(holder["host"]), int(holder["pid"]), str(holder["since"])
        except (ValueError, KeyError, TypeError):
            raise RunBusyError(
                f"{self._path}: another process is taking the lock, or died doing so; try again, and remove the file if it stays"
            ) from None
        if host != socket.gethostname() or _alive(pid, holder.get("born")):
            raise RunBusyError(
                f"{self._path.parent}: process {pid} on {host} has been writing since {since}; wait for it to end, "
                f"or remove {self._path} if you know that it is dead"
            )
        claim = self._path.with_name(f"run.lock.{hashlib.sha256(content.encode()).hexdigest()[:16]}")
        if not self._link(claim, text):
            raise RunBusyError(f"{claim}: another process is taking the lock over; try again, and remove the file if it stays")
        try:
            if self._read() != content:
                return None
            claim.replace(self._path)
        finally:
            claim.unlink(missing_ok=True)
        return f"took over the lock of process {pid}, which ended without giving it back"


def _create(path: Path, text: str) -> bool:
    """Create the lock file on a file system without hard links."""
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
        return True
    except FileExistsError:
        return False
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _alive(pid: int, born: object) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    state, start = _status(pid)
    return state not in ("Z", "X") and (born is None or start is None or born == start)


def _status(pid: int) -> tuple[str, int | None]:
    """Return the state and start time of a process, as Linux reports them; process ids are reused, and state Z means ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return fields[0], int(fields[19])
    except (OSError, ValueError, IndexError):
        return "", None
