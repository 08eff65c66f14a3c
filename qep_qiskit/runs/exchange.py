"""A run as one JSON file that stands alone, and back. What is read is data: nothing of it is executed.

The packed shots of an execution are rows of bytes, the bit of classical bit 0 last: `numpy.frombuffer(base64.b64decode(data),
numpy.uint8).reshape(shape)` is the array of a Qiskit `BitArray`. Where they are few bits, they are counted beside it, too.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from qiskit import qasm3, qpy
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray

from qep_qiskit.errors import InputError
from qep_qiskit.files import write_whole
from qep_qiskit.runs.records import STATES
from qep_qiskit.runs.store import SPEC, RunStore, building, now, text_of
from qep_qiskit.runs.tables import SCHEMA, TABLES, Row

FORMAT, VERSION = "qep-run", 1
COUNTED_BITS = 16
"""Shots of more bits are not counted beside the packed ones: nearly every one would be its own line."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Circuit(_Part):
    qpy: str
    openqasm3: str | None
    about: dict[str, Any]


class _Job(_Part):
    tag: str
    number: int
    round: int
    state: Literal[STATES]  # type: ignore[valid-type]
    job_id: str | None
    created: str
    updated: str
    detail: dict[str, Any]
    content: dict[str, Any]


class _Event(_Part):
    number: int
    time: str
    tag: str | None
    state: str | None
    text: str


class _Result(_Part):
    pub: int
    shape: list[int]
    bits: int
    data: str
    counts: list[dict[str, int]] | None


class _Entry(_Part):
    number: int
    time: str
    value: dict[str, Any]


class _Checkpoint(_Part):
    name: str
    time: str
    about: dict[str, Any]
    data: str


class _Document(_Part):
    format: Literal["qep-run"]
    version: int
    complete: bool
    lost: list[str]
    description: dict[str, Any]
    created: str
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
    """Return a run as a document that JSON can hold. The same run gives the same document."""
    with store.snapshot():
        return document_of({name: store.rows(name) for name in TABLES})


def document_of(rows: Mapping[str, Sequence[Row]], lost: Sequence[str] = ()) -> dict[str, Any]:
    """Return the document of these rows: all of a run, or what was salvaged of it."""
    meta = {row["key"]: row["value"] for row in rows["meta"]}
    documents: dict[str, dict[str, Any]] = {}
    for row in rows["documents"]:
        documents.setdefault(row["kind"], {})[row["key"]] = json.loads(row["value"])
    results: dict[str, list[dict[str, Any]]] = {}
    for row in rows["results"]:
        results.setdefault(row["tag"], []).append(_result(row))
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "complete": not lost,
        "lost": list(lost),
        "description": json.loads(meta.get("description", "{}")),
        "created": meta.get("created", ""),
        "spec": meta.get("spec", ""),
        "documents": documents,
        "circuits": {row["key"]: _circuit(row) for row in rows["circuits"]},
        "jobs": [{**row, "content": json.loads(row["content"]), "detail": json.loads(row["detail"])} for row in rows["jobs"]],
        "events": [dict(row) for row in rows["events"]],
        "results": results,
        "gradients": [{**row, "value": json.loads(row["value"])} for row in rows["gradients"]],
        "steps": [{**row, "value": json.loads(row["value"])} for row in rows["steps"]],
        "checkpoints": [{**row, "about": json.loads(row["about"]), "data": _packed(row["data"])} for row in rows["checkpoints"]],
    }
    return {**found, "checksum": _checksum(found)}


def write(document: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write a document as a JSON file, whole or not at all."""
    return write_whole(path, (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode())


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read an exported run and hold it against its checksum and its own parts.

    Raises
    ------
    InputError
        One line that says what is wrong with it.
    """
    try:
        raw = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refused)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a file that `qep runs export` wrote") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no JSON ({error}); give a file that `qep runs export` wrote") from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise InputError(f"{path}: is no exported run; give a file that `qep runs export` wrote")
    if isinstance(raw.get("version"), int) and raw["version"] > VERSION:
        raise InputError(f"{path}: made by a newer version (format {raw['version']}, known up to {VERSION}); upgrade qep-qiskit")
    if raw.get("checksum") != _checksum({key: value for key, value in raw.items() if key != "checksum"}):
        raise InputError(f"{path}: its checksum does not fit, so it was damaged or edited; export the run again")
    try:
        document = _Document.model_validate(raw)
        _check(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{path}: {'.'.join(str(p) for p in first['loc'])}: {first['msg']}; export the run again") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}; export the run again") from None
    return raw


