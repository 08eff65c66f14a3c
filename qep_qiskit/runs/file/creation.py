"""Creation of a run's folder, completely or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from qep_qiskit.errors import InputError
from qep_qiskit.files import make_folder, remove_empty, typed
from qep_qiskit.foreign.documents import json_value
from qep_qiskit.runs.file.database import Database, create
from qep_qiskit.runs.file.folders import DATABASE, LAYER, SPEC, resumed_by
from qep_qiskit.runs.file.lock import WriteLock
from qep_qiskit.runs.file.tables import SCHEMA


@contextlib.contextmanager
def building(folder: Path, spec_text: str, meta: Mapping[str, str]) -> Iterator[Database]:
    """Build a run's file under a temporary name, holding the folder's lock, and rename it when it is complete.

    Parameters
    ----------
    meta : mapping
        Further facts about the run. Rows of other tables are written within the ``with`` block.

    Raises
    ------
    InputError
        If the folder already has a run, or a spec of another text, which would be lost.
    """
    folder = Path(folder)
    if (folder / DATABASE).exists():
        raise InputError(f"{folder}: there is a run already; {_remedy(folder)}, or give another --run")
    had_spec = (folder / SPEC).exists()
    if had_spec and (folder / SPEC).read_bytes() != spec_text.encode():
        raise InputError(f"{folder}: its {SPEC} would be overwritten by that of the run; give another --run, or move the file")
    missing = make_folder(folder)
    lock, part = WriteLock(folder), folder / (DATABASE + ".part")
    lock.acquire()
    try:
        part.unlink(missing_ok=True)
        with contextlib.closing(create(part)) as data, data.transaction():
            for key, value in {"schema": SCHEMA, "spec": spec_text, **meta}.items():
                data.put("meta", key=key, value=value)
            yield data
        (folder / SPEC).write_text(spec_text, encoding="utf-8")
        os.replace(part, folder / DATABASE)
    except BaseException:
        for rest in (part, *(() if had_spec else (folder / SPEC,))):
            rest.unlink(missing_ok=True)
        lock.release()
        remove_empty(missing)
        raise
    lock.release()


def _remedy(folder: Path) -> str:
    """Return advice on how to continue with an existing run."""
    with (
        contextlib.suppress(ValueError, LookupError, OSError),
        contextlib.closing(Database(folder / DATABASE, write=False)) as data,
    ):
        meta = {row["key"]: row["value"] for row in data.rows("meta")}
        description = json_value(meta["description"])
        training = description.get("kind") == "training"
        if training and description.get("from") == "spec":
            return f"`qep train --resume {typed(folder)}` resumes it"
        if training:
            return f"qep.train with the same arguments and run={str(folder)!r} resumes it"
        if description.get("kind") == LAYER:
            return resumed_by(folder)
        if "imported" in meta:
            return f"`qep runs show {typed(folder)}` shows it"
    return f"`qep collect {typed(folder)}` resumes it"
