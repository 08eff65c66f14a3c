"""The task of a training that is described by a spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qep_qiskit.costs import Cost, softmax_cross_entropy
from qep_qiskit.errors import InputError
from qep_qiskit.experiment import Spec
from qep_qiskit.kinds import shown
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.training.data.encoding import prepare
from qep_qiskit.training.data.sets import DataSet, built_in, read_file
from qep_qiskit.training.fitting import task_of
from qep_qiskit.training.loop.task import Task
from qep_qiskit.training.rules.optimizers import Optimizer, optimizer_of


@dataclass(frozen=True)
class CrossEntropy:
    """The softmax cross entropy as a function of the class, for a fixed inverse temperature."""

    scale: float

    def __call__(self, target: Any) -> Cost:
        """Return the cost of a class number."""
        return softmax_cross_entropy(int(target), scale=self.scale)


def task_from(spec: Spec, kept: RunStore | None = None) -> tuple[Task, dict[str, Any]]:
    """Return the task of a spec, and a report about its data.

    Parameters
    ----------
    kept : RunStore, optional
        A run of the spec; its stored data are used, since the files may have changed.

    Raises
    ------
    InputError
        If a key or the data are not valid; the message names the key and its value, or the file, row and column.
    """
    network, weights = spec.weighted_network()
    kind = str(getattr(spec.cost, "kind", ""))
    entropy = kind == "softmax_cross_entropy"
    cost: Any = CrossEntropy(float(getattr(spec.cost, "scale", 1.0))) if entropy else kind
    report: dict[str, Any] = {"data": spec.data.model_dump()}
    X: Any
    Y: Any
    validation = None
    if kind == "observable" or spec.data.source is None:
        if spec.data.source is not None:
            raise InputError("cost.kind: 'observable' has no targets, so it takes no [data]; leave the section out")
        problem = spec.problem()  # the single sample of the spec
        X, Y, cost = problem.x[None, :], None, problem.cost
    elif kept is not None:
        stored = kept.checkpoint("data")
        if stored is None:
            raise InputError(f"run: {kept.folder} holds no training data; begin again with another folder")
        X, Y = stored.arrays["X"], stored.arrays.get("Y")
        if "X held out" in stored.arrays:
            validation = (stored.arrays["X held out"], stored.arrays["Y held out"])
    else:
        data = data_of(spec)
        if data.X.shape[1] != network.num_inputs:
            raise InputError(
                f"network.inputs: {network.num_inputs} inputs for the {data.X.shape[1]} features of {data.source}; give as many"
            )
        section = spec.data
        prepared = prepare(
            data,
            network.num_outputs,
            held_out=section.held_out,
            scaling=section.scaling,
            factor=section.factor,
            task=section.task,
            entropy=entropy,
            reach=section.target_range,
            seed=spec.seed,
        )
        X, Y = prepared.X, prepared.Y
        validation = (prepared.X_held_out, prepared.Y_held_out) if len(prepared.X_held_out) else None
        report |= {**prepared.describe(), "features": list(data.features)}
    return task_of(network, X, Y, cost=cost, weights=weights, validation=validation, **_options(spec)), report


def data_of(spec: Spec) -> DataSet:
    """Return the data set of a spec: a built-in one, or a file in the spec's folder or the current one."""
    section, path = spec.data, data_file(spec)
    if path is None:
        return built_in(str(section.source), samples=section.samples, noise=section.noise, seed=spec.seed)
    return read_file(path, target=section.target, columns=section.columns, task=section.task)


def data_file(spec: Spec) -> Path | None:
    """Return the path of a spec's data file; None for built-in data or no data."""
    source = "" if spec.data.source is None else str(spec.data.source)
    if not source.lower().endswith((".csv", ".npz")):
        return None
    beside = spec.path.parent / source if spec.path is not None else None
    return beside if beside is not None and beside.is_file() else Path(source)


def _options(spec: Spec) -> Mapping[str, Any]:
    written = spec.training.written()
    settings: Mapping[str, Any] = spec.settings()
    for option, example in (
        ("bounds", "low and high, such as [-2.0, 2.0]"),
        ("soft_cutoff", "cutoff and slope, such as [0.1, 0.02]"),
    ):
        for key, pair in written.get(option, {}).items():
            if len(pair) != 2:
                raise InputError(f"training.{option}.{key}: {shown(pair)} is not allowed; give {example}")
            written[option][key] = tuple(pair)
    limits = {name: n for name in ("minimum", "maximum") if (n := written.pop(f"{name}_shots", None)) is not None}
    if limits:
        written["optimizer"] = _limited(optimizer_of(str(spec.training.optimizer)), limits)
    if spec.training.gradient == "exact":
        settings = {key: settings[key] for key in ("preparer", "device", "shots", "seed")}
    return {**settings, **written}


def _limited(rule: Optimizer, limits: Mapping[str, int]) -> Optimizer:
    """Return an update rule that sets the shots itself with limits per circuit."""
    key, value = next(iter(limits.items()))
    if not hasattr(rule, key):
        name = rule.describe()["name"]
        raise InputError(
            f"training.{key}_shots: {value} is not allowed, since {name} does not change the shots; leave it out, or take "
            "optimizer = 'planned_shots' or 'adaptive_shots'"
        )
    return replace(rule, **limits)  # type: ignore[type-var]
