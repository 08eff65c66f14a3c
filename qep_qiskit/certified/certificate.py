"""Certificates: one interval per weight that contains the true derivative, with the parts of its width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qep_qiskit.archive import Savable
from qep_qiskit.certified.drawing import draw_certificate
from qep_qiskit.checks import index_of, numbers, shown
from qep_qiskit.display import MOST_LINES, MOST_ROWS, counted, largest_first, left_out
from qep_qiskit.documents import plain
from qep_qiskit.drawing.card import card
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.errors import InputError
from qep_qiskit.frames import frame
from qep_qiskit.values import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Vector = NDArray[np.float64]
TITLES = {
    "finite_beta": "finite β",
    "states": "states",
    "truncation": "truncation",
    "error_signal": "error signal",
    "shots": "shots",
    "rounding": "rounding",
}
"""The parts of an interval's half-width, with their names in tables."""


@dataclass(frozen=True)
class Interval:
    """An interval that contains a true derivative; without bounds, both ends are None.

    Examples
    --------
    >>> print(Interval(-0.5, 0.25))
    [-0.5, 0.25]
    >>> 0.1 in Interval(-0.5, 0.25)
    True
    """

    lower: float | None
    upper: float | None

    def __contains__(self, value: float) -> bool:
        return self.lower is not None and self.upper is not None and self.lower <= value <= self.upper

    def __str__(self) -> str:
        return "no bound" if self.lower is None else f"[{self.lower:.6g}, {self.upper:.6g}]"


