"""Advice in words: the best plan, its expected error by cause, and whether the plan as given is ready."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qep_qiskit.estimates import duration, percent
from qep_qiskit.forecasting.accuracy import Accuracy
from qep_qiskit.forecasting.causes import Causes, noise_left
from qep_qiskit.forecasting.choices import TITLES, Choices, Measure, named
from qep_qiskit.values import Value

ACCEPTED = 0.25
"""The largest own error that counts as ready if no target is given."""
NOTICED = 5e-4
"""Shares of the error below this are not named."""
REMEDIES = {
    "finite_beta": "take a smaller β or an extrapolated stencil",
    "prepared": "take more layers, another ansatz or a longer ramp",
    "mitigation": "take another mitigation, better qubits or fewer two-qubit gates",
}
NUMBERS = {1: "one layer", 2: "two layers", 3: "three layers"}


@dataclass(frozen=True, eq=False)
class Advice(Value):
    """Advice on a plan.

    Attributes
    ----------
    text : str
        The best plan in one sentence: its circuits and options, its price, and its expected error. A second sentence names causes
        that cancel.
    ready : bool
        Whether the own error of the plan as given, which shots do not reduce, is known and does not exceed `asked`.
    reasons : tuple of str
        Why the plan as given is not ready, with the remedy.
    asked : float
        The largest acceptable relative error; 25 % if no target is given.
    changes : mapping
        The keys of the spec to change, with their values.
    """

    text: str
    ready: bool
    reasons: tuple[str, ...]
    asked: float = ACCEPTED
    changes: Mapping[str, object] = field(default_factory=dict)

    @property
    def flags(self) -> str:
        """The changes as options of the command line; empty if there are none."""
        return " ".join(f"--set {key}={value}" for key, value in self.changes.items())

    def to_dict(self) -> dict[str, object]:
        """Return the advice as an object for JSON."""
        return {**vars(self), "reasons": list(self.reasons), "changes": dict(self.changes)}


def advise(
    best: Measure | None,
    accuracy: Accuracy | None,
    causes: Causes,
    *,
    choices: Choices | None = None,
    asked: float | None = None,
    doubts: Sequence[str] = (),
) -> Advice:
    """Return the advice for a forecast.

    Parameters
    ----------
    best : Measure or None
        The best plan; None if only a bound on its error is known.
    accuracy : Accuracy or None
        The accuracy of the plan as given.
    causes : Causes
        The biases of the plan as given.
    choices : Choices, optional
    asked : float, optional
        The target error.
    doubts : sequence of str
        Reasons why the exact gradient may be wrong or is not known.
    """
    limit = ACCEPTED if asked is None else asked
    reasons = (*_reasons(accuracy, causes, choices, limit, given=asked is not None), *filter(None, doubts))
    if best is None or accuracy is None:
        what = "the error bars are predicted, but not the bias" if any(doubts) else "only a bound on the error is known"
        return Advice(f"Nothing is advised: {what}.", False, reasons, limit)
    text = " ".join(filter(None, (sentence(best, accuracy.uncertainty), caution(best, choices))))
    return Advice(text, not reasons, reasons, limit, best.changes)


def sentence(best: Measure, uncertainty: float) -> str:
    """Return the best plan and its expected error in one sentence."""
    settings = best.settings
    stencil = settings.fixed_stencil
    layers = getattr(settings.preparer, "layers", None)
    mitigation = str(settings.mitigation)
    what = [
        NUMBERS.get(layers, f"{layers} layers") if layers else "",
        f"{stencil.kind.replace('_', '-')} stencil at β = {stencil.beta:g}",
        named(mitigation),
        "" if best.shots is None else f"{best.shots:,} shots",
        "" if best.seconds is None else f"{duration(best.seconds)} of QPU time",
    ]
    text = "; ".join(filter(None, what))
    if best.relative_error is None:
        return text[0].upper() + text[1:] + "."
    margin = math.hypot(best.spread or 0.0, uncertainty)
    error = percent(best.relative_error, margin)
    titles = {**TITLES, "device": noise_left(mitigation)}
    parts = [f"{titles[name]} {percent(share)}" for name, share in best.parts.items() if share is not None and share > NOTICED]
    return text[0].upper() + text[1:] + f"; expect an error of {error}" + (f", of which {', '.join(parts)}." if parts else ".")


def caution(best: Measure, choices: Choices | None) -> str:
    """Return which causes cancel in the best measure, or in one that is not advised for that reason; empty if none do."""
    if best.cancels:
        return f"Careful: {best.cancellation}."
    other = None if choices is None else choices.cancelling
    if other is None:
        return ""
    return f"Not advised, in spite of {percent(other.relative_error)}: {other.title}; {other.cancellation}."


def _reasons(accuracy: Accuracy | None, causes: Causes, choices: Choices | None, limit: float, *, given: bool) -> tuple[str, ...]:
    if accuracy is not None and accuracy.own_error is None:
        return ("the exact gradient is zero, so relative errors are not defined",)
    if accuracy is None or accuracy.own_error is None:
        return ("the circuits' own error is not known: the exact gradient or the device's outcomes cannot be computed",)
    own, unsure = accuracy.own_error, accuracy.uncertainty
    if own + unsure <= limit:
        return ()
    asked = f"{'target' if given else 'default limit'} of {percent(limit)}"
    shown = percent(own, unsure)
    if own <= limit:
        return (f"the circuits' own error, {shown}, may exceed the {asked}: the reference is not certain enough",)
    ordered = sorted((cause for cause in causes if (cause.share or 0.0) > NOTICED), key=lambda cause: -(cause.share or 0.0))
    names = ", ".join(map(str, ordered)) if ordered else "cause not known"
    remedy = REMEDIES.get(ordered[0].name, "") if ordered else ""
    return (
        f"the circuits' own error, which shots do not reduce, is {shown}, above the {asked}: {names}",
        _remedy(remedy, own, choices, limit),
    )


def _remedy(remedy: str, own: float, choices: Choices | None, limit: float) -> str:
    """Return the general remedy, with the best choice if it is ready, otherwise with the choice that has the least own error."""
    if choices is not None and choices.chosen.own_error is not None and choices.chosen.own_error <= limit:
        return f"{remedy}; with {choices.chosen.summary} it is {percent(choices.chosen.own_error)}"
    rows = [row for row in (choices.rows if choices else ()) if row.own_error is not None]
    least = min(rows, key=lambda row: row.own_error or 0.0, default=None)
    if least is None or least.own_error is None or least.own_error >= 0.95 * own:
        return f"{remedy}; none of the choices has a smaller own error" if rows else remedy
    return f"{remedy}; of the choices, {least.summary} has the smallest own error, {percent(least.own_error)}"
