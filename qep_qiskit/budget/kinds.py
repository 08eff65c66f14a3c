"""The kinds of rungs, and the words that tables, figures and verdicts use for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RungKind:
    """The words for one kind of rung.

    Attributes
    ----------
    title, short, label : str
        In tables, at the head of a column, and in the legend of a figure.
    meaning : str
        What the rung shows, in a sentence.
    subject : str
        The rung as the subject of a sentence.
    cause : str or None
        The error that it adds to the rung before; None where it adds none.
    """

    title: str
    short: str
    meaning: str
    label: str = ""
    subject: str = ""
    cause: str | None = None


KINDS = {
    "exact": RungKind(
        "exact (β → 0)",
        "exact",
        "The gradient at the true ground state in the limit of no nudge; everything else is compared with it.",
    ),
    "finite_beta": RungKind(
        "finite β",
        "finite β",
        "True ground states at the stencil's own nudges: the difference is the finite-β bias.",
        label="finite β",
        subject="The gradient at finite β",
        cause="the finite β",
    ),
    "prepared": RungKind(
        "prepared state, no noise",
        "prepared",
        "The states that the preparation makes, without noise and measured exactly: what the ansatz, the optimiser or the ramp "
        "misses.",
        label="prepared, no noise",
        subject="The gradient of the prepared states",
        cause="the preparation",
    ),
    "device": RungKind(
        "device noise, infinite shots",
        "device, ∞ shots",
        "Those circuits under the device's noise, readout included, averaged over infinitely many shots.",
        label="device noise, infinite shots",
        subject="The gradient under device noise at infinite shots",
        cause="device noise",
    ),
    "shots": RungKind(
        "device, raw shots",
        "raw",
        "The same with the shots that were paid for: raw counts.",
        label="raw shots",
        subject="The raw gradient",
        cause="shot noise",
    ),
    "mitigated": RungKind(
        "device, mitigated",
        "mitigated",
        "The same shots after mitigation; the error bars include the calibration's own uncertainty.",
        label="mitigated shots",
        subject="The mitigated gradient",
    ),
    "mean_field": RungKind(
        "mean field (classical)",
        "mean field",
        "What the same network would answer without entanglement: product states, that is classical spins, as β → 0.",
    ),
}
"""Every kind of rung; the first six are a budget's rungs, in order."""
