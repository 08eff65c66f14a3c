"""Whether a run's file is the run itself, as it was left: not a copy beside the original, not restored from a backup."""

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
"""A file that changed so much later than its last writer left it was put there by somebody else."""


@dataclass
class Standing:
    """What a process that writes to a run knows of its file.

    Attributes
    ----------
    folder : Path
    opened : float
        When, on the monotonic clock: no other process has sent a job of the run since.
    restored : bool
        The file is not as its last writer left it: it was restored from a copy.
    unsettled : bool
        It was restored, or its last writer died: jobs may be under way of which it knows nothing.
    original : Path or None
        The run of which this is a copy, if it is still there.
    digests : dict of str
        Of what the jobs hold, by tag, as far as they were worked out.
    """

    folder: Path
    opened: float = field(default_factory=time.monotonic)
    restored: bool = False
    unsettled: bool = False
    original: Path | None = None
    digests: dict[str, str] = field(default_factory=dict)

    def settle(self, data: Database, identity: Any) -> None:
        """Find out whether the file was restored or copied, write down where it lives, and stamp it at every write."""
        rows = {key: data.row("meta", key=key) for key in ("home", "left")}
        home, left = (None if row is None else str(row["value"]) for row in rows.values())
        self.restored = self.unsettled = put_back(self.folder / DATABASE, left)
        if home is not None:
            self.original = original_of(self.folder, home, identity)
        data.before_commit = lambda: data.put("meta", key="left", value=stamp())
        here = place_of(self.folder)
        if self.original is None and home != here:
            with data.transaction():
                data.put("meta", key="home", value=here)

    def trust(self) -> None:
        """Take the file for what it is from now on: the user has decided about jobs of which it may know nothing."""
        self.restored = self.unsettled = False

    @property
    def a_copy(self) -> str | None:
        """Why nothing is sent or cancelled from here, in one line; None for the run itself."""
        if self.original is None:
            return None
        return (
            f"{self.folder}: is a copy of {self.original}, which is still there, so nothing is sent or cancelled from it; "
            f"go on in {self.original}, or remove {self.original / DATABASE} to go on here"
        )


def place_of(folder: Path) -> str:
    """Return where a run lives, as its file keeps it."""
    return json.dumps({"folder": str(folder.resolve()), "host": socket.gethostname()})


def original_of(folder: Path, place: str, identity: Any) -> Path | None:
    """Return the folder that a run was copied from, if the run is still there too; None for a run that was not copied, or moved.

    Parameters
    ----------
    folder : Path
        Where the run is.
    place : str
        Where it was when it was last written to.
    identity : str
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
        found = connection.execute("SELECT value FROM meta WHERE key = 'description'").fetchone()
        return None if found is None else json.loads(str(found[0])).get("id")
    except (sqlite3.Error, ValueError, AttributeError):
        return None
    finally:
        connection.close()


def stamp() -> str:
    """Return the time of a write, as the file keeps it."""
    return str(time.time_ns())


def put_back(path: Path, left: str | None) -> bool:
    """Return whether a file is not as its last writer left it: it was restored from a copy.

    Files without a stamp are of an older program; nothing can be told of them.
    """
    if left is None or not left.isdecimal():
        return False
    return path.stat().st_ctime - int(left) / 1e9 > STAMP_SECONDS
