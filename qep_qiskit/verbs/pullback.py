"""Pullbacks: reverse-mode differentiation of a network's predictions, by equilibrium propagation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qep_qiskit.checks import numbers, shown
from qep_qiskit.costs import LinearCost
from qep_qiskit.display import counted, different
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.errors import InputError, NudgeWarning
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.networks.network import Network
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.problem import Problem, naming_sample
from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.reference.response import exact_gradient, variational_gradients
from qep_qiskit.settings import Options, Settings
from qep_qiskit.stencils import extrapolated
from qep_qiskit.values import Value
from qep_qiskit.verbs.gradient import gradient
from qep_qiskit.verbs.gradients import gradients

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Pullback(Value):
    """A vector-Jacobian product of a network's predictions: a cotangent, pulled back to the weights and the inputs.

    All arrays have a leading axis of samples if :func:`qep_qiskit.vjp` was called for a batch.

    Attributes
    ----------
    weights : ndarray of shape (num_weights,)
        Σ_m v_m ∂⟨O_m⟩/∂w, in the order of ``network.names``.
    inputs : ndarray of shape (num_inputs,)
        Σ_m v_m ∂⟨O_m⟩/∂x.
    weights_stderr, inputs_stderr : ndarrays of the same shapes, or None
        One standard deviation; None if expectations are exact.
    gradients : tuple of Gradient or None
        The gradient of each sample, with its predictions, covariance, diagnostics and provenance; None if its cotangent is zero.
    """

    weights: Array
    inputs: Array
    weights_stderr: Array | None = None
    inputs_stderr: Array | None = None
    gradients: tuple[Gradient | None, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def of(cls, gradient: Gradient) -> Pullback:
        """Return the pullback that a gradient of a :class:`LinearCost` holds, for instance one that a run collected.

        Raises
        ------
        InputError
            If dL/dx was not measured with it.
        """
        if not isinstance(gradient, Gradient) or gradient.input_values is None:
            raise InputError(f"Pullback.of: {shown(gradient)} holds no dL/dx; give a gradient measured with inputs=True")
        return cls(gradient.values, gradient.input_values, gradient.stderr, gradient.input_stderr, (gradient,))

    def __repr__(self) -> str:
        batch = f"{counted(len(self.weights), 'sample')}, " if self.weights.ndim == 2 else ""
        weights, inputs = self.weights.shape[-1], self.inputs.shape[-1]
        return f"Pullback({batch}{counted(weights, 'weight')}, {counted(inputs, 'input')})"


def differentiated(
    problems: Sequence[Problem], settings: Settings, options: Options, progress: ProgressOption
) -> list[Gradient | None]:
    """Return the gradient of every problem that :func:`problems_of` made; None if its cotangent is zero.

    Parameters
    ----------
    settings : Settings
        The settings that `options` make, with all defaults.
    """
    asked = [i for i, problem in enumerate(problems) if any(problem.cost.cotangent)]  # type: ignore[attr-defined]
    results: list[Gradient | None] = [None] * len(problems)
    if asked:
        measure = _limits(settings, options) or _measured(settings, options)
        free = options.get("stencil") is None and settings.shots is None  # no β is given, nor one that balances the shots
        exponents = [_exponent(problems[i]) if free else 0 for i in asked]
        measured = measure([_times(problems[i], -e) for i, e in zip(asked, exponents, strict=True)], progress)
        for i, e, result in zip(asked, exponents, measured, strict=True):
            results[i] = _multiplied(result, e)
    return results


Measure = Callable[[Sequence[Problem], ProgressOption], list[Gradient]]


def _limits(settings: Settings, options: Options) -> Measure | None:
    """Return the function for the limit β → 0, if that is what the options ask for and the states have it."""
    preparer, seed = settings.preparer, settings.seed
    plain = settings.shots is None and settings.mitigation == Mitigation() and getattr(settings.device, "exact", False)
    if options.get("stencil") is not None or not plain:
        return None
    if preparer.supports.variational:
        return lambda problems, progress: _warned(variational_gradients(problems, preparer, seed=seed, progress=progress))
    if reference_state(preparer) is not preparer:
        return None

    def exact(problems: Sequence[Problem], progress: ProgressOption) -> list[Gradient]:
        with showing(progress) as report:
            return [exact_gradient(problem, preparer=preparer, seed=seed, progress=report) for problem in problems]

    return exact


def _exponent(problem: Problem) -> int:
    """Return the power of two of the cotangent's largest number, far enough from overflow for β."""
    return int(np.clip(np.frexp(np.abs(problem.cost.cotangent).max())[1], -900, 900))  # type: ignore[attr-defined]


def _times(problem: Problem, exponent: int) -> Problem:
    """Return a problem with its cotangent times a power of two: no size of it overflows, is lost, or stops a search early."""
    if exponent == 0:
        return problem
    cost = LinearCost(np.ldexp(problem.cost.cotangent, exponent))  # type: ignore[attr-defined]
    return Problem(problem.network, problem.weights, problem.x, cost=cost, input_gradient=True)


