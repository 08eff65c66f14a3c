"""What an error budget says: which rungs it has, what each step added, and the verdict in words.

A budget is the plain mapping of ``Budget.to_dict()``; nothing here computes a gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from qep_qiskit.errors import InputError
from qep_qiskit.report.numbers import finite, percent, ratio

Budget = Mapping[str, Any]
Rung = Mapping[str, Any]

LARGE_Z = 3.0
"""A z-score beyond this is marked wherever it is shown."""

MEANINGS = {
    "exact": "The gradient at the true ground state in the limit of no nudge; everything else is held against it.",
    "finite_beta": "True ground states at the stencil's own nudges: what is off is the bias of a finite β.",
    "prepared": "The states that the preparation makes, without noise and measured exactly: what the ansatz, the "
    "optimiser or the ramp misses.",
    "device": "Those circuits under the device's noise, readout included, averaged over infinitely many shots.",
    "shots": "The same with the shots that were paid for: raw counts.",
    "mitigated": "The same shots after mitigation; the error bars include the calibration's own uncertainty.",
    "mean_field": "What the same network would answer without entanglement: product states, that is classical spins, as β → 0.",
}

_SUBJECTS = {
    "finite_beta": "The gradient at finite β",
    "prepared": "The gradient of the prepared states",
    "device": "The gradient under device noise at infinite shots",
    "shots": "The raw gradient",
    "mitigated": "The mitigated gradient",
}
_CAUSES = {
    "finite_beta": "the finite β",
    "prepared": "the preparation",
    "device": "device noise",
    "shots": "shot noise",
}


class Step(NamedTuple):
    """What one rung, or several where some do not fit, added to the one before: ‖v − v_previous‖ / ‖exact‖."""

    cause: str
    size: float


class Verdict(NamedTuple):
    """One or two sentences on a budget, and whether they are good news (None: cannot be said)."""

    text: str
    good: bool | None


def document(budget: Budget | Any) -> Budget:
    """Return a budget as plain numbers: the mapping itself, or ``to_dict()`` of a :class:`qep_qiskit.Budget`."""
    if isinstance(budget, Mapping):
        return budget
    if not callable(getattr(budget, "to_dict", None)):
        raise InputError(f"budget: {type(budget).__name__} is not an error budget; give what qep.compare returns")
    found: Budget = budget.to_dict()
    return found


def rung(budget: Budget, name: str) -> Rung | None:
    """Return the rung of that name, or None where the budget lacks it or it does not fit."""
    return next((r for r in fitting(budget) if r["name"] == name), None)


def fitting(budget: Budget) -> list[Rung]:
    """Return the rungs that have values, in order."""
    return [r for r in budget.get("rungs", ()) if r.get("values") is not None]


def mean_field(budget: Budget) -> Rung | None:
    """Return the classical network's gradient, or None where the budget lacks it (its note may say why)."""
    found = budget.get("mean_field")
    return found if isinstance(found, Mapping) else None


def shot_noise(budget: Budget, of: Rung) -> float | None:
    """Return the expected distance from shot noise alone, √Σ stderr² / ‖exact‖; None for a rung without error bars."""
    exact = rung(budget, "exact")
    if exact is None or not of.get("stderr"):
        return None
    norm = math.hypot(*_numbers(exact["values"]))
    return math.hypot(*_numbers(of["stderr"])) / norm if norm > 0 else None


def reduced_chi_square(of: Rung) -> float | None:
    """Return the mean of z² over the weights: 1 on average where nothing but shot noise is left."""
    scores = _numbers(of.get("z") or ())
    return sum(z * z for z in scores) / len(scores) if scores else None


def largest_score(of: Rung) -> float | None:
    """Return max |z|, or None for a rung without error bars."""
    return max((abs(z) for z in _numbers(of.get("z") or ())), default=None)


