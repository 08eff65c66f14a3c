"""Text about an error budget: the error that each rung added, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from qep_qiskit.budget import Budget, Rung
from qep_qiskit.estimates import MISSING, cells, cosine, duration, percent, ratio, score, with_error
from qep_qiskit.kinds import RUNGS

LARGE_Z = 3.0
"""A z-score beyond this is marked wherever it is shown."""
LARGEST_Z = "max |z|"


class Contribution(NamedTuple):
    """The change ‖v − v_previous‖ / ‖exact‖ due to one rung, or to several if some were not computed."""

    cause: str
    size: float


class Verdict(NamedTuple):
    """One or two sentences about a result, and whether it is good (None: unknown)."""

    text: str
    good: bool | None = None


class Column(NamedTuple):
    """One column of a table of weights. Marked cells are highlighted."""

    heading: str
    cells: Sequence[str]
    marked: Sequence[bool] = ()


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
    """Return the columns of a rung: its values with their errors, and its z-scores if it has any."""
    if rung.values is None:
        return []
    columns = [Column(heading if rung.stderr is None else f"{heading} ± error", cells(rung.values, rung.stderr))]
    if rung.z is not None:
        columns.append(Column("z", [score(z) for z in rung.z], [large(z) for z in rung.z]))
    return columns


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


def verdict(budget: Budget) -> Verdict:
    """Return the verdict on a budget, computed from its numbers.

    Returns
    -------
    Verdict
        ``good`` is True if the last rung is within its error bars of the exact gradient (χ²/K at most `allowed_chi_square`),
        False if it is not, and None without error bars or an exact gradient.
    """
    last = list(budget.computed.values())[-1:]
    if not last or last[0].name == "exact":
        return Verdict("No gradient was measured that could be compared with the exact one.")
    subject = RUNGS[last[0].name].subject
    if "exact" not in budget.computed:
        note = next((rung.note for rung in budget.rungs if rung.name == "exact"), None)
        why = note.rstrip(".") if note else "it was not computed"
        return Verdict(f"{subject} has no exact gradient to be compared with: {why}.")
    first, good = _first_sentence(budget, last[0], subject)
    return Verdict(" ".join(sentence for sentence in (first, _second_sentence(budget, last[0])) if sentence), good)


def _first_sentence(budget: Budget, last: Rung, subject: str) -> tuple[str, bool | None]:
    chi, noise, error = last.chi_square, budget.shot_noise(last), last.relative_error
    if chi is None:
        if error is None:
            return f"{subject} has no relative error: the exact gradient is zero.", None
        return f"{subject} is {percent(error)} away from the exact one.", None
    count = len(last.known_z)
    good = chi <= allowed_chi_square(count)
    place = "is within its error bars of" if good else "lies outside its error bars of"
    text = f"{subject} {place} the exact one (χ²/K = {ratio(chi)}, K = {count} weight{'' if count == 1 else 's'})"
    if error is not None:
        text += f": it is {percent(error)} away"
        text += f", and shot noise alone would make {percent(noise)}" if noise is not None else ""
    return text + ".", good


def _second_sentence(budget: Budget, last: Rung) -> str:
    worst = max(contributions(budget), key=lambda contribution: contribution.size, default=None)
    if worst is None or worst.size == 0:
        return ""
    text = f"The largest contribution is {worst.cause}, {percent(worst.size)}"
    raw = budget.computed.get("shots")
    before, after = None if raw is None else raw.relative_error, last.relative_error
    if last.name == "mitigated" and before is not None and after is not None:
        if abs(after - before) <= (budget.shot_noise(last) or 0.0):
            effect = "changes the error by less than the shot noise"
        else:
            effect = "lowers the error" if after < before else "does not lower the error"
        text += f"; mitigation {effect} ({percent(before)} raw, {percent(after)} mitigated)"
    return text + "."


def _cause(budget: Budget, rung: Rung, added: float, causes: list[str]) -> str:
    """Return the name of the causes since the last computed rung, or only the last cause if shot noise explains the change."""
    noise = budget.shot_noise(rung)
    if len(causes) == 1 or (noise is not None and added <= 2 * noise):
        return causes[-1]
    return f"{', '.join(causes[:-1])} and {causes[-1]} together"
