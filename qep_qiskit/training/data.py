"""Data sets: built-in tasks, CSV and NPZ files. Nothing that is read is executed."""

from __future__ import annotations

import csv
import itertools
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError, nearest
from qep_qiskit.seeds import integer, stream

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class DataSet:
    """Inputs and targets as they come.

    Attributes
    ----------
    X : ndarray of shape (samples, features)
    y : ndarray of shape (samples,)
        Labels of any kind, or numbers.
    features : tuple of str
    source : str
    """

    X: Matrix
    y: NDArray[Any]
    features: tuple[str, ...]
    source: str


MADE = ("xor", "moons", "circles", "blobs", "linear")
SHIPPED = ("iris", "wine", "breast_cancer", "digits", "diabetes")


def built_in(name: str, *, samples: int = 200, noise: float = 0.1, seed: int = 0) -> DataSet:
    """Return a built-in data set.

    Parameters
    ----------
    name : str
        Made: "xor" (the four corners of the square, each with its share of the samples and Gaussian noise), "moons",
        "circles", "blobs" (three classes), "linear" (regression). Shipped with scikit-learn: "iris", "wine", "breast_cancer",
        "digits" (8 × 8 pixels), "diabetes" (regression).
    samples : int
        Of a made set.
    noise : float
        Its standard deviation, of a made set.
    seed : int

    Examples
    --------
    >>> built_in("xor", samples=4, noise=0.0).y.tolist()
    [0, 1, 1, 0]
    """
    from sklearn import datasets

    number = integer(seed, "data")
    if name in SHIPPED:
        found = getattr(datasets, f"load_{name}")()
        names = getattr(found, "target_names", None)
        y = np.asarray(found.target) if names is None or name == "digits" else np.asarray(names)[found.target]
        return DataSet(np.asarray(found.data, dtype=float), y, tuple(map(str, found.feature_names)), name)
    if name == "xor":
        corners = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
        which = np.arange(samples) % 4
        X = corners[which] + noise * stream(seed, "data").normal(size=(samples, 2))
        y = (corners[which].prod(axis=1) < 0).astype(int)
    elif name == "moons":
        X, y = datasets.make_moons(samples, noise=noise, random_state=number)
    elif name == "circles":
        X, y = datasets.make_circles(samples, noise=noise, factor=0.5, random_state=number)
    elif name == "blobs":
        X, y = datasets.make_blobs(samples, centers=3, cluster_std=1.0 + noise, random_state=number)
    elif name == "linear":
        random = stream(seed, "data")
        X = random.uniform(-1.0, 1.0, size=(samples, 2))
        y = X @ np.array([0.6, -0.3]) + noise * random.normal(size=samples)
    else:
        known = [*MADE, *SHIPPED]
        raise InputError(
            f"data.source: unknown {name!r}; allowed: {', '.join(known)}, or a .csv or .npz file{nearest(name, known)}"
        )
    return DataSet(np.asarray(X, dtype=float), np.asarray(y), tuple(f"x{i}" for i in range(X.shape[1])), name)


def read_file(path: Path, *, target: str | int | None = None, columns: Sequence[str] | None = None) -> DataSet:
    """Return the data of a CSV file with a header, or of an NPZ file with the arrays X and y.

    Parameters
    ----------
    path : Path
    target : str or int, optional
        CSV: the column of the targets, by name or number; the last one where absent. NPZ: the name of the array.
    columns : sequence of str, optional
        CSV: the columns that are inputs; all others where absent.

    Raises
    ------
    InputError
        One line that names the file, the row and the column.
    """
    if not path.is_file():
        others = [p.name for p in path.parent.glob("*") if p.suffix in (".csv", ".npz")] if path.parent.is_dir() else []
        raise InputError(
            f"data.source: {path}: no such file; give a built-in task or a .csv or .npz file{nearest(path.name, others)}"
        )
    if path.suffix.lower() == ".npz":
        return _npz(path, target)
    if path.suffix.lower() == ".csv":
        return _csv(path, target, columns)
    raise InputError(f"data.source: {path}: is no .csv and no .npz file")


