"""The encoding of a data set for a network: a split, scaled inputs, and targets within reach of the outputs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import real, shown
from qep_qiskit.display import counted
from qep_qiskit.errors import InputError
from qep_qiskit.seeds import stream
from qep_qiskit.training.data.sets import DataSet
from qep_qiskit.training.data.tables import whole_numbers

Matrix = NDArray[np.float64]
MOST_CLASSES = 20


@dataclass(frozen=True)
class Scaling:
    """The map (x − shift) · factor of each feature, fitted on training samples.

    Attributes
    ----------
    kind : {"none", "standard", "minmax", "maxabs"}
        "standard": mean 0 and standard deviation 1; "minmax": into [−1, 1]; "maxabs": the largest absolute value becomes 1. Only
        "standard" and "minmax" shift; with them, a feature that does not vary becomes 0.
    shift, factor : tuple of float
        One number per feature.
    """

    kind: str
    shift: tuple[float, ...]
    factor: tuple[float, ...]

    def __call__(self, X: Matrix) -> Matrix:
        """Return the scaled inputs."""
        return (X - np.array(self.shift)) * np.array(self.factor)


def fit_scaling(X: Matrix, kind: str = "standard", *, factor: float = 1.0) -> Scaling:
    """Return a scaling fitted on a training set, and multiplied by `factor`.

    Examples
    --------
    >>> fit_scaling(np.array([[1.0], [3.0]]), "minmax")(np.array([[1.0], [2.0], [5.0]])).ravel().tolist()
    [-1.0, 0.0, 3.0]
    """
    zero, one = np.zeros(X.shape[1]), np.ones(X.shape[1])
    low, high = X.min(axis=0), X.max(axis=0)
    size = np.abs(X).max(axis=0)
    ordinary = (size == 0.0) | ((size > 1e-100) & (size < 1e100))
    unit = np.where(ordinary, 1.0, size)  # squares of numbers near 1e300 overflow, and near 1e-300 they vanish
    shift, spread = {
        "none": (zero, one),
        "standard": ((X / unit).mean(axis=0) * unit, (X / unit).std(axis=0) * unit),
        "minmax": (low / 2 + high / 2, high / 2 - low / 2),
        "maxabs": (zero, size),
    }[kind]
    varies = size > 0 if kind == "maxabs" else (high > low) | (kind == "none")
    with np.errstate(over="ignore", divide="ignore"):
        by = np.divide(factor, spread, out=np.zeros_like(spread), where=varies)
    return Scaling(kind, tuple(map(float, shift)), tuple(map(float, by)))


@dataclass(frozen=True)
class Targets:
    """The encoding of targets for a network's outputs, and its inverse.

    Attributes
    ----------
    kind : {"sign", "one_hot", "class", "number"}
        "sign": ±1 on a single output; "one_hot": +1 on the output of the class and −1 on the others; "class": the class number;
        "number": (y − shift) · factor.
    labels : tuple
        The classes in order; empty for numbers.
    shift, factor : float or tuple of float
        Tuples if there are several targets per sample, one per output.
    """

    kind: str
    labels: tuple[Any, ...] = ()
    shift: float | tuple[float, ...] = 0.0
    factor: float | tuple[float, ...] = 1.0

    def encode(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return the encoded targets of labels or numbers."""
        if self.kind == "number":
            return (np.asarray(y, dtype=float) - np.asarray(self.shift)) * np.asarray(self.factor)
        index = np.searchsorted(np.array(self.labels), y)
        if self.kind == "class":
            return index
        if self.kind == "sign":
            return 2.0 * index - 1.0
        return 2.0 * np.eye(len(self.labels))[index] - 1.0

    def decode(self, predictions: Matrix) -> NDArray[Any]:
        """Return the labels or numbers encoded by rows of outputs."""
        if self.kind == "number":
            one = not isinstance(self.shift, tuple)
            return (predictions[:, 0] if one else predictions) / np.asarray(self.factor) + np.asarray(self.shift)
        index = (predictions[:, 0] > 0).astype(int) if self.kind == "sign" else predictions.argmax(axis=1)
        return np.array(self.labels)[index]


