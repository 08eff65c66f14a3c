"""The identity of a training: everything that its numbers depend on, so that a run resumes only with the same training."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from qep_qiskit.errors import InputError
from qep_qiskit.fingerprints import Identity, difference, identity
from qep_qiskit.measurement.mitigation.mitigation import parse
from qep_qiskit.provenance import versions
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.new_run import identity_of_device
from qep_qiskit.settings import Settings
from qep_qiskit.training.data.targets import TrainingSamples
from qep_qiskit.training.loop.distributed import Distributed
from qep_qiskit.training.loop.sources import Equilibrium, LinearResponse, Source
from qep_qiskit.training.loop.task import Task
from qep_qiskit.training.rules.schedules import constant

IDENTITY = "identity"
"""The key of the run's document with the identity of the training."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_NOT_COMPARED = ("compare_every", "epochs", "versions", "planned")
_FUNCTIONS_OF_A_COST = ("cost.loss", "cost.gradient", "cost.hessian")


def identity_of(task: Task) -> Identity:
    """Return everything that a training's numbers depend on, by name.

    Excluded are the option `compare_every` and, if the learning rate is constant, the number of epochs; both may change when a
    run resumes.

    Raises
    ------
    UnidentifiedError
        If a function without a given name cannot be identified by its content.
    """
    settings = task.settings
    parts: dict[str, object] = {
        "network": task.network,
        "cost": task.cost,
        **_source(task.source, settings),
        "preparer": settings.preparer,
        "shots": settings.shots,
        "mitigation": str(settings.mitigation),
        "calibration_shots": settings.calibration_shots,
        "optimizer": task.optimizer,
        "schedule": task.schedule,
        "learning_rate": task.learning_rate,
        "batch_size": task.batch_size,
        "early_stopping": task.patience,
        "warm_starts": task.carries,
        "seed": task.seed,
        "constraints": task.constraints,
        "first weights": task.first,
        **_samples("", task.samples),
        **({} if task.held_out is None else _samples("validation ", task.held_out)),
    }
    if task.schedule is not constant:
        parts["epochs"] = task.epochs
    entries: Identity = {}
    for name, part in parts.items():
        entries |= identity(part, name)
    return entries | identity_of_device(settings.device)


def _samples(where: str, samples: TrainingSamples) -> dict[str, object]:
    return {f"{where}X": samples.X, f"{where}Y": samples.Y}


def _source(source: Source, settings: Settings) -> dict[str, object]:
    match source:
        case Distributed():
            return {**_source(source.source, settings), "samples_a_task": source.size}
        case Equilibrium():
            return {"gradient": "equilibrium", "stencil": settings.stencil}
        case LinearResponse():
            return {"gradient": "exact"}
    return {"gradient": source}


def refuse_another(store: RunStore, task: Task) -> str | None:
    """Refuse to resume the run of another training; the message names the difference.

    Returns
    -------
    str or None
        A warning, if package versions have changed since the run began.
    """
    now, before = identity_of(task), store.get("training", IDENTITY)
    settings = store.get("training", "settings") or {}
    change = _older_difference(store, settings, task) if before is None else difference(_as_written_now(before, now), now)
    if change is not None:
        raise InputError(f"run: {store.folder} holds another training ({change}); give another folder")
    if before is None:
        store.put("training", IDENTITY, now)
    return _other_versions(settings.get("versions") or {})


def _as_written_now(before: Identity, now: Identity) -> Identity:
    """Return an identity that an earlier version stored as this version would write it.

    A mitigation was stored as its user wrote it, in any order. A softmax cross entropy was stored with the code of its functions,
    which follow from its target and its scale.
    """
    entries = dict(before)
    if "mitigation" in before:
        with contextlib.suppress(InputError, SyntaxError, ValueError):
            entries |= identity(str(parse(ast.literal_eval(before["mitigation"]))), "mitigation")
    if "cost.scale" in now and before.get("cost.kind") == now["cost.kind"]:
        entries = {name: entry for name, entry in entries.items() if name not in _FUNCTIONS_OF_A_COST}
    return entries


def _other_versions(before: Mapping[str, str]) -> str | None:
    now = versions()
    changed = [f"{name} {before[name]} is now {now.get(name, 'missing')}" for name in before if before[name] != now.get(name)]
    return f"the run began with other versions: {', '.join(changed)}; its steps may differ from then on" if changed else None


def _older_difference(store: RunStore, settings: Mapping[str, Any], task: Task) -> str | None:
    """Return the difference to a run without a stored identity, by its settings and data; None if there is none."""
    now = task.describe()
    free = _NOT_COMPARED if task.schedule is constant else tuple(key for key in _NOT_COMPARED if key != "epochs")
    for key, value in now.items():
        if key in settings and key not in free and not _alike(settings[key], value, ("name",) if key == "device" else None):
            return f"its {key} is {settings[key]!r}, not {value!r}"
    data = store.checkpoint("data")
    for where, samples in (("", task.samples), (" held out", task.held_out)):
        for name in "XY" if data is not None and samples is not None else "":
            before, array = data.arrays.get(f"{name}{where}"), getattr(samples, name)  # type: ignore[union-attr]
            if (before is None) != (array is None) or (before is not None and not np.array_equal(before, array)):
                return f"its data {name}{where} changed since it began"
    return None


def _alike(before: Any, now: Any, only: tuple[str, ...] | None = None) -> bool:
    """Return whether an older version's value has the same meaning; addresses, and keys in only one of the two, are ignored."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return all(_alike(before[key], now[key]) for key in before.keys() & now.keys() if only is None or key in only)
    if isinstance(before, str) and isinstance(now, str):
        return _ADDRESS.sub("", before) == _ADDRESS.sub("", now)
    return bool(before == now)
