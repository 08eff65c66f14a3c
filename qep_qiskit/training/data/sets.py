"""Data sets: built-in ones, and CSV and NPZ files. Nothing in a file is executed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError, nearest
from qep_qiskit.foreign.arrays import read_npz
from qep_qiskit.kinds import DATA_SETS, one_of, shown
from qep_qiskit.seeds import integer, stream
from qep_qiskit.training.data.tables import missing, read_csv, whole_numbers

LARGEST_DATA = 128_000_000
"""The most bytes of unpacked arrays; a CSV file may have an eighth of it. No network of qubits trains on more."""
Matrix = NDArray[np.float64]
Table: TypeAlias = tuple[NDArray[Any], NDArray[Any]]
"""X of shape (samples, features), and y of shape (samples,)."""


@dataclass(frozen=True)
class DataSet:
    """The inputs and targets of a data set, not yet scaled or encoded.

    Attributes
    ----------
    X : ndarray of shape (samples, features)
    y : ndarray of shape (samples,)
        Labels of any kind, or numbers.
    """

    X: Matrix
    y: NDArray[Any]
    features: tuple[str, ...]
    source: str


def built_in(name: str, *, samples: int = 200, noise: float = 0.1, seed: int = 0) -> DataSet:
    """Return a built-in data set.

    Parameters
    ----------
    name : str
        Generated: "xor", "moons", "circles", "blobs", "linear" (regression). From scikit-learn: "iris", "wine", "breast_cancer",
        "digits" (8 × 8 pixels), "diabetes" (regression).
    samples : int
        The size of a generated set.
    noise : float
        The standard deviation of a generated set's noise.

    Examples
    --------
    >>> built_in("xor", samples=4, noise=0.0).y.tolist()
    [0, 1, 1, 0]
    """
    if name not in DATA_SETS:
        close = nearest(name, DATA_SETS)
        raise InputError(f"data.source: {shown(name)} is not allowed; give {one_of(DATA_SETS)}, or a .csv or .npz file{close}")
    kind = DATA_SETS.named(name, "data.source")
    if not kind.parameters:
        shipped: DataSet = kind.value()
        return shipped
    X, y = kind.value(samples, noise, seed)
    return DataSet(np.asarray(X, dtype=float), np.asarray(y), tuple(f"x{i}" for i in range(X.shape[1])), name)


@DATA_SETS.register("xor")
def xor(samples: int, noise: float, seed: int) -> Table:
    """Return samples at the four corners of a square, with Gaussian noise; opposite corners share a class."""
    corners = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    which = np.arange(samples) % 4
    X = corners[which] + noise * stream(seed, "data").normal(size=(samples, 2))
    return X, (corners[which].prod(axis=1) < 0).astype(int)


@DATA_SETS.register("moons")
def moons(samples: int, noise: float, seed: int) -> Table:
    """Return two interleaved half circles."""
    from sklearn.datasets import make_moons

    X, y = make_moons(samples, noise=noise, random_state=integer(seed, "data"))
    return X, y


@DATA_SETS.register("circles")
def circles(samples: int, noise: float, seed: int) -> Table:
    """Return two concentric circles."""
    from sklearn.datasets import make_circles

    X, y = make_circles(samples, noise=noise, factor=0.5, random_state=integer(seed, "data"))
    return X, y


@DATA_SETS.register("blobs")
def blobs(samples: int, noise: float, seed: int) -> Table:
    """Return three Gaussian blobs, one per class."""
    from sklearn.datasets import make_blobs

    X, y = make_blobs(samples, centers=3, cluster_std=1.0 + noise, random_state=integer(seed, "data"))
    return X, y


@DATA_SETS.register("linear")
def linear(samples: int, noise: float, seed: int) -> Table:
    """Return a linear function of two inputs, with Gaussian noise."""
    random = stream(seed, "data")
    X = random.uniform(-1.0, 1.0, size=(samples, 2))
    return X, X @ np.array([0.6, -0.3]) + noise * random.normal(size=samples)


def _shipped(name: str) -> Callable[[], DataSet]:
    """Return the loader of a scikit-learn data set."""

    def load() -> DataSet:
        from sklearn import datasets

        table = getattr(datasets, f"load_{name}")()
        labels = getattr(table, "target_names", None)
        y = np.asarray(table.target) if labels is None or name == "digits" else np.asarray(labels)[table.target]
        return DataSet(np.asarray(table.data, dtype=float), y, tuple(map(str, table.feature_names)), name)

    return load


for _name in ("iris", "wine", "breast_cancer", "digits", "diabetes"):
    DATA_SETS.register(_name)(_shipped(_name))


def read_file(
    path: Path, *, target: str | int | None = None, columns: Sequence[str] | None = None, task: str | None = None
) -> DataSet:
    """Return the data of a CSV file with a header, or of an NPZ file with arrays X and y.

    Parameters
    ----------
    target : str or int, optional
        For CSV, the column of the targets, by name or number (default: the last). For NPZ, the name of their array.
    columns : sequence of str, optional
        For CSV, the columns of the inputs. Default: all other columns.
    task : {"classification", "regression"}, optional
        Whether the targets are classes or numbers.

    Raises
    ------
    InputError
        If the file is missing or not valid; the message names the file, the row and the column.
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
    raise InputError(f"data.source: {path}: is neither a .csv nor a .npz file")


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
        raise InputError(f"{path}: array X has shape {X.shape} of {X.dtype}; it must be a table of numbers, one row per sample")
    if y.ndim != 1 or len(y) != len(X):
        raise InputError(f"{path}: array {label} has shape {y.shape}; expected ({len(X)},), one target per row of X")
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
            raise InputError(f"{path}: array {name}, {where}: {array[(row, *column)]} is not a finite number")
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
                raise InputError(f"{path}: it is not a complete NPZ file; save plain arrays with numpy.savez(file, X=…, y=…)")
            file.seek(0)
            return read_npz(file, most=LARGEST_DATA)
    except InputError:
        raise
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: {reason}; save plain arrays with numpy.savez(file, X=…, y=…)") from None
