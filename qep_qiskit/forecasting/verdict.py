"""Verdicts on mitigations: whether each one lowers the predicted error, from the rows of the choices."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qep_qiskit.estimates import duration, percent
from qep_qiskit.forecasting.choices import EQUAL, TITLES, Choices, Measure
from qep_qiskit.values import Value

WORDS = {1: "helps here", 0: "makes no difference here", -1: "does not help here"}


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
