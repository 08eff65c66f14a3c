"""Gradients with their error bars, diagnostics and provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from qep_qiskit.archive import Savable
from qep_qiskit.checks import index_of, numbers, shown
from qep_qiskit.display import MOST_LINES, MOST_ROWS, counted, largest_first, left_out
from qep_qiskit.documents import plain
from qep_qiskit.drawing.by_weight import draw_gradient
from qep_qiskit.drawing.card import bar, card
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.equilibrium.noise import ShotNoise
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import Estimate, cells, estimates, with_error
from qep_qiskit.frames import frame
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.values import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Gradient(Savable, Value):
    """dL/dw for every weight, in the order of ``network.names``.

    Attributes
    ----------
    names : tuple of str
    values : ndarray of shape (K,)
    covariance : ndarray of shape (K, K) or None
        The covariance of shot noise, of the calibration and of the error signal; None if expectations are exact. It does not
        vanish if an event is missing from the shots.
    loss, loss_stderr : float, float or None
        The loss ℓ(predictions) of the free phase. Shot noise raises a curved ℓ on average (a squared error by Σσ²). The error
        bar includes that bias; `unbiased_loss` removes it.
    predictions, predictions_stderr : ndarray of shape (num_outputs,), same or None
    diagnostics : Diagnostics
        The gap, the quality of each prepared phase, the finite-β bias, and warnings.
    provenance : mapping
        Versions, circuits, shots, layout, calibration date, seeds, times.
    free : Prepared or None
        The prepared free phase, from which the next gradient can start (``warm_start=``). When pickled it keeps the angles or
        the state needed for that, but no circuits.
    shared : ndarray of shape (K + 1, C) or None
        A matrix S. S Sᵀ is the readout calibration's part of the covariance of the values and, last, the loss. This part is
        common to all gradients of a batch. It is kept in memory only.
    calibration : str or None
        An identifier of the readout calibration: equal for equal counts. It is kept in memory only.
    noise : ShotNoise or None
        The shot noise that every circuit adds; None if expectations are exact. It is kept in memory only.
    loss_bias : float or None
        ½ tr(ℓ'' Cov), the average excess of the loss due to shot noise; None if expectations are exact.
    input_values : ndarray of shape (num_inputs,) or None
        dL/dx for every input; None unless requested by ``inputs=True``.
    input_covariance : ndarray of shape (num_inputs, num_inputs) or None
        The covariance of `input_values`; None if expectations are exact.
    """

    names: tuple[str, ...]
    values: Vector
    covariance: NDArray[np.float64] | None
    loss: float
    loss_stderr: float | None
    predictions: Vector
    predictions_stderr: Vector | None
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    provenance: Mapping[str, object] = field(default_factory=dict, compare=False)
    free: Prepared | None = field(default=None, repr=False, compare=False)
    shared: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    calibration: str | None = field(default=None, repr=False, compare=False)
    noise: ShotNoise | None = field(default=None, repr=False, compare=False)
    loss_bias: float | None = None
    input_values: Vector | None = None
    input_covariance: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "diagnostics", Diagnostics.of(self.diagnostics))  # a custom source may give a mapping

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.__post_init__()  # earlier pickles hold a dict

    @property
    def stderr(self) -> Vector | None:
        """The standard deviation of each value, shape (K,), or None if expectations are exact."""
        return _deviations(self.covariance)

    @property
    def input_stderr(self) -> Vector | None:
        """The standard deviation of each of `input_values`, shape (num_inputs,); None if they are exact or were not asked for."""
        return _deviations(self.input_covariance)

    @property
    def unbiased_loss(self) -> float:
        """The loss minus its bias from shot noise: correct on average, but possibly negative if the loss is near 0."""
        return self.loss - (self.loss_bias or 0.0)

    def __getitem__(self, name: str) -> Estimate:
        """Return a derivative with its error bar: ``grad["J[0,1]"]`` prints 0.123 ± 0.004; an input's is ``grad["x[0]"]``."""
        names, values, stderr = self._all()
        k = index_of("gradient", name, names)
        return Estimate(float(values[k]), None if stderr is None else float(stderr[k]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=float if dtype is None else dtype)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with the weights as its index and the columns ``value`` and ``stderr``.

        If dL/dx was measured, the inputs follow as ``x[0]``, ``x[1]``, ….

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        names, values, errors = self._all()
        columns = {"value": values, "stderr": np.full(len(names), np.nan) if errors is None else errors}
        return frame(columns, names, "weight" if self.input_values is None else "weight or input")

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs in tables, ``x[0]``, ``x[1]``, …; () unless dL/dx was measured."""
        return () if self.input_values is None else tuple(f"x[{i}]" for i in range(len(self.input_values)))

    def _all(self) -> tuple[tuple[str, ...], Vector, Vector | None]:
        """Return the names, values and error bars of the weights, followed by those of the inputs."""
        if self.input_values is None:
            return self.names, self.values, self.stderr
        errors = None if self.stderr is None or self.input_stderr is None else np.append(self.stderr, self.input_stderr)
        return (*self.names, *self.input_names), np.append(self.values, self.input_values), errors

    def plot(self, ax: Axes | None = None, *, exact: Gradient | ArrayLike | None = None) -> Axes:
        """Draw every derivative with its error bar of one standard deviation.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
        exact : Gradient or array_like of shape (K,), optional
            A gradient to compare with, such as that of :func:`qep_qiskit.exact_gradient`. With more than 40 weights, the
            gradient is drawn against it.
        """
        return draw_gradient(self.names, self.values, self.stderr, None if exact is None else self._aligned(exact), ax)

    def _aligned(self, exact: Gradient | ArrayLike) -> Vector:
        if isinstance(exact, Gradient) and exact.names != self.names:
            raise InputError("plot: exact belongs to another network; give the exact gradient of the same problem")
        values = numbers(exact)
        if values is None or values.shape != self.values.shape:
            raise InputError(
                f"exact: {shown(exact)} is not allowed; give a Gradient or {len(self.names)} numbers, one per weight"
            )
        return values

    def to_dict(self) -> dict[str, object]:
        """Return the object that ``qep gradient --json`` prints."""
        return {
            "names": list(self.names),
            "values": plain(self.values),
            "stderr": plain(self.stderr),
            **self._inputs_to_dict(),
            "loss": plain(self.loss),
            "loss_stderr": plain(self.loss_stderr),
            "loss_bias": plain(self.loss_bias),
            "predictions": plain(self.predictions),
            "predictions_stderr": plain(self.predictions_stderr),
            "diagnostics": plain(self.diagnostics),
            "provenance": plain(self.provenance),
        }

    def _inputs_to_dict(self) -> dict[str, object]:
        if self.input_values is None:
            return {}
        return {"input_values": plain(self.input_values), "input_stderr": plain(self.input_stderr)}

    def __str__(self) -> str:
        text = listed(self.names, self.values, self.stderr)
        if self.input_values is None or not len(self.input_values):
            return text
        return f"{text}\n{listed(self.input_names, self.input_values, self.input_stderr)}"

    def __repr__(self) -> str:
        number = len(self.diagnostics.warnings)
        warned = f", {counted(number, 'warning')}" if number else ""
        return f"Gradient({counted(len(self.names), 'weight')}, loss = {with_error(self.loss, self.loss_stderr)}{warned})"

    def _repr_html_(self) -> str:
        names, values, errors = self._all()
        headings, rows, notes = weight_rows(names, values, errors, "∂L/∂w" if self.input_values is None else "∂L/∂w and ∂L/∂x")
        return card(
            f"Gradient of {counted(len(self.names), 'weight')}",
            facts=self._facts(),
            headings=headings,
            rows=rows,
            notes=notes,
            warnings=self.diagnostics.warnings,
        )

    def _facts(self) -> list[str]:
        """Return the loss, the predictions and what ran, each in a few words."""
        ran, predictions = self.provenance, estimates(self.predictions, self.predictions_stderr)
        rest = ", …" if len(predictions) > 3 else ""
        facts = [
            f"loss {with_error(self.loss, self.loss_stderr)}",
            f"{'prediction' if len(predictions) == 1 else 'predictions'} {', '.join(map(str, predictions[:3]))}{rest}",
        ]
        stencil, device, shots, mitigation = (ran.get(key) for key in ("stencil", "device", "shots", "mitigation"))
        if isinstance(stencil, Mapping) and isinstance(stencil.get("beta"), float):
            facts.append(f"β = {stencil['beta']:.3g}")
        if isinstance(device, Mapping) and device.get("name"):
            noise = device.get("noise")
            facts.append(f"{device['name']}" + ("" if noise in (None, device["name"], "its own") else f", noise of {noise}"))
        if isinstance(shots, int):
            facts.append(f"{shots:,} shots per circuit")
        return [*facts, *([str(mitigation)] if mitigation not in (None, "none") else [])]


def _deviations(covariance: NDArray[np.float64] | None) -> Vector | None:
    return None if covariance is None else np.sqrt(np.clip(np.diag(covariance), 0.0, None))


def checked(gradient: Gradient) -> Gradient:
    """Return the gradient unchanged, or raise InputError if one of its numbers is not finite."""
    for what, values in (
        ("gradient", gradient.values),
        ("loss", gradient.loss),
        ("predictions", gradient.predictions),
        ("covariance", gradient.covariance),
        ("gradient of the inputs", gradient.input_values),
        ("covariance of the inputs", gradient.input_covariance),
        ("loss_stderr", gradient.loss_stderr),
        ("predictions_stderr", gradient.predictions_stderr),
    ):
        numbers = np.zeros(0) if values is None else np.atleast_1d(np.asarray(values, dtype=float))
        if not np.isfinite(numbers).all():
            raise InputError(
                f"{what}: {numbers[~np.isfinite(numbers)][0]} is not finite; a weight, an input, a target or β is too large or "
                "too small for double precision"
            )
    return gradient


def listed(names: Sequence[str], values: Vector, errors: Vector | None) -> str:
    """Return one line per weight with its value and error bar; of many weights the largest, and how many are left out."""
    largest = largest_first(values.tolist(), MOST_LINES)
    width = max(len(names[k]) for k in largest)
    lines = [f"{names[k]:<{width}}  {values[k]:+.6f}" + ("" if errors is None else f" ± {errors[k]:.6f}") for k in largest]
    return "\n".join([*lines, *left_out(len(names), len(largest))])


def weight_rows(
    names: Sequence[str], values: Vector, errors: Vector | None, title: str
) -> tuple[tuple[str, ...], list[Sequence[str]], list[str]]:
    """Return headings, rows and notes of a table of weights with bars, for :func:`qep_qiskit.drawing.card.card`."""
    largest = largest_first(values.tolist(), MOST_ROWS)
    texts = cells(values[largest], None if errors is None else errors[largest])
    ends = np.abs(values[largest]) + (0.0 if errors is None else errors[largest])
    end = float(np.max(ends, where=np.isfinite(ends), initial=0.0))
    signed = bool((values[largest] < 0).any())
    bars = [bar(values[k], None if errors is None else errors[k], largest=end, signed=signed) for k in largest]
    rows: list[Sequence[str]] = [(names[k], text, drawn) for k, text, drawn in zip(largest, texts, bars, strict=True)]
    return ("weight", title, ""), rows, left_out(len(names), len(largest))