def import_run(path: str | os.PathLike[str], folder: Path) -> Path:
    """Make a run's folder of an exported file. Nothing is ever sent from it: the original may still be under way.

    Raises
    ------
    InputError
        If the file is not a whole exported run, or the folder has a run already.
    """
    document = read(path)
    folder = Path(folder)
    with building(folder) as data:
        meta = {
            "schema": str(SCHEMA),
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
    """Hold the parts of a document against one another."""
    circuits: dict[str, QuantumCircuit] = {}
    for key, entry in document.circuits.items():
        circuits[key] = _loaded(entry.qpy, key)
    jobs = {job.tag: job for job in document.jobs}
    if len(jobs) != len(document.jobs):
        raise ValueError("jobs: two have the same tag")
    for job in document.jobs:
        for pub in job.content["pubs"]:
            if document.complete and pub["circuit"] not in circuits:
                raise ValueError(f"jobs.{job.tag}: circuit {pub['circuit']!r} is missing")
            circuit = circuits.get(pub["circuit"])
            if circuit is not None and {p.name for p in circuit.parameters} != set(pub["names"]):
                raise ValueError(f"jobs.{job.tag}: the values do not fit the parameters of circuit {pub['circuit']!r}")
    for tag, results in document.results.items():
        if document.complete and (tag not in jobs or len(results) != len(jobs[tag].content["pubs"])):
            raise ValueError(f"results.{tag}: not one a circuit of its job")
        for result in results:
            if result.counts is not None and result.counts != _counts(_bits(result.model_dump())):
                raise ValueError(f"results.{tag}: the counts are not those of the packed shots")
            _bits(result.model_dump())
    for point in document.checkpoints:
        with np.load(io.BytesIO(base64.b64decode(point.data, validate=True)), allow_pickle=False) as arrays:
            _ = [arrays[name] for name in arrays.files]


def _loaded(text: str, key: str) -> QuantumCircuit:
    try:
        found = qpy.load(io.BytesIO(base64.b64decode(text, validate=True)))
    except Exception as error:  # whatever Qiskit finds wrong with it
        raise ValueError(f"circuits.{key}: is no QPY ({error})") from None
    if len(found) != 1 or not isinstance(found[0], QuantumCircuit):
        raise ValueError(f"circuits.{key}: is not one circuit")
    return found[0]


def _bits(result: Mapping[str, Any]) -> BitArray:
    data = np.frombuffer(base64.b64decode(result["data"], validate=True), dtype=np.uint8)
    return BitArray(data.reshape(result["shape"]).copy(), result["bits"])


def _result(row: Row) -> dict[str, Any]:
    found = {"pub": row["pub"], "shape": json.loads(row["shape"]), "bits": row["bits"], "data": _packed(row["data"])}
    return {**found, "counts": _counts(_bits(found)) if row["bits"] <= COUNTED_BITS else None}


def _counts(bits: BitArray) -> list[dict[str, int]]:
    """Return how often each outcome came, one mapping an execution; the bit of qubit 0 is the rightmost."""
    if not bits.shape:
        return [dict(sorted(bits.get_counts().items()))]
    return [dict(sorted(bits.get_counts(place).items())) for place in np.ndindex(bits.shape)]


def _circuit(row: Row) -> dict[str, Any]:
    text = _packed(row["qpy"])
    try:
        readable: str | None = qasm3.dumps(_loaded(text, row["key"]))
    except (qasm3.QASM3ExporterError, ValueError):
        readable = None
    return {"qpy": text, "openqasm3": readable, "about": json.loads(row["about"])}


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _checksum(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
