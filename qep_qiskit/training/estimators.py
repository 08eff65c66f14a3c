"""Networks of qubits as scikit-learn estimators, for pipelines and parameter searches.

Both estimators pass every check of scikit-learn's ``check_estimator``, without expected failures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields, is_dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from qep_qiskit.checks import shown, whole
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.networks.graph import MOST_SPINS
from qep_qiskit.networks.ising import ising
from qep_qiskit.networks.network import Network
from qep_qiskit.stencils import Stencil, stencil
from qep_qiskit.training.data.encoding import Targets, into_reach, split
from qep_qiskit.training.fitting import train
from qep_qiskit.training.loop.trained import TrainingResult

DEFAULT_BOUNDS = {"g": (0.3, 2.0)}
"""Bounds for the default network: without a transverse field, ground states cross and have no gradient."""

NESTED = ("preparer", "optimizer")
"""Options that have options of their own, which scikit-learn's searches address as ``preparer__time``."""

OWN_OPTIONS = {"preparer": "qep.VQE()", "optimizer": "qep.training.Adam()", "stencil": "qep.symmetric(0.1)"}
"""Options whose values have options of their own, each with an example."""

PASSED_ON = (
    *("cost", "gradient", "preparer", "stencil", "device", "shots", "mitigation", "optimizer", "learning_rate"),
    *("schedule", "epochs", "batch_size", "l2", "soft_cutoff", "early_stopping", "run"),
)


def default_network(features: int, outputs: int, hidden: int = 2) -> Network:
    """Return a network in which every clamped input is coupled to every hidden and output spin, and these to each other."""
    hidden = whole("hidden", hidden, most=MOST_SPINS)
    sites = features + hidden + outputs
    edges = [(i, j) for j in range(features, sites) for i in range(j)]
    return ising(sites=sites, edges=edges, inputs=range(features), outputs=range(features + hidden, sites), clamp=True)


@dataclass(eq=False, repr=False)
class _Estimator(BaseEstimator):
    """The base of both estimators: the options of :func:`qep_qiskit.train`, and predictions."""

    network: Network | None = None
    _: KW_ONLY
    hidden: int = 2
    cost: object = "squared_error"
    gradient: str = "equilibrium"
    preparer: object = None
    stencil: object = None
    device: object = None
    shots: int | None = None
    mitigation: str = "none"
    optimizer: object = "adam"
    learning_rate: float = 0.05
    schedule: object = "cosine"
    epochs: int = 30
    batch_size: int = 10
    bounds: object = None
    l2: float = 0.0
    soft_cutoff: object = None
    early_stopping: int | None = None
    validation_fraction: float = 0.1
    run: str | os.PathLike[str] | None = None
    random_state: Any = 0

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the options; if `deep`, also those of the preparer and the optimizer, such as ``preparer__time``."""
        options: dict[str, Any] = super().get_params(deep=deep)
        if deep:
            for name in NESTED:
                value = getattr(self, name)
                if is_dataclass(value):
                    options |= {f"{name}__{f.name}": getattr(value, f.name) for f in fields(value) if f.init}
        return options

    def set_params(self, **params: Any) -> Self:
        """Set options by name; ``preparer__time=8.0`` sets the preparer's time, and ``stencil__beta=0.2`` the stencil's β.

        Raises
        ------
        InputError
            If the preparer, optimizer or stencil has no such option.
        """
        whole_ones = {name: value for name, value in params.items() if "__" not in name}
        super().set_params(**whole_ones)
        changes: dict[str, dict[str, Any]] = {}
        for name in params.keys() - whole_ones.keys():
            head, _, tail = name.partition("__")
            changes.setdefault(head, {})[tail] = params[name]
        for head, options in changes.items():
            setattr(self, head, _changed(head, getattr(self, head, None), options))
        return self

    def _checked_network(self) -> None:
        if self.network is not None and not isinstance(self.network, Network):
            raise InputError(f"network: {shown(self.network)} is not allowed; give a Network such as qep.ising(...), or None")

    def _fitted(self, X: NDArray[np.float64], y: NDArray[Any], targets: Targets, outputs: int) -> None:
        seed = _seed(self.random_state)
        network = default_network(X.shape[1], outputs, self.hidden) if self.network is None else self.network
        if network.num_inputs != X.shape[1]:
            raise InputError(f"network: has {network.num_inputs} inputs, X has {X.shape[1]} features; give as many")
        if network.num_outputs != outputs:
            raise InputError(f"network: has {network.num_outputs} outputs, these targets need {outputs}")
        bounds = DEFAULT_BOUNDS if self.network is None and self.bounds is None else self.bounds
        Y, validation = targets.encode(y), None
        if self.early_stopping is not None:
            training, held_out = split(
                y, self.validation_fraction, seed, stratified=bool(targets.labels), name="validation_fraction"
            )
            if not len(held_out):
                raise InputError(f"validation_fraction: {self.validation_fraction!r} of {len(X)} samples is none; give more")
            X, Y, validation = X[training], Y[training], (X[held_out], Y[held_out])
        options: dict[str, Any] = {name: getattr(self, name) for name in PASSED_ON}
        self.network_ = network
        self.targets_ = targets
        self.result_: TrainingResult = train(network, X, Y, validation=validation, bounds=bounds, seed=seed, **options)
        self.weights_ = self.result_.weights
        self.n_iter_ = len(self.result_.epochs)

    def outputs(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the network's outputs, shape (samples, num_outputs), as exact expectations in the prepared states."""
        check_is_fitted(self)
        return self.result_.predict(validate_data(self, X, reset=False, dtype=float))