def allowed_chi_square(count: int) -> float:
    """Return 1 + 3 √(2/K), what χ²/K of K weights stays below where nothing but shot noise is left.

    The weights are taken as independent; those read from the same shots are not, so a value slightly above says little.
    """
    return 1.0 + 3.0 * math.sqrt(2.0 / max(1, count))


def steps(budget: Budget) -> list[Step]:
    """Return what each step towards the measurement added. Mitigation is no such step: it takes away."""
    found, pending = [], []
    for r in budget.get("rungs", ()):
        cause = _CAUSES.get(r["name"])
        if cause is None:
            continue
        pending.append(cause)
        if r.get("values") is not None:
            if finite(r.get("added")):
                found.append(Step(_cause(budget, r, pending), float(r["added"])))
            pending = []
    return found


def verdict(budget: Budget) -> Verdict:
    """Return what the budget says, computed from its numbers.

    Returns
    -------
    Verdict
        ``good`` is True where the last rung lies within its error bars of the exact gradient (χ²/K at most
        `allowed_chi_square`), False where it does not, None where there are no error bars or no exact gradient.
    """
    rungs = fitting(budget)
    if not rungs or rungs[-1]["name"] == "exact":
        return Verdict("There is no gradient to hold against the exact one.", None)
    last = rungs[-1]
    subject = _SUBJECTS.get(last["name"], str(last.get("title", last["name"])))
    if rung(budget, "exact") is None:
        return Verdict(f"{subject} has no exact gradient to be held against: {_why(budget, 'exact')}.", None)
    first, good = _first_sentence(budget, last, subject)
    return Verdict(" ".join(s for s in (first, _second_sentence(budget, last)) if s), good)


def _first_sentence(budget: Budget, last: Rung, subject: str) -> tuple[str, bool | None]:
    chi, noise, error = reduced_chi_square(last), shot_noise(budget, last), last.get("relative_error")
    if chi is None:
        if not finite(error):
            return f"{subject} has no relative error: the exact gradient is zero.", None
        return f"{subject} is {percent(error)} away from the exact one.", None
    count = len(_numbers(last["z"]))
    good = chi <= allowed_chi_square(count)
    place = "is within its error bars of" if good else "lies outside its error bars of"
    weights = f"K = {count} weight{'' if count == 1 else 's'}"
    text = f"{subject} {place} the exact one (χ²/K = {ratio(chi)}, {weights})"
    if finite(error):
        text += f": it is {percent(error)} away"
        text += f", and shot noise alone would make {percent(noise)}" if noise is not None else ""
    return text + ".", good


def _second_sentence(budget: Budget, last: Rung) -> str:
    found = steps(budget)
    if not found or max(found, key=lambda s: s.size).size == 0:
        return ""
    worst = max(found, key=lambda s: s.size)
    text = f"The largest contribution is {worst.cause}, {percent(worst.size)}"
    raw = rung(budget, "shots")
    if last["name"] == "mitigated" and raw and finite(raw["relative_error"]) and finite(last["relative_error"]):
        before, after = raw["relative_error"], last["relative_error"]
        if abs(after - before) <= (shot_noise(budget, last) or 0.0):
            effect = "changes the error by less than the shot noise"
        else:
            effect = "lowers the error" if after < before else "does not lower the error"
        text += f"; mitigation {effect} ({percent(before)} raw, {percent(after)} mitigated)"
    return text + "."


def _cause(budget: Budget, of: Rung, causes: list[str]) -> str:
    """Name what was added since the last rung that fits: all causes in between, unless shot noise explains it."""
    noise = shot_noise(budget, of)
    if noise is not None and of["added"] <= 2 * noise:
        return causes[-1]
    return causes[0] if len(causes) == 1 else f"{', '.join(causes[:-1])} and {causes[-1]} together"


def _why(budget: Budget, name: str) -> str:
    note = next((r.get("note") for r in budget.get("rungs", ()) if r["name"] == name), None)
    return str(note).rstrip(".") if note else "it was not computed"


def _numbers(values: Iterable[object]) -> list[float]:
    return [float(v) for v in values if finite(v)]
