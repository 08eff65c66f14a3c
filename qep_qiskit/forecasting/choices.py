"""Predictions side by side for another β, stencil, layers, mitigation or qubits, and what they say about each mitigation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qep_qiskit.display import counted
from qep_qiskit.estimates import duration, percent
from qep_qiskit.values import Value

EQUAL = 1.03
"""Two errors or prices with a ratio below this count as equal."""
CANCELS = 1.1
"""The ratio of the quadrature sum of causes and shots to the error above which causes count as cancelling."""
TITLES = {"finite_beta": "finite β", "prepared": "prepared states", "device": "device noise", "shots": "shots"}
"""The parts of an error, with their names."""

WORDS = {1: "helps here", 0: "makes no difference here", -1: "does not help here"}
FACTORS = {
    "given": "as given",
    "beta": "β",
    "stencil": "stencil",
    "layers": "layers",
    "mitigation": "mitigation",
    "qubits": "qubits",
    "all": "combined",
}
"""The factors that the choices vary, with their names."""


@dataclass(frozen=True, eq=False)
class Measure(Value):
    """One way of measuring a gradient, with its predicted error and price.

    Attributes
    ----------
    factor : str
        The factor that is varied: a key of `FACTORS`.
    label : str
        The varied option.
    changes : mapping
        The keys of a spec that differ from the plan as given, with their values.
    relative_error, spread : float or None
        The root-mean-square relative error, and its standard deviation over repeats.
    own_error : float or None
        The part of the error that shots do not reduce.
    parts : mapping
        The sizes of ``finite_beta``, ``prepared``, ``device`` (noise after mitigation) and ``shots``, as shares of the gradient's
        norm; None if unknown. The first three are norms of vectors that add up to the bias; shots add in quadrature.
    ball : float
        The uncertainty of the part ``device`` because light cones were cut to balls; 0 if they were not.
    opposed : tuple of str
        The two causes whose biases are the most opposite to each other; empty if no two are.
    seconds : float or None
        QPU seconds.
    shots : int or None
        The total number of shots, including calibration.
    two_qubit_gates : int or None
        The number in the largest circuit.
    note : str
        The reason if nothing is predicted.
    shared : str
        The options that it shares with the other rows of its factor; empty if the label names them all.
    settings : Settings or None
        The options for :func:`gradient`.
    """

    factor: str
    label: str
    changes: Mapping[str, object] = field(default_factory=dict)
    relative_error: float | None = None
    spread: float | None = None
    own_error: float | None = None
    parts: Mapping[str, float | None] = field(default_factory=dict)
    ball: float = 0.0
    opposed: tuple[str, ...] = ()
    seconds: float | None = None
    shots: int | None = None
    two_qubit_gates: int | None = None
    note: str = ""
    shared: str = ""
    settings: Any = field(default=None, compare=False, repr=False)

    @property
    def separate_error(self) -> float | None:
        """The causes and shots added in quadrature, as if no causes cancelled; None if a part is not known."""
        sizes = [share for share in self.parts.values() if share is not None]
        return math.hypot(*sizes) if sizes and len(sizes) == len(self.parts) else None

    @property
    def cautious_error(self) -> float | None:
        """The larger of the expected error and the separate one. On other samples or weights causes may not cancel."""
        if self.relative_error is None:
            return None
        return max(self.relative_error, self.separate_error or 0.0)

    @property
    def cancels(self) -> bool:
        """Whether the expected error is small only because causes have opposite signs on this sample."""
        error, separate = self.relative_error, self.separate_error
        return bool(self.opposed) and error is not None and separate is not None and separate > CANCELS * error

    @property
    def cancellation(self) -> str:
        """The causes that cancel, and the error without that; empty if they do not."""
        if not self.cancels:
            return ""
        names = " and ".join(TITLES[name] for name in self.opposed)
        return f"on this sample {names} cancel in part; if they did not, the error would be {percent(self.separate_error)}"

    @property
    def title(self) -> str:
        """The row's name in sentences: the options that it shares with others, and its label."""
        return ", ".join(filter(None, (self.shared, self.label)))

    @property
    def summary(self) -> str:
        """The changes of the spec in one line."""
        return ", ".join(f"{key} = {value}" for key, value in self.changes.items()) or "the plan as given"

    def to_dict(self) -> dict[str, object]:
        """Return the measure as an object for JSON."""
        return {
            **{key: value for key, value in vars(self).items() if key != "settings"},
            "changes": dict(self.changes),
            "parts": dict(self.parts),
            "opposed": list(self.opposed),
            "cautious_error": self.cautious_error,
        }


