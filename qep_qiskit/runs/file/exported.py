"""The format of an exported run, and a check that its parts agree."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray

from qep_qiskit.foreign.arrays import read_npz
from qep_qiskit.foreign.circuits import MOST_QUBITS, read_circuits
from qep_qiskit.foreign.documents import toml_tables
from qep_qiskit.runs.file.records import STATES

RESERVED = "reserved"

Whole = Annotated[int, Field(ge=0, lt=2**62)]
Short = Annotated[str, Field(max_length=1000)]
Time = Annotated[str, Field(max_length=40, pattern=r"^\d{4}-\d\d-\d\d(T[\d:.]+(\+00:00|Z)?)?$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Pub(_Part):
    circuit: str
    axes: str
    names: list[str]
    values: list[list[float]]
    owners: list[list[int]]


class _Content(_Part):
    round: Whole
    purpose: Short
    shots: Annotated[int, Field(ge=1, le=10**9)]
    seed: int
    device: str | None
    pubs: list[_Pub]


class _Gradient(_Part):
    """A gradient, which may have more keys than are declared."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    names: list[str]
    values: list[float]
    stderr: list[float] | None
    loss: float | None
    loss_stderr: float | None
    predictions: list[float]
    predictions_stderr: list[float] | None
    input_values: list[float] | None = None
    input_stderr: list[float] | None = None
    mitigation: str = "none"
    diagnostics: dict[str, Any] = {}
    provenance: dict[str, Any] = {}


class _Circuit(_Part):
    qpy: str
    openqasm3: str | None
    about: dict[str, Any]


class _Job(_Part):
    tag: Short
    number: Whole
    round: Whole
    state: Literal[STATES]  # type: ignore[valid-type]
    job_id: Short | None
    created: Time
    updated: Time
    detail: dict[str, Any]
    content: _Content


class _Event(_Part):
    number: Whole
    time: Time
    tag: Short | None
    state: Short | None
    text: str


class _Result(_Part):
    pub: Whole
    shape: list[Whole]
    bits: Annotated[int, Field(ge=1, le=MOST_QUBITS)]
    data: str
    counts: list[dict[str, int]] | None


class _Entry(_Part):
    number: Whole
    time: Time
    value: dict[str, Any]


class _Checkpoint(_Part):
    name: Short
    time: Time
    about: dict[str, Any]
    data: str


class _Document(_Part):
    format: Literal["qep-run"]
    version: int
    complete: bool
    lost: list[str]
    description: dict[str, Any]
    created: Time | Literal[""]
    spec: str
    documents: dict[str, dict[str, Any]]
    circuits: dict[str, _Circuit]
    jobs: list[_Job]
    events: list[_Event]
    results: dict[str, list[_Result]]
    gradients: list[_Entry]
    steps: list[_Entry]
    checkpoints: list[_Checkpoint]
    checksum: str


def check(raw: object) -> None:
    """Check that a document has the format of an exported run, and that its parts agree.

    Raises
    ------
    ValidationError, ValueError, TypeError, KeyError, IndexError
    """
    document = _Document.model_validate(raw)
    toml_tables(document.spec)
    circuits = read_circuits({f"circuits.{key}": base64.b64decode(c.qpy, validate=True) for key, c in document.circuits.items()})
    circuits = {key.removeprefix("circuits."): circuit for key, circuit in circuits.items()}
    jobs = {job.tag: job for job in document.jobs}
    if len(jobs) != len(document.jobs):
        raise ValueError("jobs: two have the same tag")
    for name in ("jobs", "events", "gradients", "steps"):
        numbers = [entry.number for entry in getattr(document, name)]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"{name}: two have the same number")
    if len({point.name for point in document.checkpoints}) < len(document.checkpoints):
        raise ValueError("checkpoints: two have the same name")
    for job in document.jobs:
        _check_job(job, circuits, complete=document.complete)
    for tag, results in document.results.items():
        if document.complete and (tag not in jobs or len(results) != len(jobs[tag].content.pubs)):
            raise ValueError(f"results.{tag}: not one result per circuit of its job")
        if document.complete and [result.pub for result in results] != list(range(len(results))):
            raise ValueError(f"results.{tag}: they are not numbered from 0")
        for result in results:
            bits = bits_of(result.model_dump())
            if result.counts is not None and result.counts != counts_of(bits):
                raise ValueError(f"results.{tag}: the counts are not those of the packed shots")
    for entry in document.gradients:
        _check_gradient(_Gradient.model_validate(entry.value), f"gradients.{entry.number}")
    for point in document.checkpoints:
        data = base64.b64decode(point.data, validate=True)
        if point.name != RESERVED:
            try:
                read_npz(io.BytesIO(data), most=2 * len(data))
            except ValueError as error:
                raise ValueError(f"checkpoints.{point.name}: {error}") from None


def _check_job(job: _Job, circuits: Mapping[str, QuantumCircuit], *, complete: bool) -> None:
    for pub in job.content.pubs:
        if complete and pub.circuit not in circuits:
            raise ValueError(f"jobs.{job.tag}: circuit {pub.circuit!r} is missing")
        circuit = circuits.get(pub.circuit)
        if circuit is not None and {p.name for p in circuit.parameters} != set(pub.names):
            raise ValueError(f"jobs.{job.tag}: the values do not fit the parameters of circuit {pub.circuit!r}")
        if any(len(row) != len(pub.names) for row in pub.values):
            raise ValueError(f"jobs.{job.tag}: a row of values does not have one per parameter of circuit {pub.circuit!r}")


def _check_gradient(gradient: _Gradient, where: str) -> None:
    pairs = (
        (gradient.names, gradient.values),
        (gradient.values, gradient.stderr),
        (gradient.predictions, gradient.predictions_stderr),
        (gradient.input_values or [], gradient.input_stderr),
    )
    if any(errors is not None and len(errors) != len(values) for values, errors in pairs) or not gradient.names:
        raise ValueError(f"{where}: names, values and error bars are not of one length")


def bits_of(result: Mapping[str, Any]) -> BitArray:
    """Return the shots of a result. Raise ValueError if they do not fit its shape."""
    data = np.frombuffer(base64.b64decode(result["data"], validate=True), dtype=np.uint8)
    shape = result["shape"]
    if len(shape) < 2 or min(shape) < 0 or math.prod(shape) != len(data):
        raise ValueError(f"cannot reshape {len(data)} bytes of shots into {shape}")
    return BitArray(data.reshape(shape).copy(), result["bits"])


def counts_of(bits: BitArray) -> list[dict[str, int]]:
    """Return the counts of each execution as a mapping; the rightmost bit is qubit 0."""
    if not bits.shape:
        return [dict(sorted(bits.get_counts().items()))]
    return [dict(sorted(bits.get_counts(place).items())) for place in np.ndindex(bits.shape)]
