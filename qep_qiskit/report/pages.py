"""The page about a run, for Python and for `qep report`."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

from qep_qiskit.drawing.plane import Plane
from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.files import write_whole
from qep_qiskit.networks.network import Network
from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.report import run_page, training_page
from qep_qiskit.report.training_facts import weights_of
from qep_qiskit.runs.calls import refuse_layer
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.readings import readings_of
from qep_qiskit.runs.verbs import open_run, spec_of
from qep_qiskit.training.from_spec import task_from
from qep_qiskit.training.plane import plane_of


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
    with open_run(run) as store, showing(progress) as tell:
        if store.description.get("kind") == "training":
            tell("drawing the curves", None)
            network, plane = _learned(store)
            page = functools.partial(training_page.page, store, network=network, plane=plane)
        else:
            refuse_layer(store)
            spec = spec_of(store)
            readings = readings_of(store, spec, exact=exact, progress=tell)
            page = functools.partial(run_page.page, store, readings, network=spec.problem().network)
        with store.snapshot():
            return write_whole(store.folder / "report.html" if path is None else path, page().encode())


def _learned(store: RunStore) -> tuple[Network | None, Plane | None]:
    """Return the network of a training that was begun from a spec, and what it has learned; None if that cannot be computed."""
    if store.description.get("from") != "spec" or store.checkpoint("data") is None:
        return None, None
    weights, network = weights_of(store), None
    with contextlib.suppress(InputError, PreparationError):
        task = task_from(spec_of(store), store)[0]
        network = task.network
        return network, plane_of(task, weights)
    return network, None