def _multiplied(gradient: Gradient, exponent: int) -> Gradient:
    """Return an exact gradient for a cotangent that is larger, and a β that is smaller, by a power of two: no digit changes."""
    if exponent == 0:
        return gradient

    def times(numbers: Any, power: int = exponent) -> Any:
        return None if numbers is None else np.ldexp(numbers, power)

    diagnostics = gradient.diagnostics
    bias = None if diagnostics.beta_bias is None else dict(diagnostics.beta_bias)
    others = dict(diagnostics.more)
    for held, names in ((bias or {}, ("values", "limit")), (others, ("uncertainty", "error_bound"))):
        held.update({name: times(held[name]).tolist() for name in names if held.get(name) is not None})
    stencil = gradient.provenance.get("stencil")
    if isinstance(stencil, Mapping) and "beta" in stencil:
        stencil = {**stencil, "beta": float(times(stencil["beta"], -exponent))}
    return replace(
        gradient,
        values=times(gradient.values),
        loss=float(times(gradient.loss)),
        input_values=times(gradient.input_values),
        diagnostics=replace(
            diagnostics,
            phases=tuple(replace(phase, beta=float(times(phase.beta, -exponent))) for phase in diagnostics.phases),
            beta_bias=bias,  # type: ignore[arg-type]
            more=others,
        ),
        provenance={**gradient.provenance, **({} if stencil is None else {"stencil": stencil})},
    )


def _measured(settings: Settings, options: Options) -> Measure:
    """Return the function that measures with a stencil; without shots, the default is the one of the highest order."""
    if options.get("stencil") is None and settings.shots is None:
        options = {**options, "stencil": extrapolated()}

    def measured(problems: Sequence[Problem], progress: ProgressOption) -> list[Gradient]:
        if len(problems) == 1:
            return [gradient(problems[0], progress=progress, **options)]
        return _warned(gradients(problems, progress=progress, **options))

    return measured


def _warned(results: list[Gradient]) -> list[Gradient]:
    """Raise the warnings of a batch, each once, as those of the caller of `vjp`, and return the results."""
    for text in different(text for result in results for text in result.diagnostics.warnings):
        warnings.warn(text, NudgeWarning, stacklevel=5)
    return results


def pullback_of(network: Network, results: Sequence[Gradient | None], batch: bool, *, exact: bool) -> Pullback:
    """Return the pullback that holds the results of :func:`differentiated`; `batch`: with an axis of samples."""

    def rows(read: Callable[[Gradient], Array | None], count: int) -> Array:
        values = [np.zeros(count) if result is None else np.asarray(read(result)) for result in results]
        return np.array(values) if batch else values[0]

    return Pullback(
        weights=rows(lambda result: result.values, network.num_weights),
        inputs=rows(lambda result: result.input_values, network.num_inputs),
        weights_stderr=None if exact else rows(lambda result: result.stderr, network.num_weights),
        inputs_stderr=None if exact else rows(lambda result: result.input_stderr, network.num_inputs),
        gradients=tuple(results),
    )


def problems_of(
    network: Network, weights: ArrayLike | Mapping[str, float], x: ArrayLike | None, cotangent: ArrayLike
) -> tuple[list[Problem], bool]:
    """Return the problem of each sample, and whether there is an axis of samples."""
    if not isinstance(network, Network):
        raise InputError(f"vjp: network is {shown(network)}; give a Network such as qep.ising(...)")
    columns = {"weights": _samples(weights), "x": _samples(x), "cotangent": _samples(cotangent)}
    lengths = {name: len(rows) for name, rows in columns.items() if rows is not None}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"vjp: {', '.join(f'{name} has {n}' for name, n in lengths.items())} samples; give all the same number, or leave out "
            "the axis of samples where a value is shared"
        )
    count = next(iter(lengths.values()), None)
    if count == 0:
        raise InputError("vjp: the batch is empty; give at least one sample")
    given = {"weights": weights, "x": x, "cotangent": cotangent}

    def at(name: str, i: int) -> ArrayLike:
        rows = columns[name]
        return given[name] if rows is None else rows[i]  # type: ignore[return-value]

    def problem(i: int) -> Problem:
        with naming_sample(i, count or 1):
            return Problem(network, at("weights", i), at("x", i), cost=LinearCost(at("cotangent", i)), input_gradient=True)

    return [problem(i) for i in range(count or 1)], count is not None


def _samples(values: object) -> Array | None:
    """Return the rows of a table of numbers; None for anything else, which Problem reads and checks."""
    if isinstance(values, Mapping):
        return None
    rows = numbers(values)
    return rows if rows is not None and rows.ndim == 2 else None