def _npz(path: Path, target: str | int | None) -> DataSet:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        reason = "holds Python objects, which are not read" if "pickle" in str(error).lower() else "is no whole NPZ file"
        raise InputError(f"{path}: {reason}; save plain arrays with numpy.savez(file, X=…, y=…)") from None
    label = "y" if target is None else str(target)
    for name in ("X", label):
        if name not in arrays:
            raise InputError(
                f"{path}: has no array {name!r}, only {', '.join(arrays) or 'none'}; save it with numpy.savez(file, X=…, y=…)"
            )
    X, y = arrays["X"], arrays[label]
    if X.ndim != 2 or X.dtype.kind not in "fiub":
        raise InputError(f"{path}: array X has shape {X.shape} of {X.dtype}; it must be a table of numbers, one row a sample")
    if y.ndim != 1 or len(y) != len(X):
        raise InputError(f"{path}: array {label} has shape {y.shape}; expected ({len(X)},), one target a row of X")
    if not len(X):
        raise InputError(f"{path}: array X has no rows")
    for name, array in (("X", X), (label, y)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row, *column = (int(i) for i in np.argwhere(~np.isfinite(array))[0])
            where = f"row {row}" + (f", column {column[0]}" if column else "")
            raise InputError(f"{path}: array {name}, {where}: {array[(row, *column)]} is no finite number")
    return DataSet(X.astype(float), y, tuple(f"x{i}" for i in range(X.shape[1])), path.name)


def _csv(path: Path, target: str | int | None, columns: Sequence[str] | None) -> DataSet:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = [
                (reader.line_num, row)
                for reader in [csv.reader(file, strict=True)]
                for row in reader
                if any(c.strip() for c in row)
            ]
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text in UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path}: is no CSV: {error}") from None
    if len(lines) < 2:
        raise InputError(
            f"{path}: has {'no header' if not lines else 'no rows below its header'}; the first line names the columns"
        )
    header = [name.strip() for name in lines[0][1]]
    if all(_number(cell) is not None for cell in header):
        raise InputError(f"{path}: row 1 holds numbers; the first line must name the columns")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InputError(f"{path}: column {twice!r} is named twice")
    answer = _column(path, header, len(header) - 1 if target is None else target, "data.target")
    inputs = [i for i in range(len(header)) if i != answer]
    if columns is not None:
        inputs = [_column(path, header, name, "data.columns") for name in columns]
    if answer in inputs or not inputs:
        raise InputError(
            f"{path}: column {header[answer]!r} is the target and cannot be an input too; at least one other is needed"
        )
    X = np.empty((len(lines) - 1, len(inputs)))
    for k, (line, row) in enumerate(itertools.islice(lines, 1, None)):
        if len(row) != len(header):
            raise InputError(f"{path}: row {line} has {len(row)} cells, the header has {len(header)}")
        for j, i in enumerate(inputs):
            value = _number(row[i])
            if value is None:
                raise InputError(f"{path}: row {line}, column {header[i]!r}: {row[i].strip()!r} is no finite number")
            X[k, j] = value
        if not row[answer].strip():
            raise InputError(f"{path}: row {line}, column {header[answer]!r}: the target is missing")
    words = [row[answer].strip() for _, row in lines[1:]]
    numbers = [_number(word) for word in words]
    y = np.array(words) if any(n is None for n in numbers) else np.array(numbers, dtype=float)
    if y.dtype.kind == "f" and np.array_equal(y, np.round(y)):
        y = y.astype(int)
    return DataSet(X, y, tuple(header[i] for i in inputs), path.name)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _column(path: Path, header: list[str], wanted: str | int, key: str) -> int:
    if isinstance(wanted, int):
        if not 0 <= wanted < len(header):
            raise InputError(f"{key}: {path} has no column {wanted}; columns are 0 to {len(header) - 1}")
        return wanted
    if wanted not in header:
        raise InputError(f"{key}: {path} has no column {wanted!r}; it has {', '.join(header)}{nearest(wanted, header)}")
    return header.index(wanted)
