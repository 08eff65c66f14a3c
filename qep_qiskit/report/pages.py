"""The page about a run, for Python and for `qep report`."""

from __future__ import annotations

import os
from pathlib import Path

from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.report import run_page, training_page
from qep_qiskit.runs.readings import readings_of
from qep_qiskit.runs.verbs import open_run, spec_of
from qep_qiskit.training.from_spec import task_from


def write_page(
    run: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    exact: bool | None = None,
    progress: ProgressOption = "auto",
) -> Path:
    """Write one self-contained HTML page about a run, and return its path.

    Parameters
    ----------
    run : path or name
        The run of a gradient or of a training. It is not changed, and no service is contacted.
    path : path, optional
        Default: ``report.html`` in the run's folder.
    exact : bool, optional
        Whether to compute the exact gradient for comparison. Default: up to 16 qubits.
    progress : {"auto", "off"} or callable
        "auto" shows a bar in terminals and notebooks. A callable gets the name of a stage and the share of it that is done.
    """
    target = None if path is None else Path(path)
    with open_run(run) as store, showing(progress) as tell:
        if store.description.get("kind") == "training":
            tell("drawing the curves", None)
            begun_from_spec = store.description.get("from") == "spec" and store.checkpoint("data") is not None
            task = task_from(spec_of(store), store)[0] if begun_from_spec else None
            return training_page.write(store, target, task=task)
        spec = spec_of(store)
        readings = readings_of(store, spec, exact=exact, progress=tell)
        return run_page.write(store, readings, target, network=spec.problem().network)