class QEPClassifier(ClassifierMixin, _Estimator):
    """A network of qubits as a classifier, trained by equilibrium propagation.

    Parameters
    ----------
    network : Network, optional
        A network with one input per feature of X. It has one output per class, or a single output for two classes. Default:
        clamped inputs, `hidden` spins and the outputs, all coupled.
    hidden : int
        The number of hidden spins of the default network.
    cost : {"squared_error", "squared_error_observable", "softmax_cross_entropy"} or callable
        With one output, the targets are ±1. With one output per class, they are +1 for the sample's class and −1 for the others.
        "softmax_cross_entropy" needs one output per class and gets class numbers.
    gradient, preparer, stencil, device, shots, mitigation, optimizer, learning_rate, schedule, epochs, batch_size
        See :func:`qep_qiskit.train`.
    bounds, l2, soft_cutoff
        See :func:`qep_qiskit.train`. The transverse fields of a default network are bounded away from zero.
    early_stopping : int, optional
        Stop after this many epochs without a better loss on the held-out samples.
    validation_fraction : float
        The share of the samples that is held out for early stopping.
    run : path, optional
        A folder in which every step is stored: an interrupted fit resumes if it is called again with the same data. Not for
        parameter searches, in which every fit is different.
    random_state : int, RandomState or None

    Attributes
    ----------
    classes_ : ndarray
    network_ : Network
    weights_ : mapping
    result_ : TrainingResult
    n_features_in_, n_iter_ : int

    Notes
    -----
    Scale inputs to about one, for example with a StandardScaler in a Pipeline.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> model = qep.QEPClassifier(epochs=15).fit([[-1.0], [-0.8], [0.7], [1.0]], ["low", "low", "high", "high"])
    >>> model.predict([[-0.9], [0.9]]).tolist()
    ['low', 'high']
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the network on samples and their labels."""
        self._checked_network()
        rows, labels = validate_data(self, X, y, dtype=float)
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        count = len(self.classes_)
        if count < 2:
            raise InputError(f"y: has one class, {self.classes_[0]!s}; a classifier needs two or more")
        entropy = isinstance(self.cost, str) and self.cost == "softmax_cross_entropy"
        single = count == 2 and not entropy and (self.network is None or self.network.num_outputs == 1)
        kind = "class" if entropy else "sign" if single else "one_hot"
        self._fitted(rows, labels, Targets(kind, tuple(self.classes_)), 1 if single else count)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the predicted label of each sample."""
        outputs = self.outputs(X)
        index = (outputs[:, 0] > 0).astype(int) if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        return np.asarray(self.classes_[index])

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return one score per sample for two classes, shape (samples,); for more classes, the outputs as columns."""
        outputs = self.outputs(X)
        if outputs.shape[1] == 1:
            return outputs[:, 0]
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each class, shape (samples, classes).

        The probability of a class is (1 + ⟨Z⟩)/2 of its output, normalised; for the cross entropy, the softmax of the outputs.
        """
        outputs = self.outputs(X)
        if isinstance(self.cost, str) and self.cost == "softmax_cross_entropy":
            powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            return powers / powers.sum(axis=1, keepdims=True)
        up = np.clip((1.0 + outputs) / 2, 1e-12, 1.0)
        if outputs.shape[1] == 1:
            return np.hstack([1.0 - up, up])
        return up / up.sum(axis=1, keepdims=True)


class QEPRegressor(RegressorMixin, _Estimator):
    """A network of qubits as a regressor, trained by equilibrium propagation; for the options see `QEPClassifier`.

    Training targets are scaled into [−0.8, 0.8], which outputs can reach, and predictions are scaled back. If there are several
    targets per sample, each has its own output and its own scale.

    Attributes
    ----------
    network_ : Network
    weights_ : mapping
    result_ : TrainingResult
    n_features_in_, n_iter_ : int

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> X = [[-1.0], [-0.5], [0.0], [0.5], [1.0]]
    >>> model = qep.QEPRegressor(epochs=60).fit(X, [1.0, 2.0, 3.0, 4.0, 5.0])
    >>> model.score(X, [1.0, 2.0, 3.0, 4.0, 5.0]) > 0.9
    True
    """

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the network on samples and their target values, of shape (samples,) or (samples, targets)."""
        self._checked_network()
        rows, numbers = validate_data(self, X, y, dtype=float, y_numeric=True, multi_output=True)
        numbers = np.asarray(numbers, dtype=float)
        low, high = numbers.min(axis=0), numbers.max(axis=0)
        shift, factor = into_reach(np.asarray(low), np.asarray(high), 0.8)
        targets = Targets("number", (), _plain(shift), _plain(factor))
        self._fitted(rows, numbers, targets, 1 if numbers.ndim == 1 else numbers.shape[1])
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the predicted values, in the shape of the training targets."""
        outputs = self.outputs(X)
        return self.targets_.decode(outputs)


def _changed(name: str, value: Any, options: Mapping[str, Any]) -> Any:
    """Return the value of an option, with some of its own options changed."""
    keys = ", ".join(f"{name}__{option}" for option in options)
    if name not in OWN_OPTIONS:
        raise InputError(
            f"{keys}: is not allowed; {', '.join(OWN_OPTIONS)} have options of their own; other options are replaced whole"
        )
    if not is_dataclass(value) or isinstance(value, type) or (name not in NESTED and not isinstance(value, Stencil)):
        raise InputError(f"{keys}: is not allowed; {name} is {shown(value)}; first give it a value such as {OWN_OPTIONS[name]}")
    names = ["kind", "beta"] if isinstance(value, Stencil) else [f.name for f in fields(value) if f.init]
    for option in options:
        if option not in names:
            kind = type(value).__name__
            raise InputError(
                f"{name}__{option}: {kind} has no option {option!r}; it has {', '.join(names)}{nearest(option, names)}"
            )
    if isinstance(value, Stencil):
        return stencil(options.get("kind", value.kind), options.get("beta", value.beta))
    return replace(value, **options)


def _seed(random_state: Any) -> int:
    """Return a training's seed for scikit-learn's `random_state`; 0 is used unchanged."""
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool) and random_state == 0:
        return 0
    if random_state is not None and not isinstance(random_state, np.random.RandomState | np.random.Generator):
        random_state = whole("random_state", random_state, most=2**32 - 1, what="a whole number, a RandomState or None;")
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    return int(check_random_state(random_state).randint(2**31 - 1))


def _plain(values: NDArray[np.float64]) -> float | tuple[float, ...]:
    return float(values) if values.ndim == 0 else tuple(map(float, values))
