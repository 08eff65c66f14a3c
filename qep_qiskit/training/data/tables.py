"""CSV files: a header, then one row per sample. A cell that is not a number or a label is refused, with its row and column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError, nearest

Matrix = NDArray[np.float64]
Lines = list[tuple[int, list[str]]]
MISSING = frozenset(
    ("", "?", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "nat", "nil", "null", "none", "missing", "1.#qnan", "1.#ind")
)
"""Common marks for a missing value, in lower case."""
SEPARATORS = {";": "a semicolon", "\t": "a tab", "|": "a bar"}
LARGEST_FILE = 16_000_000
"""The largest size of a CSV file, in bytes."""
LARGEST_WHOLE = 2.0**53
"""The largest whole number up to which floats represent all whole numbers."""


def read_csv(
    path: Path, *, target: str | int | None = None, columns: Sequence[str] | None = None, task: str | None = None
) -> tuple[Matrix, NDArray[Any], tuple[str, ...]]:
    """Read a CSV file; return inputs, targets and the names of the inputs.

    Parameters
    ----------
    target, columns
        See :func:`~qep_qiskit.training.data.sets.read_file`.
    task : {"classification", "regression"}, optional
        "classification" allows targets that mix texts and numbers, as labels; "regression" allows only numbers.

    Raises
    ------
    InputError
        If the file is not valid; the message names the file, the row and the column.
    """
    lines = _lines(path)
    header = _header(path, lines)
    answer = _column(path, header, len(header) - 1 if target is None else target, "data.target")
    inputs = [i for i in range(len(header)) if i != answer]
    if columns is not None:
        inputs = [_column(path, header, name, "data.columns") for name in columns]
        if len(set(inputs)) < len(inputs):
            raise InputError(f"data.columns: {shown(list(columns))} names a column twice")
    if answer in inputs or not inputs:
        raise InputError(
            f"{path}: column {header[answer]!r} is the target and cannot be an input too; at least one other is needed"
        )
    for i in inputs:
        if not header[i]:
            raise InputError(
                f"{path}: row {lines[0][0]}, column {i} has no name (is it the row numbers?); name it, or name the inputs in "
                "data.columns"
            )
    X = np.empty((len(lines) - 1, len(inputs)))
    for k, (line, row) in enumerate(lines[1:]):
        if len(row) != len(header):
            raise InputError(f"{path}: row {line} has {len(row)} cells, the header has {len(header)}")
        for j, i in enumerate(inputs):
            value = number(row[i])
            if value is None:
                raise InputError(f"{path}: row {line}, column {header[i]!r}: {_refused(row[i])}")
            X[k, j] = value
    y = _targets(path, header[answer], [(line, row[answer].strip()) for line, row in lines[1:]], task)
    return X, y, tuple(header[i] for i in inputs)


def number(cell: str) -> float | None:
    """Return the finite number in a cell, or None if there is none."""
    try:
        value = float(cell) if "_" not in cell else np.nan
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def whole_numbers(y: NDArray[Any]) -> NDArray[Any]:
    """Return whole-number targets as integers, even if they are stored as floats; return other targets unchanged."""
    if y.dtype.kind != "f" or not (np.abs(y) <= LARGEST_WHOLE).all() or not np.array_equal(y, np.round(y)):
        return y
    return y.astype(np.int64)


def missing(word: str) -> bool:
    """Return whether a label is a common mark for a missing value."""
    return word.strip().lower() in MISSING


def _lines(path: Path) -> Lines:
    try:
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise InputError(f"{path}: has {size:,} bytes; at most {LARGEST_FILE:,} are read, keep fewer rows or columns")
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not text in UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path}: is not CSV: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _header(path: Path, lines: Lines) -> list[str]:
    if len(lines) < 2:
        raise InputError(
            f"{path}: has {'no header' if not lines else 'no rows below its header'}; the first line names the columns"
        )
    line, cells = lines[0]
    header = [name.strip() for name in cells]
    if header[0].startswith(("#", "%", "//")):
        raise InputError(
            f"{path}: row {line} is a comment, {shown(','.join(cells))}; the first line must name the columns, so delete it"
        )
    for mark, word in SEPARATORS.items():
        if len(header) == 1 and mark in header[0]:
            raise InputError(
                f"{path}: row {line}, {shown(header[0])}, is one column: its cells are separated by {word}; "
                "write the file with commas (and decimal points)"
            )
    if all(number(cell) is not None for cell in header):
        raise InputError(f"{path}: row {line} holds numbers; the first line must name the columns")
    named = [name for name in header if name]
    if len(set(named)) < len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise InputError(f"{path}: column {twice!r} is named twice")
    return header


def _targets(path: Path, column: str, cells: list[tuple[int, str]], task: str | None) -> NDArray[Any]:
    for line, word in cells:
        if missing(word):
            what = f", {word!r}" if word else ""
            raise InputError(f"{path}: row {line}, column {column!r}: the target is missing{what}; complete or delete the row")
    numbers = [number(word) for _, word in cells]
    words = [(line, word) for (line, word), value in zip(cells, numbers, strict=True) if value is None]
    if not words:
        return whole_numbers(np.array(numbers, dtype=float))
    line, word = words[0]
    where = f"{path}: row {line}, column {column!r}"
    if task == "regression":
        raise InputError(f"{where}: {_refused(word)}, and data.task = 'regression' needs numbers")
    if len(words) < len(cells) and task != "classification":
        raise InputError(
            f"{where}: {_refused(word)}, and other targets are numbers; correct the cell, or give data.task = 'classification' "
            "if all of them are labels"
        )
    return np.array([word for _, word in cells])


def _refused(cell: str) -> str:
    return f"{shown(cell.strip())} is not a finite number" if cell.strip() else "the cell is empty; a finite number is needed"


def _column(path: Path, header: list[str], column: str | int, key: str) -> int:
    if isinstance(column, int):
        if not 0 <= column < len(header):
            raise InputError(f"{key}: {path} has no column {column}; columns are 0 to {len(header) - 1}")
        return column
    if column not in header:
        raise InputError(f"{key}: {path} has no column {shown(column)}; it has {', '.join(header)}{nearest(column, header)}")
    return header.index(column)