@dataclass(frozen=True, eq=False, repr=False)
class Choices(Value):
    """Ways of measuring a gradient, each of which differs from the best one in one factor.

    Attributes
    ----------
    rows : tuple of Measure
        The plan as given, followed by the others.
    best : int
        The position of the best row: the one with the least cautious error at the same number of shots or, with a target, the one
        with the fewest QPU seconds that reaches it without cancelling causes, if there is any. If several are equal within 3 %,
        the one with the fewest two-qubit gates and QPU seconds.
    """

    rows: tuple[Measure, ...]
    best: int

    def __repr__(self) -> str:
        return f"Choices({counted(len(self.rows), 'row')}, best: {self.chosen.title})"

    @property
    def chosen(self) -> Measure:
        """The best row."""
        return self.rows[self.best]

    @property
    def cancelling(self) -> Measure | None:
        """The row that would be better than the best one, if its causes did not only cancel on this sample."""
        best = self.chosen
        if best.relative_error is None or best.cancels:
            return None
        rows = [row for row in self.rows if row.cancels and row.relative_error is not None]
        least = min(rows, key=lambda row: (row.relative_error or 0.0, row.seconds or 0.0), default=None)
        return least if least and (least.relative_error or 0.0) < 0.97 * best.relative_error else None

    def to_dict(self) -> dict[str, object]:
        """Return the choices as an object for JSON."""
        return {"rows": [row.to_dict() for row in self.rows], "best": self.best}


def named(mitigation: str) -> str:
    """Return the name of a mitigation in sentences."""
    return "no mitigation" if mitigation == "none" else mitigation


@dataclass(frozen=True, eq=False)
class Verdict(Value):
    """The predicted effect of one mitigation.

    Attributes
    ----------
    mitigation : str
    effect : int
        1 if it helps, −1 if it does harm, 0 if the difference is below 3 %.
    error, without : float or None
        The relative error with and without the mitigation, at the same number of shots; None if the target error is not reached.
    seconds, seconds_without : float or None
        The QPU seconds with and without the mitigation; with a target error, these are compared instead of the errors.
    parts : mapping of str to (float or None, float or None)
        The shares of ``device`` noise and of ``shots``, with and without the mitigation.
    """

    mitigation: str
    effect: int
    error: float | None
    without: float | None
    seconds: float | None
    seconds_without: float | None
    parts: dict[str, tuple[float | None, float | None]]

    @property
    def helps(self) -> bool:
        """Whether the mitigation lowers the error, or the price of the target error, by more than 3 %."""
        return self.effect > 0

    @property
    def cancels(self) -> bool:
        """Whether the error is smaller without mitigation only because noise and another bias have opposite signs."""
        if self.effect >= 0 or any(share is None for pair in self.parts.values() for share in pair):
            return False
        new, old = (math.hypot(*(pair[k] or 0.0 for pair in self.parts.values())) for k in (0, 1))
        return new < old

    def __str__(self) -> str:
        if self.error is None or self.without is None:
            return f"{self.mitigation} {WORDS[self.effect]}: the target is not reached without mitigation"
        if self.error == self.without:
            compared = f"{duration(self.seconds)} of QPU time instead of {duration(self.seconds_without)} for the target error"
        elif percent(self.error) == percent(self.without):
            compared = f"an error of {percent(self.error)} with and without it"
        else:
            compared = f"an error of {percent(self.error)} instead of {percent(self.without)} without mitigation"
        parts = [f"{TITLES[name]} {percent(new)}, not {percent(old)}" for name, (new, old) in self.parts.items()]
        note = "; without it, noise cancels part of another bias: choose β again" if self.cancels else ""
        return f"{self.mitigation} {WORDS[self.effect]}: {compared} ({'; '.join(parts)}){note}"

    def to_dict(self) -> dict[str, object]:
        """Return the verdict as an object for JSON."""
        return {**vars(self), "parts": {name: list(pair) for name, pair in self.parts.items()}, "helps": self.helps}


def verdicts(choices: Choices) -> tuple[Verdict, ...]:
    """Return a verdict on every mitigation among the choices, the most useful first.

    The compared rows differ only in the mitigation. They have the same number of shots or, with a target, the shots to reach it.
    """
    rows = {str(row.settings.mitigation): row for row in choices.rows if row.factor == "mitigation" and row.settings is not None}
    plain = rows.pop("none", None)
    missed = plain is None and any(row.factor == "mitigation" and row.own_error is not None for row in choices.rows if row.note)
    if (plain is None and not missed) or any(row.relative_error is None for row in rows.values()):
        return ()  # nothing to compare: the exact gradient is zero, so relative errors are not defined
    every = [_verdict(word, row, plain) for word, row in rows.items()]
    return tuple(sorted(every, key=lambda verdict: (verdict.error or 0.0, verdict.seconds or 0.0)))


def _verdict(word: str, row: Measure, plain: Measure | None) -> Verdict:
    if plain is None:
        return Verdict(word, 1, row.relative_error, None, row.seconds, None, {})
    new, old = row.relative_error, plain.relative_error
    assert new is not None and old is not None
    ratio = old / new if new else 1.0
    reached = abs(ratio - 1.0) < 1e-3 and row.shots != plain.shots  # with a target, errors are equal and prices differ
    if reached:
        new = old
        price, other = (row.seconds, plain.seconds) if row.seconds and plain.seconds else (row.shots, plain.shots)
        ratio = (other or 1.0) / (price or 1.0)
    effect = 1 if ratio > EQUAL else -1 if ratio < 1.0 / EQUAL else 0
    parts = {name: (row.parts.get(name), plain.parts.get(name)) for name in ("device", "shots")}
    return Verdict(word, effect, new, old, row.seconds, plain.seconds, parts)
