"""Kinds of rungs: their measurement, and their names in tables, figures and conclusions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.kinds import RUNGS

Measure = TypeVar("Measure", bound=Callable[..., Gradient])


@dataclass(frozen=True)
class RungKind:
    """A kind of rung, with its measurement and its names.

    Attributes
    ----------
    measure : callable
        A method of :class:`~qep_qiskit.comparison.Climb` that returns the rung's gradient. Its docstring explains the rung.
    title, short, label : str
        The name of the rung in tables, as the heading of a column, and in the legend of a figure (default: `short`).
    subject : str
        The rung as the subject of a sentence.
    cause : str or None
        The cause of the error that it adds to the previous rung; None if it adds none.
    aside : bool
        Whether the next rung builds on the rung before this one instead of on this one.
    """

    measure: Callable[[Any], Gradient]
    title: str
    short: str
    label: str = ""
    subject: str = ""
    cause: str | None = None
    aside: bool = False

    @property
    def meaning(self) -> str:
        """A sentence that explains the rung."""
        return inspect.getdoc(self.measure) or ""


def rung(name: str, title: str, short: str, **words: Any) -> Callable[[Measure], Measure]:
    """Return a decorator that registers a method as a kind of rung, in order of definition; its docstring explains the rung."""

    def registered(measure: Measure) -> Measure:
        RUNGS.register(name)(RungKind(measure, title, short, **words))
        return measure

    return registered
