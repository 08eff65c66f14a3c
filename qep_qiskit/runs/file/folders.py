"""Folders of runs, by name."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime
from pathlib import Path

from qep_qiskit.errors import InputError

DATABASE, SPEC = "run.db", "spec.toml"
HOME = Path("hardware_runs")
LAYER = "layer"
"""The kind of the run of a layer."""


def dated_folder(stem: str) -> Path:
    """Return the path of a folder under ``hardware_runs/`` that does not exist, named after a spec and the current time."""
    name = f"{stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(folder for folder in map(HOME.joinpath, names) if not folder.exists())


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
