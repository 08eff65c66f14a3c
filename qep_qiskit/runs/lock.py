"""One writer a run: a lock file, which network file systems make whole or not at all."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from qep_qiskit.errors import InputError


class RunBusyError(InputError):
    """Another process is writing to the run."""


class WriteLock:
    """Held from `acquire` to `release`; a lock that a dead process of this machine left behind is taken over."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "run.lock"
        self._held = False

    def acquire(self) -> str | None:
        """Take the lock and return a note where one was left behind.

        Raises
        ------
        RunBusyError
            If another process holds it.
        """
        note = None
        for _ in range(3):
            try:
                handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                note = self._stale()
                continue
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"host": socket.gethostname(), "pid": os.getpid(), "since": _now()}, file)
            self._held = True
            return note
        raise RunBusyError(f"{self._path}: other processes keep taking the lock; try again")

    def release(self) -> None:
        """Give the lock back."""
        if self._held:
            self._path.unlink(missing_ok=True)
            self._held = False

    def _stale(self) -> str:
        """Remove the lock of a dead process, or refuse."""
        try:
            holder = json.loads(self._path.read_text(encoding="utf-8"))
            host, pid, since = str(holder["host"]), int(holder["pid"]), str(holder["since"])
        except (OSError, ValueError, KeyError, TypeError):
            raise RunBusyError(
                f"{self._path}: another process is taking the lock, or died at it; try again, and remove the file if it stays"
            ) from None
        if host == socket.gethostname() and not _alive(pid):
            self._path.unlink(missing_ok=True)
            return f"took over the lock of process {pid}, which ended without giving it back"
        raise RunBusyError(
            f"{self._path.parent}: process {pid} on {host} has been writing since {since}; wait for it to end, "
            f"or remove {self._path} if you know that it is dead"
        )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
