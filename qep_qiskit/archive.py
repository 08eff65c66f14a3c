"""Results as files: written as data, with a checksum, and read back as equal values. Nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError
from qep_qiskit.files import writable, write_whole
from qep_qiskit.secrets import scrubbed_document

FORMAT = 1
RESULTS = ("Gradient", "Budget", "Certificate", "Forecast", "TrainingResult")
SECRET = ("instance",)
"""Fields that are never written, because they may identify an account."""
NUMBERS = "biufU"
"""The kinds of arrays that a file may hold: flags, numbers and texts."""
KIND = "is"
"""The key of an encoded value that names its class."""
_IN = {
    "equilibrium.result": "Gradient",
    "equilibrium.diagnostics": "Diagnostics",
    "preparation.preparer": "Phase",
    "budget.budget": "Budget",
    "budget.rung": "Rung",
    "certified.certificate": "Certificate",
    "forecasting.forecast": "Forecast",
    "forecasting.causes": "Levels",
    "forecasting.accuracy": "Accuracy",
    "forecasting.advice": "Advice",
    "forecasting.choices": "Choices Measure",
    "forecasting.sending": "Sending CircuitRow",
    "forecasting.fractional": "GateSets",
    "devices.appraisal": "Appraisal",
    "devices.layout.choice": "Layout Placement",
    "devices.price": "Price Tariff",
    "stencils": "Stencil AutoStencil AdaptiveStencil",
    "measurement.split": "Split OptimalShots",
    "measurement.mitigation.mitigation": "Mitigation",
    "measurement.mitigation.zne": "ZeroNoise",
    "settings": "Settings",
    "devices.statevector": "StatevectorDevice",
    "devices.simulated.device": "SimulatedDevice",
    "devices.ibm.device": "IBMDevice",
    "preparation.adiabatic": "Adiabatic",
    "preparation.exact": "Exact",
    "preparation.mean_field": "MeanField",
    "preparation.mps": "MPS",
    "preparation.thermal": "Thermal",
    "preparation.vqe": "VQE",
    "costs.squared_error": "SquaredError SquaredErrorObservable",
    "costs.linear": "LinearCost",
    "costs.observable": "ObservableCost",
    "costs.cross_entropy": "SoftmaxCrossEntropy",
    "networks.network": "Network Term",
    "networks.quadratic.network": "QuadraticNetwork",
    "networks.quadratic.linear": "ResistorNetwork",
    "networks.quadratic.encoded": "EncodedNetwork",
    "networks.quadratic.levels": "Reference",
    "training.loop.trained": "TrainingResult",
    "training.loop.task": "Task",
    "training.data.targets": "TrainingSamples",
    "training.rules.constraints": "Constraints",
}
DATACLASSES = {name: f"qep_qiskit.{module}" for module, names in _IN.items() for name in names.split()}
"""The module of each dataclass that a file may hold, by name; no other class is made from a file."""


@dataclass(frozen=True)
class LeftOut:
    """A part of a result that its file does not hold, such as a function or an object of another package."""

    what: str

    def __repr__(self) -> str:
        return f"<{self.what}, which the file of this result does not hold>"


class Savable:
    """Mixin for results that can be written to a file."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the result to a JSON file, from which :func:`qep_qiskit.load_result` reads it back.

        Functions, objects of other packages and prepared states are left out.

        Parameters
        ----------
        path : str or path
            The file; one that exists is replaced.

        Returns
        -------
        Path
        """
        value = scrubbed_document(encoded(self))
        text = _text(value)
        header = {"result": type(self).__name__, "format": FORMAT, "sha256": _digest(text)}
        return write_whole(writable(path, "path"), f'{{"qep_qiskit": {_text(header)},\n"value": {text}}}\n'.encode())


def load_result(path: str | os.PathLike[str]) -> Any:
    """Read a result that was written by its method ``save``.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Gradient, Budget, Certificate, Forecast or TrainingResult
        A value equal to the saved one. It does not contain what the file leaves out: functions, objects of other packages, and
        the states from which another gradient could start.

    Raises
    ------
    InputError
        If there is no such file, or if it is damaged, was not written by ``save``, or needs a newer version of the package.
    """
    name = str(path)
    try:
        document = json.loads(Path(path).read_bytes())
    except (OSError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a path"
        raise InputError(f"load_result: {shown(name)} cannot be read: {reason.lower()}") from None
    except (ValueError, RecursionError):
        raise InputError(
            f"load_result: {shown(name)} is damaged or is not a result; give a file written by result.save"
        ) from None
    header = document.get("qep_qiskit") if isinstance(document, dict) else None
    if not isinstance(header, dict) or header.get("result") not in RESULTS or not isinstance(header.get("format"), int):
        raise InputError(f"load_result: {shown(name)} is not a result; give a file written by result.save")
    if header["format"] > FORMAT:
        raise InputError(f"load_result: {shown(name)} was written by a newer version of qep-qiskit; install that version")
    if header.get("sha256") != _digest(_text(document.get("value"))):
        raise InputError(f"load_result: {shown(name)} is damaged: its content has changed since it was written; restore the file")
    try:
        result = decoded(document["value"])
    except Exception as error:
        raise InputError(f"load_result: {shown(name)} cannot be read: {' '.join(str(error).split())}") from None
    if type(result).__name__ != header["result"]:
        raise InputError(f"load_result: {shown(name)} is damaged: it does not hold what it names; restore the file")
    return result


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def encoded(value: Any) -> Any:
    """Return a value as numbers, texts, lists and mappings for JSON, with the class of everything else."""
    if isinstance(value, float) and not math.isfinite(value):
        return {KIND: "float", "of": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    name = type(value).__name__
    if name in _ENCODERS:
        return {KIND: name, **_ENCODERS[name](value)}
    if is_dataclass(value) and DATACLASSES.get(name) == type(value).__module__:
        held = (e for e in fields(value) if e.init and (e.compare or e.repr) and e.name not in SECRET)
        return {KIND: name, **{entry.name: encoded(getattr(value, entry.name)) for entry in held}}
    if isinstance(value, np.ndarray) and value.dtype.kind in NUMBERS:
        return {KIND: "array", "type": value.dtype.str, "shape": list(value.shape), "values": _finite(value.ravel().tolist())}
    if isinstance(value, np.generic):
        return encoded(value.item())
    if isinstance(value, Mapping) and not is_dataclass(value):
        if all(isinstance(key, str) and key != KIND for key in value):
            return {key: encoded(item) for key, item in value.items()}
        return {KIND: "mapping", "of": [[encoded(key), encoded(item)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        return {KIND: "tuple", "of": [encoded(item) for item in value]} if type(value) is tuple else [*map(encoded, value)]
    return {KIND: "left out", "what": value.what if isinstance(value, LeftOut) else getattr(value, "__qualname__", name)}


def _finite(values: list[Any]) -> list[Any]:
    return [str(v) if isinstance(v, float) and not math.isfinite(v) else v for v in values]


def decoded(value: Any) -> Any:
    """Return the value that was encoded.

    Raises
    ------
    InputError
        If a class is unknown.
    """
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    name = value.get(KIND)
    held = {key: decoded(item) for key, item in value.items() if key != KIND}
    if name is None:
        return held
    if name in _DECODERS:
        return _DECODERS[name](held)
    if name not in DATACLASSES:
        raise InputError(f"it holds {shown(name)}, which this version does not know; install a newer version of qep-qiskit")
    cls = getattr(import_module(DATACLASSES[name]), name)
    if not any(isinstance(item, LeftOut) for item in held.values()):
        return cls(**held)
    value_with_gaps = object.__new__(cls)
    vars(value_with_gaps).update(held)
    return value_with_gaps


def _array(held: dict[str, Any]) -> Any:
    if np.dtype(held["type"]).kind not in NUMBERS:
        raise InputError(f"it holds an array of type {shown(held['type'])}; restore the file")
    return np.array(held["values"], dtype=np.dtype(held["type"])).reshape(held["shape"])


def _operator(held: dict[str, Any]) -> Any:
    from qiskit.quantum_info import SparsePauliOp

    return SparsePauliOp(held["labels"], np.asarray(held["real"]) + 1j * np.asarray(held["imag"]))


def _snapshot(held: dict[str, Any]) -> Any:
    return import_module("qep_qiskit.devices.simulated.snapshots").snapshot(held["name"])


def _problem(held: dict[str, Any]) -> Any:
    return import_module("qep_qiskit.problem").Problem(
        held["network"], held["weights"], held["x"], cost=held["cost"], input_gradient=held.get("input_gradient", False)
    )


def _weights(held: dict[str, Any]) -> Any:
    return import_module("qep_qiskit.networks.weights").Weights(held["of"])


def _problem_parts(problem: Any) -> dict[str, Any]:
    options = {"input_gradient": True} if problem.input_gradient else {}
    return {**{name: encoded(getattr(problem, name)) for name in ("network", "weights", "x", "cost")}, **options}


def _operator_parts(operator: Any) -> dict[str, Any]:
    coefficients = np.asarray(operator.coeffs, dtype=complex)
    return {"labels": operator.paulis.to_labels(), "real": coefficients.real.tolist(), "imag": coefficients.imag.tolist()}


_ENCODERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "SparsePauliOp": _operator_parts,
    "Polynomial": lambda polynomial: {"labels": polynomial.labels()},
    "Snapshot": lambda snapshot: {"name": snapshot.name},
    "Problem": _problem_parts,
    "Weights": lambda weights: {"of": dict(weights)},
}
_DECODERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "array": _array,
    "float": lambda held: float(held["of"]),
    "tuple": lambda held: tuple(held["of"]),
    "mapping": lambda held: dict(map(tuple, held["of"])),
    "left out": lambda held: LeftOut(str(held["what"])),
    "SparsePauliOp": _operator,
    "Polynomial": lambda held: import_module("qep_qiskit.networks.polynomial").polynomial_from(held["labels"], None, "file"),
    "Snapshot": _snapshot,
    "Problem": _problem,
    "Weights": _weights,
}
