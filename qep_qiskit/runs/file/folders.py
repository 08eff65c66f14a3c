"""Where runs live, and how a run's folder is made: whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from qep_qiskit.errors import InputError
from qep_qiskit.foreign.documents import json_value
from qep_qiskit.runs.file.database import Database, create
from qep_qiskit.runs.file.lock import WriteLock

DATABASE, SPEC = "run.db", "spec.toml"
HOME = Path("hardware_runs")


@contextlib.contextmanager
def building(folder: Path) -> Iterator[Database]:
    """Build a run's file beside its place, and put it there when it is whole; under the folder's lock.

    Raises
    ------
    InputError
        If the folder has a run already.
    """
    folder = Path(folder)
    if (folder / DATABASE).exists():
        raise InputError(f"{folder}: there is a run already; {_verb_for(folder)}, or give another --run")
    known = (folder / SPEC).exists()
    made = [above for above in (folder, *folder.parents) if not above.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock, part = WriteLock(folder), folder / (DATABASE + ".part")
    lock.acquire()
    try:
        part.unlink(missing_ok=True)
        with contextlib.closing(create(part)) as data:
            yield data
        os.replace(part, folder / DATABASE)
    except BaseException:
        for left in (part, *(() if known else (folder / SPEC,))):
            left.unlink(missing_ok=True)
        lock.release()
        with contextlib.suppress(OSError):  # another process may have put something there
            for above in made:
                above.rmdir()
        raise
    lock.release()


def _verb_for(folder: Path) -> str:
    """Return what a user does with a run that is there."""
    with (
        contextlib.suppress(ValueError, LookupError, OSError),
        contextlib.closing(Database(folder / DATABASE, write=False)) as data,
    ):
        meta = {row["key"]: row["value"] for row in data.rows("meta")}
        about = json_value(meta["description"])
        if about.get("kind") == "training" and about.get("from") == "spec":
            return f"`qep train --resume {folder}` resumes it"
        if about.get("kind") == "training":
            return f"qep.train with the same arguments and run={str(folder)!r} resumes it"
        if "imported" in meta:
            return f"`qep runs show {folder}` shows it"
    return f"`qep collect {folder}` resumes it"


def find_run(name: str | os.PathLike[str]) -> Path:
    """Return the folder of a run that is named by its path or by its name under hardware_runs/."""
    given = Path(name)
    for folder in (given, HOME / given):
        if (folder / DATABASE).is_file():
            return folder
    raise InputError(f"run: {str(name)!r} is no run; give its folder, or its name under {HOME}/")
