"""Training samples: inputs, targets, and the costs of the targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import numbers, shown
from qep_qiskit.costs import Cost
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import COSTS, one_of
from qep_qiskit.networks.network import Network

Matrix = NDArray[np.float64]
CostMaker = Callable[[Any], Cost]


@dataclass(frozen=True)
class TrainingSamples:
    """Inputs, targets and costs of a data set.

    Attributes
    ----------
    X : ndarray of shape (samples, num_inputs)
    Y : ndarray of shape (samples, …) or None
        The targets as given; None if the cost needs none.
    costs : tuple of Cost
        One per sample.
    features : tuple of str or None
        The column names of X if it is a table. Columns of other tables are put into this order.
    """

    X: Matrix
    Y: NDArray[Any] | None
    costs: tuple[Cost, ...]
    features: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.X)


def samples_of(
    network: Network, X: object, Y: object, cost: object, *, where: str = "", features: tuple[str, ...] | None = None
) -> TrainingSamples:
    """Check the data of a training and return it as samples.

    Parameters
    ----------
    X : array_like of shape (samples, num_inputs) or None
        None for one sample without inputs.
    Y : array_like of shape (samples,) or (samples, num_outputs), or None
        None is allowed only if `cost` is a Cost.
    cost : str, callable or Cost
        The name of a cost, a function from one y to its cost, or a Cost for all samples.
    where : str
        A prefix for names in error messages, such as ``"validation "``.
    features : tuple of str, optional
        The column names of the training inputs, in order.
    """
    X = in_order(X, features, f"{where}X")
    features = features if features is not None else _features(X)
    inputs = _inputs(network, X, where)
    if isinstance(cost, Cost) and not isinstance(cost, type):
        targets = None if Y is None else _targets(Y, len(inputs), where)
        return _checked(network, TrainingSamples(inputs, targets, (cost,) * len(inputs), features))
    maker = cost_maker(cost)
    if Y is None:
        raise InputError(
            f"{where}Y: missing; give one target per sample, or a cost that needs none such as qep.ObservableCost(...)"
        )
    targets = _targets(Y, len(inputs), where)
    costs = []
    for number, y in enumerate(targets):
        target = _one(cost, y, network, number, where)
        try:
            value = maker(target)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"cost: failed for {where}Y[{number}] = {shown(y)} ({type(error).__name__}: {error}); a cost function "
                "takes one y and returns a cost such as qep.SquaredError(y)"
            ) from error
        if not isinstance(value, Cost):
            raise InputError(
                f"cost: returned {shown(value)} for {where}Y[{number}]; it must return a cost such as qep.SquaredError(y)"
            )
        costs.append(value)
    return _checked(network, TrainingSamples(inputs, targets, tuple(costs), features))


def _features(X: object) -> tuple[str, ...] | None:
    columns = getattr(X, "columns", None) if hasattr(X, "to_numpy") else None
    return None if columns is None else tuple(str(name) for name in columns)


def in_order(X: Any, features: tuple[str, ...] | None, where: str) -> Any:
    """Return a table with its columns in the order of `features`; data without column names is returned unchanged.

    Raises
    ------
    InputError
        If a column is missing, unknown or duplicated.
    """
    columns = _features(X)
    if features is None or columns is None or columns == features:
        return X
    for feature in features:
        if columns.count(feature) != 1:
            how = "missing" if feature not in columns else "there twice"
            raise InputError(f"{where}: column {feature!r} is {how}; the training had {', '.join(features)}")
    for name in columns:
        if name not in features:
            raise InputError(f"{where}: column {name!r} is not one of the training's: {', '.join(features)}")
    return np.asarray(X.to_numpy())[:, [columns.index(name) for name in features]]


def cost_maker(cost: object) -> CostMaker:
    """Return a function from one y to its cost."""
    if callable(cost):
        return cost
    with_target = [name for name in COSTS if "target" in COSTS.named(name, "cost").parameters]
    if not isinstance(cost, str):
        raise InputError(f"cost: {shown(cost)} is not allowed; give {one_of(with_target)}, a function of y, or a cost")
    maker: CostMaker = COSTS[cost]
    if cost not in with_target:
        raise InputError(f"cost: {cost!r} has no target y; give {one_of(with_target)}, a function of y, or a cost itself")
    return maker


def _one(cost: object, y: Any, network: Network, number: int, where: str) -> Any:
    """Return one target in the form that the named cost takes; for a cost function it is unchanged."""
    if not isinstance(cost, str):
        return y
    if cost == "softmax_cross_entropy":
        if np.ndim(y) == 0:
            if float(y) != int(y) or not 0 <= y < network.num_outputs:
                raise InputError(
                    f"{where}Y[{number}]: {y!s} is not a class; "
                    f"softmax_cross_entropy takes whole numbers from 0 to {network.num_outputs - 1}"
                )
            return int(y)
        return np.asarray(y, dtype=float)
    target = np.atleast_1d(np.asarray(y, dtype=float))
    if target.shape != (network.num_outputs,):
        raise InputError(
            f"{where}Y[{number}]: shape {target.shape}, expected ({network.num_outputs},): one number per output of the network"
        )
    return target


def _inputs(network: Network, X: object, where: str) -> Matrix:
    if X is None:
        if network.num_inputs:
            raise InputError(f"{where}X: missing; the network has {network.num_inputs} inputs")
        return np.zeros((1, 0))
    rows = numbers(X.to_numpy() if hasattr(X, "to_numpy") else X)
    if rows is None:
        raise InputError(f"{where}X: is not a table of numbers; give an array of shape (samples, {network.num_inputs})")
    if rows.ndim == 1 and network.num_inputs == 1:
        rows = rows[:, None]
    if rows.ndim != 2 or rows.shape[1] != network.num_inputs:
        raise InputError(
            f"{where}X: shape {rows.shape}, expected (samples, {network.num_inputs}): one column per input of the network"
        )
    if not len(rows):
        raise InputError(f"{where}X: has no samples; give at least one")
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        row, column = bad[0]
        raise InputError(f"{where}X[{row}, {column}]: {rows[row, column]} is not allowed; all inputs must be finite numbers")
    return rows


def _targets(Y: object, count: int, where: str) -> NDArray[Any]:
    try:
        targets = np.asarray(Y.to_numpy() if hasattr(Y, "to_numpy") else Y)
    except ValueError:
        raise InputError(f"{where}Y: its rows differ in length; give one target per sample") from None
    if np.ma.isMaskedArray(Y):
        masked = numbers(Y)
        targets = targets if masked is None else masked
    if targets.dtype.kind == "O":
        plain = numbers(targets)
        targets = targets if plain is None else plain
    if targets.ndim == 0 or len(targets) != count:
        got = "a single value" if targets.ndim == 0 else f"{len(targets)} targets"
        raise InputError(f"{where}Y: {got} for {count} samples; give one per sample")
    if targets.dtype.kind not in "fiub":
        raise InputError(f"{where}Y: holds {targets.dtype} values; targets are numbers (QEPClassifier takes labels)")
    bad = np.argwhere(~np.isfinite(targets.astype(float)))
    if len(bad):
        raise InputError(
            f"{where}Y[{', '.join(map(str, bad[0]))}]: {targets[tuple(bad[0])]} is not allowed; targets must be finite numbers"
        )
    return targets


def _checked(network: Network, samples: TrainingSamples) -> TrainingSamples:
    samples.costs[0].observables(network)
    return samples