@dataclass(frozen=True, eq=False, repr=False)
class Certificate(Savable, Value):
    """Certified intervals: ``certificate["J[0,1]"]`` contains the true dL/dw, in the limit β → 0 and of the true ground state.

    If dL/dx was measured too, ``certificate["x[0]"]`` contains the true dL/dx₀.

    Attributes
    ----------
    gradient : Gradient
        The measured gradient, at the middle of the intervals.
    parts : mapping of str to ndarray of shape (K,)
        The parts of the half-widths: ``finite_beta``, ``states``, ``truncation``, ``error_signal``, ``shots`` and ``rounding``.
        Empty if no bound is known.
    confidence : float
        The probability with which all intervals hold together, over the shots and the random start of the gap's bound; 1 if
        there are neither.
    gap : float or None
        The gap above the free phase's energy that is certain, or assumed.
    method : str
        How the gap was bounded.
    assumptions : tuple of str
        What the intervals rest on besides proof.
    reason : str
        Why no interval is given; empty if there is one.
    input_parts : mapping of str to ndarray of shape (num_inputs,)
        The same parts for dL/dx; arrays of length 0 unless it was measured.
    """

    gradient: Gradient
    parts: Mapping[str, Vector] = field(default_factory=dict)
    confidence: float = 1.0
    gap: float | None = None
    method: str = ""
    assumptions: tuple[str, ...] = ()
    reason: str = ""
    input_parts: Mapping[str, Vector] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The weights."""
        return self.gradient.names

    @property
    def half_width(self) -> Vector:
        """Half the width of each interval, shape (K,); NaN without a bound."""
        if self.reason:
            return np.full(len(self.names), np.nan)
        return np.asarray(sum(self.parts.values(), np.zeros(len(self.names))))

    @property
    def lower(self) -> Vector:
        """The lower ends, shape (K,); NaN without a bound."""
        return np.asarray(self.gradient.values - self.half_width)

    @property
    def upper(self) -> Vector:
        """The upper ends, shape (K,); NaN without a bound."""
        return np.asarray(self.gradient.values + self.half_width)

    @property
    def input_half_width(self) -> Vector:
        """Half the width of each interval of dL/dx, shape (num_inputs,), or (0,) unless it was measured; NaN without a bound."""
        count = len(self.gradient.input_names)
        return np.full(count, np.nan) if self.reason else np.asarray(sum(self.input_parts.values(), np.zeros(count)))

    @property
    def input_lower(self) -> Vector:
        """The lower ends of the intervals of dL/dx."""
        return np.asarray(self._input_values - self.input_half_width)

    @property
    def input_upper(self) -> Vector:
        """The upper ends of the intervals of dL/dx."""
        return np.asarray(self._input_values + self.input_half_width)

    @property
    def _input_values(self) -> Vector:
        values = self.gradient.input_values
        return np.zeros(0) if values is None else np.asarray(values)

    def __getitem__(self, name: str) -> Interval:
        k = index_of("certificate", name, (*self.names, *self.gradient.input_names))
        return Interval(None, None) if self.reason else Interval(*self._ends(k))

    def _ends(self, k: int) -> tuple[float, float]:
        """Return the ends of interval k; the intervals of the inputs follow those of the weights."""
        lower, upper = np.append(self.lower, self.input_lower), np.append(self.upper, self.input_upper)
        return float(lower[k]), float(upper[k])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def contains(self, gradient: Gradient | ArrayLike) -> NDArray[np.bool_]:
        """Return whether each interval contains the value of another gradient, shape (K,)."""
        values = self._aligned(gradient)
        return np.asarray((self.lower <= values) & (values <= self.upper))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row per weight, with the columns ``value``, ``lower``, ``upper`` and the parts."""
        columns = {"value": self.gradient.values, "lower": self.lower, "upper": self.upper, **self.parts}
        return frame(columns, self.names, "weight")

    def plot(self, ax: Axes | None = None, *, exact: Gradient | ArrayLike | None = None) -> Axes:
        """Draw the intervals, and below each its parts on a logarithmic scale.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            If given, only the intervals are drawn.
        exact : Gradient or array_like of shape (K,), optional
            A gradient to show inside the intervals.
        """
        if self.reason:
            raise InputError(f"plot: no interval to draw: {self.reason}")
        inside = None if exact is None else self._aligned(exact)
        parts = {TITLES[name]: values for name, values in self.parts.items()}
        return draw_certificate(self.names, self.gradient.values, parts, inside, ax)

    def _aligned(self, gradient: Gradient | ArrayLike) -> Vector:
        values = numbers(gradient.values if isinstance(gradient, Gradient) else gradient)
        if values is None or values.shape != (len(self),) or (isinstance(gradient, Gradient) and gradient.names != self.names):
            raise InputError(f"gradient: {shown(gradient)} does not fit; give {len(self)} numbers, one per weight")
        return values

    def to_dict(self) -> dict[str, object]:
        """Return the object that ``qep gradient --certify --json`` prints under ``certificate``."""
        given, inputs = not self.reason, self.gradient.input_names
        return {
            **self._document("", self.names, self.lower, self.upper, self.parts),
            **(self._document("input_", inputs, self.input_lower, self.input_upper, self.input_parts) if inputs else {}),
            "confidence": self.confidence if given else None,
            "gap": self.gap,
            "gap_method": self.method or None,
            "assumptions": list(self.assumptions),
            "reason": self.reason or None,
        }

    def _document(
        self, prefix: str, names: Sequence[str], lower: Vector, upper: Vector, parts: Mapping[str, Vector]
    ) -> dict[str, object]:
        ends = {"lower": plain(lower), "upper": plain(upper), "parts": {name: plain(values) for name, values in parts.items()}}
        return {f"{prefix}names": list(names), **{prefix + key: None if self.reason else value for key, value in ends.items()}}

    @property
    def largest_part(self) -> str:
        """The part that makes up most of the widths, in words."""
        return "" if self.reason else TITLES[max(self.parts, key=lambda name: float(self.parts[name].sum()))]

    def __str__(self) -> str:
        if self.reason:
            return f"no certified interval: {self.reason}"
        shown_weights = largest_first(self.gradient.values.tolist(), MOST_LINES)
        width = max(len(self.names[k]) for k in shown_weights)
        rows = [f"{self.names[k]:<{width}}  {self.ends(k)}" for k in shown_weights]
        rows += left_out(len(self.names), len(shown_weights))
        inputs = enumerate(self.gradient.input_names, len(self.names))
        return "\n".join([*rows, *(f"{name:<{width}}  {self.ends(k)}" for k, name in inputs)])

    def __repr__(self) -> str:
        if self.reason:
            return f"Certificate({counted(len(self), 'weight')}, no interval: {self.reason})"
        median = float(np.median(self.half_width))
        return f"Certificate({counted(len(self), 'weight')}, median half-width {median:.2g}, most of it {self.largest_part})"

    def _repr_html_(self) -> str:
        if self.reason:
            return card("No certified interval", facts=self.facts())
        shown_weights = largest_first(self.gradient.values.tolist(), MOST_ROWS)
        inputs = bool(self.gradient.input_names)
        headings = ("weight or input", "the derivative lies in") if inputs else ("weight", "∂L/∂w lies in")
        used = [name for name, values in self.parts.items() if np.any(values)]
        rows = [(self.names[k], self.ends(k), *(f"{self.parts[name][k]:.1e}" for name in used)) for k in shown_weights]
        for i, name in enumerate(self.gradient.input_names):
            rows.append((name, self.ends(len(self.names) + i), *(f"{self.input_parts[part][i]:.1e}" for part in used)))
        return card(
            f"Certified intervals of {counted(len(self), 'weight')}",
            facts=self.facts(),
            headings=(*headings, *(TITLES[name] for name in used)),
            rows=rows,
            notes=left_out(len(self.names), len(shown_weights)),
            warnings=self.assumptions,
        )

    def facts(self) -> list[str]:
        """Return the confidence and the gap, each in a few words; without an interval, the reason."""
        if self.reason:
            return [self.reason]
        chance = 1.0 - self.confidence
        sure = f"confidence {self.confidence:.6g} for all intervals together"
        if chance < 1e-6:
            sure = "by proof" + (f" but for a chance of {chance:.0e}" if chance else "")
        return [sure, f"gap of at least {self.gap:.4g} ({self.method})"]

    def lines(self) -> list[str]:
        """Return a few lines: what the intervals rest on and the medians of the parts, or why there are none."""
        if self.reason:
            return [f"no interval: {self.reason}"]
        parts = ", ".join(f"{TITLES[name]} {np.median(values):.1e}" for name, values in self.parts.items() if np.any(values))
        sizes = f"median half-width {np.median(self.half_width):.1e}: {parts}"
        return [", ".join(self.facts()), sizes, *(f"assumption: {text}" for text in self.assumptions)]

    def ends(self, k: int) -> str:
        """Return interval k, those of the inputs after those of the weights, with the digits that its width leaves."""
        lower, upper = self._ends(k)
        digits = int(np.clip(2 - np.floor(np.log10(max((upper - lower) / 2, 1e-15))), 2, 15))
        return f"[{lower:+.{digits}f}, {upper:+.{digits}f}]"
