"""Files that a page carries: its data as JSON, and its tables as CSV, as links that need no network."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qep_qiskit.documents import plain
from qep_qiskit.plain_text import one_line
from qep_qiskit.secrets import scrubbed, scrubbed_document

TYPES = {"csv": "text/csv", "json": "application/json", "toml": "text/plain"}


@dataclass(frozen=True)
class Download:
    """A file in a page.

    Attributes
    ----------
    name : str
        The name of the file; its ending gives the type.
    about : str
        What it contains.
    content : str
    """

    name: str
    about: str
    content: str

    @property
    def address(self) -> str:
        """The content as a data URI."""
        kind = TYPES[self.name.rpartition(".")[2]]
        return f"data:{kind};charset=utf-8;base64,{base64.b64encode(self.content.encode()).decode('ascii')}"

    @property
    def size(self) -> str:
        """The size in words."""
        count = len(self.content.encode())
        return f"{count} bytes" if count < 1000 else f"{count / 1000:.0f} kB"


def json_file(name: str, document: Mapping[str, Any]) -> Download:
    """Return a document as a JSON file, with null for numbers that are not finite."""
    text = json.dumps(scrubbed_document(plain(document)), allow_nan=False, ensure_ascii=False, default=str)
    return Download(name, "all numbers of this page", text)


def spec_file(text: str, about: str) -> Download:
    """Return the text of a spec as a file."""
    return Download("spec.toml", about, scrubbed(text))


def csv_file(name: str, about: str, records: Iterable[Mapping[str, Any]]) -> Download:
    """Return records as a CSV file, with one column per key in order of appearance; an absent number is an empty cell."""
    rows = [plain(record) for record in records]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _text(value) for key, value in row.items()} for row in rows)
    return Download(name, about, stream.getvalue())


def columns_file(name: str, about: str, first: Mapping[str, Sequence[Any]], rest: Mapping[str, Any]) -> Download:
    """Return columns of equal length as a CSV file; columns that are None are left out."""
    columns = {**first, **{key: values for key, values in rest.items() if values is not None}}
    rows = zip(*columns.values(), strict=True)
    return csv_file(name, about, [dict(zip(columns, row, strict=True)) for row in rows])


def _text(value: object) -> object:
    if isinstance(value, str):
        return one_line(scrubbed(value))
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else value