def fit_targets(y: NDArray[Any], outputs: int, *, task: str | None = None, entropy: bool = False, reach: float = 1.0) -> Targets:
    """Return the encoding of a training set's targets.

    Parameters
    ----------
    y : ndarray of shape (samples,)
    task : {"classification", "regression"}, optional
        By default, texts and up to 20 different whole numbers are classes; other targets are numbers.
    entropy : bool
        Whether the cost takes class numbers, as the cross entropy does.
    reach : float
        For regression, training targets are scaled into [−reach, reach].

    Raises
    ------
    InputError
        If the number of outputs does not fit the targets.
    """
    y = whole_numbers(y)
    labels = np.unique(y)
    whole = y.dtype.kind in "iubUSO" and (y.dtype.kind in "US" or len(labels) <= MOST_CLASSES)
    if task == "regression" or (task is None and not whole):
        if y.dtype.kind not in "fiub":
            raise InputError(f"data.task: the targets are words such as {str(labels[0])!r}; regression needs numbers")
        if outputs != 1:
            raise InputError(f"network.outputs: {counted(outputs, 'output')} for one number per sample; give one")
        shift, factor = into_reach(np.array(float(labels[0])), np.array(float(labels[-1])), reach)
        return Targets("number", (), float(shift), float(factor))
    if len(labels) < 2:
        raise InputError(f"data: every training target is {labels[0]!s}; at least two classes are needed")
    classes = tuple(labels.tolist())
    if outputs == 1 and len(classes) == 2 and not entropy:
        return Targets("sign", classes)
    if outputs != len(classes):
        allowed = "1 or 2" if len(classes) == 2 and not entropy else str(len(classes))
        amounts = task is None and y.dtype.kind in "iu" and not entropy
        other = ", or data.task = 'regression' (and one output) if the targets are amounts, not classes" if amounts else ""
        raise InputError(f"network.outputs: {counted(outputs, 'output')} for {len(classes)} classes; give {allowed}{other}")
    return Targets("class" if entropy else "one_hot", classes)


def into_reach(low: NDArray[np.float64], high: NDArray[np.float64], reach: float) -> tuple[Matrix, Matrix]:
    """Return the shift and factor that scale numbers from [low, high] into [−reach, reach]; constant numbers become 0."""
    half = high / 2 - low / 2
    factor = np.divide(reach, half, out=np.ones_like(half), where=half > 0)
    if not np.isfinite(factor).all():
        raise InputError(
            f"targets: their range, {float(half.min() * 2):g}, is too small to be scaled; multiply them by a constant"
        )
    return low / 2 + high / 2, factor


@dataclass(frozen=True)
class Prepared:
    """A data set encoded for the training of a network.

    Attributes
    ----------
    X, Y, X_held_out, Y_held_out : ndarray
        Scaled inputs and encoded targets; those held out may be empty.
    """

    X: Matrix
    Y: NDArray[Any]
    X_held_out: Matrix
    Y_held_out: NDArray[Any]
    scaling: Scaling
    targets: Targets

    def describe(self) -> dict[str, Any]:
        """Return the scaling and the encoding of the targets, for the run's record."""
        return {"scaling": asdict(self.scaling), "targets": asdict(self.targets)}


def split(
    y: NDArray[Any], held_out: float, seed: int, *, stratified: bool = True, name: str = "data.held_out"
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of training and held-out samples, drawn from the seed; `stratified` keeps the shares of the classes.

    Raises
    ------
    InputError
        If the held-out share, called `name`, is not from 0 to below 1, or leaves no sample to train on.
    """
    from sklearn.model_selection import train_test_split

    everything = np.arange(len(y))
    share = real(name, held_out, least=0.0)
    count = round(min(share, 1.0) * len(y))
    if count >= len(y):
        raise InputError(f"{name}: {shown(held_out)} of {len(y)} samples leaves none to train on; hold out fewer")
    if count == 0:
        return everything, everything[:0]
    few = stratified and (np.unique(y, return_counts=True)[1].min() < 2 or min(count, len(y) - count) < len(np.unique(y)))
    number = int(stream(seed, "split").integers(2**31))
    by = y if stratified and not few else None
    trained, rest = train_test_split(everything, test_size=count, random_state=number, stratify=by)
    return np.sort(trained), np.sort(rest)


def prepare(
    data: DataSet,
    outputs: int,
    *,
    held_out: float = 0.25,
    scaling: str = "standard",
    factor: float = 1.0,
    task: str | None = None,
    entropy: bool = False,
    reach: float = 1.0,
    seed: int = 0,
) -> Prepared:
    """Split a data set, and encode it with the scaling and the encoding of its training part."""
    kind = fit_targets(data.y, outputs, task=task, entropy=entropy, reach=reach).kind
    task = "regression" if kind == "number" else "classification"  # determined from all targets, not only the training part
    trained, rest = split(data.y, held_out, seed, stratified=kind != "number")
    targets = fit_targets(data.y[trained], outputs, task=task, entropy=entropy, reach=reach)
    if targets.labels and not np.isin(data.y[rest], targets.labels).all():
        raise InputError("data.held_out: a class has no training sample; hold out fewer samples")
    scale = fit_scaling(data.X[trained], scaling, factor=factor)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = scale(data.X)
    bad = np.argwhere(~np.isfinite(scaled))
    if len(bad):
        name = data.features[bad[0, 1]]
        raise InputError(
            f"{data.source}: column {name!r} holds {data.X[tuple(bad[0])]:g}, which data.scaling = {scaling!r} cannot bring to a "
            "finite number; divide the column by a constant"
        )
    return Prepared(scaled[trained], targets.encode(data.y[trained]), scaled[rest], targets.encode(data.y[rest]), scale, targets)
