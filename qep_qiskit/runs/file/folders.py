"""Folders of runs, by name."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
from datetime import UTC, datetime
from pathlib import Path

from qep_qiskit.errors import InputError
from qep_qiskit.files import make_folder, remove_empty

DATABASE, SPEC = "run.db", "spec.toml"
HOME = Path("hardware_runs")
LAYER = "layer"
"""The kind of the run of a layer."""


_claimed: list[Path] = []


def dated_folder(stem: str) -> Path:
    """Make a new folder under ``hardware_runs/``, named after a spec and the current time, and return its path.

    The folder exists from now on, so that no other process takes its name. :func:`leave_unused` removes it if it stays empty.
    """
    name = f"{stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if not _claimed:
        atexit.register(leave_unused)
    _claimed.extend(make_folder(HOME))
    for folder in map(HOME.joinpath, itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))):
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            break
    _claimed.insert(0, folder)
    return folder


def leave_unused() -> None:
    """Remove the folders that :func:`dated_folder` made and nobody used."""
    remove_empty(_claimed)
    _claimed.clear()


def find_run(name: str | os.PathLike[str]) -> Path:
    """Return the folder of a run, given its path or its name under ``hardware_runs/``."""
    for folder in (Path(name), HOME / name):
        if (folder / DATABASE).is_file():
            return folder
    if Path(name).is_file():
        raise InputError(f"run: {str(name)!r} is a file; give the folder of a run (`qep runs list` lists them)")
    raise InputError(f"run: no run is called {str(name)!r}; give its folder, or its name under {HOME}/ (`qep runs list`)")


def resumed_by(folder: object) -> str:
    """Return how the run of a layer is resumed, as the end of a sentence."""
    return f"the program that made it, started again with run={str(folder)!r}, resumes it"
