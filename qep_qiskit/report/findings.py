"""Text about an error budget: the error that each rung added, and the conclusion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from qep_qiskit.budget import Budget, Rung
from qep_qiskit.budget.deviation import Vector
from qep_qiskit.display import counted
from qep_qiskit.estimates import MISSING, ROUNDING, cells, cosine, duration, percent, ratio, score, with_error
from qep_qiskit.kinds import RUNGS

LARGE_Z = 3.0
"""A z-score beyond this is marked wherever it is shown."""
LARGEST_Z = "max |z|"
USEFUL = 0.5
"""Error bars whose shot noise is a larger share of the gradient do not tell the gradient."""


class Contribution(NamedTuple):
    """The change ‖v − v_previous‖ / ‖exact‖ due to one rung, or to several if some were not computed."""

    cause: str
    size: float


class Conclusion(NamedTuple):
    """A result in one to three sentences, whether it is good (None: unknown), and the numbers behind the sentences."""

    text: str
    good: bool | None = None
    detail: str = ""


class Column(NamedTuple):
    """One column of a table of weights. Marked cells are highlighted; the keys sort the column."""

    heading: str
    cells: Sequence[str]
    marked: Sequence[bool] = ()
    keys: Sequence[float | None] = ()


def large(z: float | None) -> bool:
    """Return whether a z-score is large enough to be highlighted."""
    return z is not None and abs(z) > LARGE_Z


def numbers_of(budget: Budget, rung: Rung) -> dict[str, str]:
    """Return the numbers of a rung as texts, by the heading of their column."""
    compared = rung.name != "exact"
    return {
        "error": percent(rung.relative_error if compared else None),
        "shot noise alone": percent(budget.shot_noise(rung)),
        "rung added": percent(rung.added if compared else None),
        "cosine": cosine(rung.cosine if compared else None),
        "signs agree": percent(rung.sign_agreement if compared else None),
        LARGEST_Z: MISSING if rung.largest_z is None else f"{rung.largest_z:.1f}",
        "χ²/K": ratio(rung.chi_square),
        "loss": with_error(rung.loss, rung.loss_stderr),
        "time": duration(rung.seconds if rung.values is not None else None),
    }


def columns_of(rung: Rung, heading: str) -> list[Column]:
    """Return the columns of a rung: its values with their errors, and its z-scores, sorted by size, if it has any."""
    if rung.values is None:
        return []
    columns = [columns_of_values(heading, rung.values, rung.stderr)]
    if rung.z is not None:
        sizes = [abs(z) if math.isfinite(z) else None for z in rung.z.tolist()]
        columns.append(Column("z", [score(z) for z in rung.z], [large(z) for z in rung.z], sizes))
    return columns


def columns_of_values(heading: str, values: Vector, stderr: Vector | None) -> Column:
    """Return values with their errors, if they have any, as a column."""
    return Column(heading if stderr is None else f"{heading} ± error", cells(values, stderr), keys=values.tolist())


def shown_rungs(budget: Budget) -> list[Rung]:
    """Return the rungs whose gradients are shown weight by weight: those from shots, else those without shot noise."""
    computed = budget.computed
    measured = [computed[name] for name in ("shots", "mitigated") if name in computed]
    noiseless = ("finite_beta", "prepared", "device", "mitigated_limit")
    return measured or [computed[name] for name in noiseless if name in computed]


def allowed_chi_square(count: int) -> float:
    """Return 1 + 3 √(2/K), the largest χ²/K of K weights that is consistent with shot noise alone.

    This assumes independent weights. Weights measured with the same shots are not, so a slightly larger value means little.
    """
    return 1.0 + 3.0 * math.sqrt(2.0 / max(1, count))


def contributions(budget: Budget) -> list[Contribution]:
    """Return the error added by each rung, except by mitigation, which reduces the error.

    If the budget lacks a rung, as a run's lacks the device's, the next rung is said to add its cause too.
    """
    added: list[Contribution] = []
    pending: list[str] = []
    for name in RUNGS:
        cause = RUNGS[name].cause
        if cause is None:
            continue
        pending.append(cause)
        if (rung := budget.computed.get(name)) is not None:
            if rung.added is not None:
                added.append(Contribution(_cause(budget, rung, rung.added, pending), rung.added))
            pending = []
    return added


def conclusion(budget: Budget) -> Conclusion:
    """Return the conclusion on a budget, computed from its numbers.

    Returns
    -------
    Conclusion
        ``good`` is True if the last rung is within its error bars of the exact gradient (χ²/K at most `allowed_chi_square`),
        False if it is not, and None without error bars of use or an exact gradient.
    """
    last = list(budget.computed.values())[-1:]
    if not last or last[0].name == "exact":
        return Conclusion("No gradient was measured that could be compared with the exact one.")
    subject = RUNGS[last[0].name].subject
    if "exact" not in budget.computed:
        note = next((rung.note for rung in budget.rungs if rung.name == "exact"), None)
        why = note.rstrip(".") if note else "it was not computed"
        return Conclusion(f"{subject} has no exact gradient to be compared with: {why}.")
    first, good = _first_sentence(budget, last[0], subject)
    worst = largest_contribution(budget)
    cause = "" if worst is None else f"The largest cause of error is {worst.cause}, which adds {percent(worst.size)}."
    sentences = (first, cause, _mitigation_sentence(budget, last[0]))
    return Conclusion(" ".join(sentence for sentence in sentences if sentence), good, _detail(budget, last[0]))


def _first_sentence(budget: Budget, last: Rung, subject: str) -> tuple[str, bool | None]:
    if last.relative_error is None:
        return f"{subject} has no relative error: the exact gradient is zero.", None
    equal = last.relative_error < ROUNDING
    text = f"{subject} {'equals' if equal else f'is {percent(last.relative_error)} from'} the exact one"
    if last.chi_square is None:
        return f"{text}.", None
    good, noise = last.chi_square <= allowed_chi_square(len(last.known_z)), budget.shot_noise(last)
    if good and noise is not None and noise > USEFUL:
        return f"{text}, within its error bars, but these are too long to be of use: take more shots.", None
    return f"{text}, {'within its error bars' if good else 'more than its error bars allow'}.", good


def _detail(budget: Budget, last: Rung) -> str:
    """Return the sentence about χ²/K and the expected shot noise; empty without error bars."""
    noise, count = budget.shot_noise(last), len(last.known_z)
    if last.chi_square is None:
        return ""
    expected = "" if noise is None else f", with an expected error of {percent(noise)},"
    weights = counted(count, "weight")
    allowed = ratio(allowed_chi_square(count))
    return (
        f"χ²/K, the mean of z², is {ratio(last.chi_square)} over {weights}. Shot noise alone{expected} explains up to {allowed}."
    )


def largest_contribution(budget: Budget) -> Contribution | None:
    """Return the largest contribution to the error; None if no rung adds any."""
    worst = max(contributions(budget), key=lambda contribution: contribution.size, default=None)
    return worst if worst is not None and worst.size > ROUNDING else None


def _mitigation_sentence(budget: Budget, last: Rung) -> str:
    raw = budget.computed.get("shots")
    before, after = None if raw is None else raw.relative_error, last.relative_error
    if last.name != "mitigated" or before is None or after is None:
        return ""
    limits = _errors_without_shots(budget)
    known_to_help = limits is not None and limits[1] < limits[0]
    if abs(after - before) <= (budget.shot_noise(last) or 0.0) and (after > before or not known_to_help):
        return f"Mitigation changes the error by less than the shot noise ({percent(before)} raw, {percent(after)} mitigated)."
    verb = "lowers the error" if after < before else "does not lower the error: it goes"
    return f"Mitigation {verb} from {percent(before)} to {percent(after)}."


def _errors_without_shots(budget: Budget) -> tuple[float, float] | None:
    """Return the errors at infinitely many shots without and with mitigation; None unless both are known."""
    rungs = [budget.computed.get(name) for name in ("device", "mitigated_limit")]
    raw, mitigated = (None if rung is None else rung.relative_error for rung in rungs)
    return None if raw is None or mitigated is None else (raw, mitigated)


def mitigation_effect(budget: Budget) -> str:
    """Return what mitigation does to the bias, and its price in shots; empty if neither is known."""
    computed, limits, sentences = budget.computed, _errors_without_shots(budget), []
    if limits is not None:
        before, after = map(percent, limits)
        verb = "lowers" if limits[1] < limits[0] else "raises"
        what = f"leaves the error at {after}" if before == after else f"{verb} the error from {before} to {after}"
        sentences.append(f"Without shot noise, mitigation {what}.")
    noises = [budget.shot_noise(computed[name]) for name in ("shots", "mitigated") if name in computed]
    if len(noises) == 2 and noises[0] and noises[1]:
        factor = noises[1] / noises[0]
        if factor > 1.005:
            bars = f"{percent(factor - 1)} longer ({percent(noises[1])} of the gradient instead of {percent(noises[0])})"
            made_up = f"{ratio(factor**2)} times as many shots would make up for that"
            sentences.append(f"Mitigation makes the error bars {bars}, and {made_up}.")
        else:
            sentences.append("Mitigation does not make the error bars longer.")
    return " ".join(sentences)


def _cause(budget: Budget, rung: Rung, added: float, causes: list[str]) -> str:
    """Return the name of the causes since the last computed rung, or only the last cause if shot noise explains the change."""
    noise = budget.shot_noise(rung)
    if len(causes) == 1 or (noise is not None and added <= 2 * noise):
        return causes[-1]
    return f"{', '.join(causes[:-1])} and {causes[-1]} together"
