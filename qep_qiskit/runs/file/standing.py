"""The standing of a run's file: the original run, a copy of a run that still exists, or a file restored from a backup."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qep_qiskit.runs.file.database import Database
from qep_qiskit.runs.file.folders import DATABASE

STAMP_SECONDS = 5.0
"""A file that changed more than these seconds after its last writer's time stamp was replaced by someone else."""


@dataclass
class Standing:
    """A writing process's knowledge about its run's file.

    Attributes
    ----------
    opened : float
        Time of opening on the monotonic clock; no other process has sent a job of the run since.
    restored : bool
        Whether the file was restored from a copy, and so differs from the one that its last writer left.
    uncertain : bool
        Whether the file was restored or its last writer died, so that unrecorded jobs may be under way.
    original : Path or None
        The folder of the original run, if this is a copy and the original still exists.
    digests : dict of str
        The digests of the jobs' contents computed so far, by tag.
    """

    folder: Path
    opened: float = field(default_factory=time.monotonic)
    restored: bool = False
    uncertain: bool = False
    original: Path | None = None
    digests: dict[str, str] = field(default_factory=dict)

    def determine(self, data: Database, identity: Any) -> None:
        """Determine whether the file was restored or copied; record its place, and stamp it with the time at every write."""
        rows = {key: data.row("meta", key=key) for key in ("home", "left")}
        home, left = (None if row is None else str(row["value"]) for row in rows.values())
        if left is not None and left.isdecimal():
            changed = (self.folder / DATABASE).stat().st_ctime - int(left) / 1e9
            self.restored = self.uncertain = changed > STAMP_SECONDS
        if home is not None:
            self.original = original_of(self.folder, home, identity)
        data.before_commit = lambda: data.put("meta", key="left", value=stamp())
        here = place_of(self.folder)
        if self.original is None and home != here:
            with data.transaction():
                data.put("meta", key="home", value=here)

    @property
    def a_copy(self) -> str | None:
        """The reason why nothing is sent or cancelled from this copy, in one line; None for the original run."""
        if self.original is None:
            return None
        return (
            f"{self.folder}: is a copy of {self.original}, which is still there, so nothing is sent or cancelled from it; "
            f"continue in {self.original}, or remove {self.original / DATABASE} to continue here"
        )


def place_of(folder: Path) -> str:
    """Return the place of a run, host and folder, as its file records it."""
    return json.dumps({"folder": str(folder.resolve()), "host": socket.gethostname()})


def original_of(folder: Path, place: str, identity: Any) -> Path | None:
    """Return the folder that a run was copied from, if the run there still exists; None if the run was moved or never copied.

    Parameters
    ----------
    place : str
        The place of the run when it was last written to.
    """
    try:
        home = Path(json.loads(place)["folder"])
    except (ValueError, KeyError, TypeError):
        return None
    if home == folder.resolve():
        return None
    try:
        if os.path.samefile(home / DATABASE, folder / DATABASE):
            return None
    except OSError:
        return None
    return home if _identity_in(home / DATABASE) == identity else None


def _identity_in(path: Path) -> Any:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
    except (sqlite3.Error, OSError):
        return None
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'description'").fetchone()
        return None if row is None else json.loads(str(row[0])).get("id")
    except (sqlite3.Error, ValueError, AttributeError):
        return None
    finally:
        connection.close()


def stamp() -> str:
    """Return the present time as the stamp of a write."""
    return str(time.time_ns())
