"""A kind of rung: how it is measured, and the words that tables, figures and verdicts use for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qep_qiskit.equilibrium.result import Gradient


@dataclass(frozen=True)
class RungKind:
    """A kind of rung.

    Attributes
    ----------
    measure : callable
        A method of :class:`~qep_qiskit.comparison.Climb` that returns the rung's gradient.
    title, short, label : str
        In tables, at the head of a column, and in the legend of a figure.
    meaning : str
        What the rung shows, in a sentence.
    subject : str
        The rung as the subject of a sentence.
    cause : str or None
        The error that it adds to the rung before; None where it adds none.
    """

    measure: Callable[[Any], Gradient]
    title: str
    short: str
    meaning: str
    label: str = ""
    subject: str = ""
    cause: str | None = None
