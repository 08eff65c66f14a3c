"""Data sets: built-in tasks, CSV and NPZ files. Nothing that is read is executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError, nearest
from qep_qiskit.foreign.arrays import read_npz
from qep_qiskit.seeds import integer, stream
from qep_qiskit.training.data.tables import missing, read_csv, whole_numbers

LARGEST_DATA = 128_000_000
"""Bytes of unpacked arrays, and of a CSV file eight times fewer: no network of qubits is trained on more."""
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


def read_file(
    path: Path, *, target: str | int | None = None, columns: Sequence[str] | None = None, task: str | None = None
) -> DataSet:
    """Return the data of a CSV file with a header, or of an NPZ file with the arrays X and y.

    Parameters
    ----------
    path : Path
    target : str or int, optional
        CSV: the column of the targets, by name or number; the last one where absent. NPZ: the name of the array.
    columns : sequence of str, optional
        CSV: the columns that are inputs; all others where absent.
    task : {"classification", "regression"}, optional
        What the targets are for.

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
        X, y, features = read_csv(path, target=target, columns=columns, task=task)
        return DataSet(X, y, features, path.name)
    raise InputError(f"data.source: {path}: is no .csv and no .npz file")


def _npz(path: Path, target: str | int | None) -> DataSet:
    arrays = _arrays(path)
    label = "y" if target is None else str(target)
    for name in ("X", label):
        if name not in arrays:
            raise InputError(
                f"{path}: has no array {name!r}, only {', '.join(arrays) or 'none'}; save it with numpy.savez(file, X=…, y=…)"
            )
    X, y = arrays["X"], arrays[label]
    if X.ndim != 2 or X.dtype.kind not in "fiub" or not X.shape[1]:
        raise InputError(f"{path}: array X has shape {X.shape} of {X.dtype}; it must be a table of numbers, one row a sample")
    if y.ndim != 1 or len(y) != len(X):
        raise InputError(f"{path}: array {label} has shape {y.shape}; expected ({len(X)},), one target a row of X")
    if not len(X):
        raise InputError(f"{path}: array X has no rows")
    if y.dtype.kind not in "fiubUS":
        raise InputError(f"{path}: array {label} holds {y.dtype}; give numbers or words")
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    for name, array in (("X", X), (label, y)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row, *column = (int(i) for i in np.argwhere(~np.isfinite(array))[0])
            where = f"row {row}" + (f", column {column[0]}" if column else "")
            raise InputError(f"{path}: array {name}, {where}: {array[(row, *column)]} is no finite number")
    for row, word in enumerate(y if y.dtype.kind == "U" else ()):
        if missing(str(word)):
            raise InputError(f"{path}: array {label}, row {row}: the target is missing, {str(word)!r}")
    return DataSet(X.astype(float), whole_numbers(y), tuple(f"x{i}" for i in range(X.shape[1])), path.name)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with open(path, "rb") as file:
            head = file.read(6)
            if head == b"\x93NUMPY":
                raise InputError(f"{path}: is one array (NPY), not an NPZ file; save X and y with numpy.savez(file, X=…, y=…)")
            if head[:2] != b"PK":
                raise InputError(f"{path}: is no whole NPZ file; save plain arrays with numpy.savez(file, X=…, y=…)")
            file.seek(0)
            return read_npz(file, most=LARGEST_DATA)
    except InputError:
        raise
    except (ValueError, OSError) as error:
        reason = "is no whole NPZ file" if "no whole" in str(error) else getattr(error, "strerror", None) or error
        raise InputError(f"{path}: {reason}; save plain arrays with numpy.savez(file, X=…, y=…)") from None
