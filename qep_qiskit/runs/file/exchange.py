"""A run as one self-contained JSON file, and back. What is read is data: nothing of it is executed.

The packed shots of an execution are rows of bytes, the bit of classical bit 0 last: `numpy.frombuffer(base64.b64decode(data),
numpy.uint8).reshape(shape)` is the array of a Qiskit `BitArray`. Results of few bits carry their counts, too.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from qiskit import qasm3
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray

from qep_qiskit.errors import InputError
from qep_qiskit.files import write_whole
from qep_qiskit.foreign.arrays import read_npz
from qep_qiskit.foreign.circuits import MOST_QUBITS, read_circuit, read_circuits
from qep_qiskit.foreign.documents import LARGEST_JSON, json_document, json_value, toml_tables
from qep_qiskit.runs.file.records import STATES, JobRecord, Pub
from qep_qiskit.runs.file.store import SPEC, RunStore, building, now, text_of
from qep_qiskit.runs.file.tables import SCHEMA, TABLES, Row
from qep_qiskit.secrets import HIDDEN

FORMAT, VERSION = "qep-run", 1
RESERVED = "reserved"
_INSTANCE = re.compile(r"""(\binstance\s*=\s*)(["'])[^"'\n]*\2""")
COUNTED_BITS = 16
"""Results of more bits carry no counts: nearly every shot would be a line of its own."""


Whole = Annotated[int, Field(ge=0, lt=2**62)]
Short = Annotated[str, Field(max_length=1000)]
Time = Annotated[str, Field(max_length=40, pattern=r"^\d{4}-\d\d-\d\d(T[\d:.]+(\+00:00|Z)?)?$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Open(_Part):
    """A document that may hold more keys than are named here."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class _Pub(_Open):
    circuit: str
    axes: str
    names: list[str]
    values: list[list[float]]
    owners: list[list[int]]


class _Content(_Open):
    round: Whole
    purpose: Short
    shots: Annotated[int, Field(ge=1, le=10**9)]
    seed: int
    device: str | None
    pubs: list[_Pub]


class _Gradient(_Open):
    names: list[str]
    values: list[float]
    stderr: list[float] | None
    loss: float | None
    loss_stderr: float | None
    predictions: list[float]
    predictions_stderr: list[float] | None
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


def export(store: RunStore) -> dict[str, Any]:
    """Return a run as a document for JSON. The same run gives the same document."""
    with store.snapshot():
        return document_of({name: store.rows(name) for name in TABLES})


def document_of(rows: Mapping[str, Sequence[Row]], lost: Sequence[str] = ()) -> dict[str, Any]:
    """Return the document of these rows: all of a run, or what was salvaged. The spec's account instance is hidden.

    Raises
    ------
    InputError
        If the rows are not those of a run, although their checksums are right.
    """
    try:
        return _document_of(rows, lost)
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"run: its rows are not those of a run ({str(error)[:200]}); it cannot be exported") from None


def _document_of(rows: Mapping[str, Sequence[Row]], lost: Sequence[str]) -> dict[str, Any]:
    meta = {row["key"]: row["value"] for row in rows["meta"]}
    documents: dict[str, dict[str, Any]] = {}
    for row in rows["documents"]:
        documents.setdefault(row["kind"], {})[row["key"]] = json_value(row["value"])
    results: dict[str, list[dict[str, Any]]] = {}
    for row in rows["results"]:
        results.setdefault(row["tag"], []).append(_result(row))
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "complete": not lost,
        "lost": list(lost),
        "description": json_value(meta.get("description", "{}")),
        "created": meta.get("created", ""),
        "spec": _INSTANCE.sub(rf"\1\2{HIDDEN}\2", meta.get("spec", "")),
        "documents": documents,
        "circuits": {row["key"]: _circuit(row) for row in rows["circuits"]},
        "jobs": [{**row, "content": json_value(row["content"]), "detail": json_value(row["detail"])} for row in rows["jobs"]],
        "events": [dict(row) for row in rows["events"]],
        "results": results,
        "gradients": [{**row, "value": json_value(row["value"])} for row in rows["gradients"]],
        "steps": [{**row, "value": json_value(row["value"])} for row in rows["steps"]],
        "checkpoints": [{**row, "about": json_value(row["about"]), "data": _packed(row["data"])} for row in rows["checkpoints"]],
    }
    return {**found, "checksum": _checksum(found)}


def write(document: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write a document as a JSON file, completely or not at all."""
    return write_whole(path, (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode())


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read an exported run; check its checksum and that its parts agree.

    Raises
    ------
    InputError
        One line that says what is wrong with it.
    """
    try:
        if Path(path).stat().st_size > LARGEST_JSON:
            raise ValueError(f"it has more than {LARGEST_JSON:,} bytes")
        raw = json_document(Path(path).read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a file that `qep runs export` wrote") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: is no JSON of a run ({reason}); give a file that `qep runs export` wrote") from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise InputError(f"{path}: is not an exported run; give a file that `qep runs export` wrote")
    if isinstance(raw.get("version"), int) and raw["version"] > VERSION:
        raise InputError(f"{path}: made by a newer version (format {raw['version']}, known up to {VERSION}); upgrade qep-qiskit")
    if raw.get("checksum") != _checksum({key: value for key, value in raw.items() if key != "checksum"}):
        raise InputError(f"{path}: its checksum does not fit, so it was damaged or edited; export the run again")
    try:
        document = _Document.model_validate(raw)
        _check(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part)[:60] for part in first["loc"])
        raise InputError(f"{path}: {place}: {first['msg']}; export the run again") from None
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError(f"{path}: {error}; export the run again") from None
    return raw


def import_run(path: str | os.PathLike[str], folder: Path) -> Path:
    """Make a run's folder from an exported file. Nothing is ever sent from it: the original may still be active.

    Raises
    ------
    InputError
        If the file is not a complete exported run, or the folder has a run already.
    """
    document = read(path)
    folder = Path(folder)
    with building(folder) as data:
        meta = {
            "schema": SCHEMA,
            "description": text_of(document["description"]),
            "spec": document["spec"],
            "created": document["created"],
            "imported": text_of({"file": Path(path).name, "time": now(), "lost": document["lost"]}),
        }
        with data.transaction():
            for key, value in meta.items():
                data.put("meta", key=key, value=value)
            for table, rows in _rows(document).items():
                for row in rows:
                    data.put(table, **row)
        (folder / SPEC).write_text(document["spec"], encoding="utf-8")
    return folder


def _rows(document: Mapping[str, Any]) -> dict[str, list[Row]]:
    def texts(entries: list[dict[str, Any]], *names: str) -> list[Row]:
        return [{**entry, **{name: text_of(entry[name]) for name in names}} for entry in entries]

    return {
        "documents": [
            {"kind": kind, "key": key, "value": text_of(value)}
            for kind, found in document["documents"].items()
            for key, value in found.items()
        ],
        "circuits": [
            {"key": key, "qpy": base64.b64decode(entry["qpy"]), "about": text_of(entry["about"])}
            for key, entry in document["circuits"].items()
        ],
        "jobs": texts(document["jobs"], "content", "detail"),
        "events": texts(document["events"]),
        "results": [
            {"tag": tag, "pub": r["pub"], "shape": json.dumps(r["shape"]), "bits": r["bits"], "data": base64.b64decode(r["data"])}
            for tag, found in document["results"].items()
            for r in found
        ],
        "gradients": texts(document["gradients"], "value"),
        "steps": texts(document["steps"], "value"),
        "checkpoints": [
            {**entry, "about": text_of(entry["about"]), "data": base64.b64decode(entry["data"])}
            for entry in document["checkpoints"]
        ],
    }


def _check(document: _Document) -> None:
    """Check that the parts of a document agree.

    Raises
    ------
    ValueError
    """
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
            bits = _bits(result.model_dump())
            if result.counts is not None and result.counts != _counts(bits):
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
    odd = set(job.content.model_dump()) - {field.name for field in dataclasses.fields(JobRecord)}
    odd |= {name for pub in job.content.pubs for name in set(pub.model_dump()) - {f.name for f in dataclasses.fields(Pub)}}
    if odd:
        raise ValueError(f"jobs.{job.tag}.content: unknown {min(odd)[:60]!r}")
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
    )
    if any(errors is not None and len(errors) != len(values) for values, errors in pairs) or not gradient.names:
        raise ValueError(f"{where}: names, values and error bars are not of one length")


def _bits(result: Mapping[str, Any]) -> BitArray:
    data = np.frombuffer(base64.b64decode(result["data"], validate=True), dtype=np.uint8)
    shape = result["shape"]
    if len(shape) < 2 or min(shape) < 0 or math.prod(shape) != len(data):
        raise ValueError(f"cannot reshape {len(data)} bytes of shots into {shape}")
    return BitArray(data.reshape(shape).copy(), result["bits"])


def _result(row: Row) -> dict[str, Any]:
    result = {"pub": row["pub"], "shape": json_value(row["shape"]), "bits": row["bits"], "data": _packed(row["data"])}
    return {**result, "counts": _counts(_bits(result)) if row["bits"] <= COUNTED_BITS else None}


def _counts(bits: BitArray) -> list[dict[str, int]]:
    """Return how often each outcome came, one mapping per execution; the bit of qubit 0 is the rightmost."""
    if not bits.shape:
        return [dict(sorted(bits.get_counts().items()))]
    return [dict(sorted(bits.get_counts(place).items())) for place in np.ndindex(bits.shape)]


def _circuit(row: Row) -> dict[str, Any]:
    text = _packed(row["qpy"])
    try:
        readable: str | None = qasm3.dumps(read_circuit(row["qpy"]))
    except (qasm3.QASM3ExporterError, ValueError, RecursionError):
        readable = None
    return {"qpy": text, "openqasm3": readable, "about": json_value(row["about"])}


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _checksum(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
