"""Export of a run as one self-contained JSON file, and its import. Nothing in such a file is executed.

The packed shots of a result are base64 bytes: `numpy.frombuffer(base64.b64decode(data), numpy.uint8).reshape(shape)` is the
array of a Qiskit `BitArray`, in which classical bit 0 comes last. Results of up to 16 bits also have their counts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from qiskit import qasm3

from qep_qiskit.errors import InputError
from qep_qiskit.files import write_whole
from qep_qiskit.foreign.circuits import NewerQiskitError, read_circuit
from qep_qiskit.foreign.documents import LARGEST_JSON, json_document, json_value
from qep_qiskit.runs.file.creation import building
from qep_qiskit.runs.file.exported import bits_of, check, counts_of
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.file.tables import TABLES, Row
from qep_qiskit.runs.file.training_rows import now, text_of
from qep_qiskit.secrets import HIDDEN

FORMAT, VERSION = "qep-run", 1
LISTS = ("jobs", "events", "gradients", "steps", "checkpoints")
"""Tables that are exported as lists of rows."""
JSON_COLUMNS = {
    "documents": ("value",),
    "jobs": ("content", "detail"),
    "gradients": ("value",),
    "steps": ("value",),
    "checkpoints": ("about",),
}
_INSTANCE = re.compile(r"""(\binstance\s*=\s*)(["'])[^"'\n]*\2""")
COUNTED_BITS = 16
"""The most bits of a result that is exported with counts; with more, nearly every shot is different."""


def without_instance(spec: str) -> str:
    """Return the text of a spec with the account's instance hidden."""
    return _INSTANCE.sub(rf"\1\2{HIDDEN}\2", spec)


def export(store: RunStore) -> dict[str, Any]:
    """Return a run as a document for JSON. The same run always gives the same document."""
    with store.snapshot():
        return document_of({name: store.rows(name) for name in TABLES})


def document_of(rows: Mapping[str, Sequence[Row]], lost: Sequence[str] = ()) -> dict[str, Any]:
    """Return the document of a run, from all of its rows or from the salvaged ones. The account instance is hidden.

    Raises
    ------
    InputError
        If the rows do not form a run although their checksums are right.
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
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "complete": not lost,
        "lost": list(lost),
        "description": json_value(meta.get("description", "{}")),
        "created": meta.get("created", ""),
        "spec": without_instance(meta.get("spec", "")),
        "documents": documents,
        "circuits": {row["key"]: _circuit(row) for row in rows["circuits"]},
        "results": results,
        **{name: [_entry(name, row) for row in rows[name]] for name in LISTS},
    }
    return {**document, "checksum": _checksum(document)}


def write(document: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write a document as a JSON file, completely or not at all."""
    return write_whole(path, (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode())


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read an exported run; check its checksum and that its parts agree.

    Raises
    ------
    InputError
        If the file is missing or not valid; the message says why, in one line.
    """
    try:
        if Path(path).stat().st_size > LARGEST_JSON:
            raise ValueError(f"it has more than {LARGEST_JSON:,} bytes")
        raw = json_document(Path(path).read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a file that `qep runs export` wrote") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: is not the JSON of a run ({reason}); give a file that `qep runs export` wrote") from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise InputError(f"{path}: is not an exported run; give a file that `qep runs export` wrote")
    if isinstance(raw.get("version"), int) and raw["version"] > VERSION:
        raise InputError(f"{path}: made by a newer version (format {raw['version']}, known up to {VERSION}); upgrade qep-qiskit")
    if raw.get("checksum") != _checksum({key: value for key, value in raw.items() if key != "checksum"}):
        raise InputError(f"{path}: its checksum does not fit, so it was damaged or edited; export the run again")
    try:
        check(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part)[:60] for part in first["loc"])
        raise InputError(f"{path}: {place}: {first['msg']}; export the run again") from None
    except NewerQiskitError as error:
        raise InputError(f"{path}: {error}") from None
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError(f"{path}: {error}; export the run again") from None
    return raw


def import_run(path: str | os.PathLike[str], folder: Path) -> Path:
    """Create a run's folder from an exported file. Nothing is ever sent from it, since the original may still be active.

    Raises
    ------
    InputError
        If the file is not an exported run, or the folder already has a run.
    """
    document = read(path)
    folder = Path(folder)
    meta = {
        "description": text_of(document["description"]),
        "created": document["created"],
        "imported": text_of({"file": Path(path).name, "time": now(), "lost": document["lost"]}),
    }
    with building(folder, document["spec"], meta) as data:
        for table, rows in _rows(document).items():
            for row in rows:
                data.put(table, **row)
    return folder


def _rows(document: Mapping[str, Any]) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {name: [_row(name, entry) for entry in document[name]] for name in LISTS}
    rows["documents"] = [
        _row("documents", {"kind": kind, "key": key, "value": value})
        for kind, values in document["documents"].items()
        for key, value in values.items()
    ]
    for key, entry in document["circuits"].items():
        qpy = base64.b64decode(entry["qpy"])
        rows.setdefault("circuits", []).append({"key": key, "qpy": qpy, "about": text_of(entry["about"])})
    for tag, results in document["results"].items():
        for result in results:
            columns = {"tag": tag, "pub": result["pub"], "shape": json.dumps(result["shape"]), "bits": result["bits"]}
            rows.setdefault("results", []).append({**columns, "data": base64.b64decode(result["data"])})
    return rows


def _row(table: str, entry: Mapping[str, Any]) -> Row:
    """Convert an entry of a document to a row of a table."""
    decoded = {"data": base64.b64decode(entry["data"])} if "data" in entry else {}
    return {**entry, **{name: text_of(entry[name]) for name in JSON_COLUMNS.get(table, ())}, **decoded}


def _entry(table: str, row: Row) -> dict[str, Any]:
    """Convert a row of a table to an entry of a document."""
    encoded = {"data": _packed(row["data"])} if "data" in row else {}
    return {**row, **{name: json_value(row[name]) for name in JSON_COLUMNS.get(table, ())}, **encoded}


def _result(row: Row) -> dict[str, Any]:
    result = {"pub": row["pub"], "shape": json_value(row["shape"]), "bits": row["bits"], "data": _packed(row["data"])}
    return {**result, "counts": counts_of(bits_of(result)) if row["bits"] <= COUNTED_BITS else None}


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
