"""Rungs, the steps of an error budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from qep_qiskit.budget.deviation import Deviation, Vector, deviation
from qep_qiskit.display import short
from qep_qiskit.documents import plain
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.estimates import Estimate, estimates, percent


@dataclass(frozen=True, eq=False, repr=False)
class Rung(Deviation):
    """One step of an error budget, with its deviation from the exact gradient (None if there is none).

    Attributes
    ----------
    name : str
        ``exact``, ``finite_beta``, ``prepared``, ``device``, ``mitigated_limit``, ``shots`` or ``mitigated``.
    title : str
    values, stderr : ndarray of shape (K,) or None
        None if the rung was not computed; `note` then says why.
    loss, loss_stderr : float or None
    added : float or None
        ‖g − g_previous‖ / ‖g*‖: the distance from the previous rung's gradient, whether towards the exact one or away from it.
    seconds : float or None
    note : str or None
    uncertainty : ndarray of shape (K,) or None
        The estimated error of a computed gradient, such as that of matrix product states, or of light cones that are cut to
        balls; None if it is exact up to rounding.
    """

    name: str
    title: str
    values: Vector | None
    stderr: Vector | None = None
    loss: float | None = None
    loss_stderr: float | None = None
    added: float | None = None
    seconds: float | None = field(default=None, compare=False)
    note: str | None = None
    uncertainty: Vector | None = None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Rung:
        """Read a rung from a JSON document."""
        known: dict[str, Any] = {entry.name: document.get(entry.name) for entry in fields(cls)}
        for key in ("values", "stderr", "z", "uncertainty"):
            known[key] = None if known[key] is None else np.array(known[key], dtype=float)
        return cls(**known)

    @classmethod
    def measured(cls, name: str, title: str, gradient: Gradient) -> Rung:
        """Return a gradient as a rung, not yet compared with the exact gradient.

        The note says how the gradient was approximated, or simulated afterwards.
        """
        doubt, notes = gradient.diagnostics.uncertainty, [gradient.provenance.get("simulated")]
        if doubt is not None and doubt.any():
            size = float(np.linalg.norm(gradient.values))
            how = gradient.diagnostics.more.get("approximation") or gradient.provenance.get("method")
            notes.append(f"{how}; uncertain by {percent(float(np.linalg.norm(doubt)) / size if size else None)}")
        return cls(
            name,
            title,
            gradient.values,
            gradient.stderr,
            gradient.loss,
            gradient.loss_stderr,
            note="; ".join(map(str, filter(None, notes))) or None,
            uncertainty=doubt,
        )

    def against(self, exact: Vector, before: Vector | None = None) -> Rung:
        """Return the rung with its deviations from the exact gradient and from the previous rung's gradient."""
        if self.values is None:
            return self
        size = float(np.linalg.norm(exact))
        added = None if before is None or not size else float(np.linalg.norm(self.values - before)) / size
        return replace(self, **vars(deviation(self.values, exact, self.stderr)), added=added)

    @property
    def estimates(self) -> list[Estimate]:
        """The values with their error bars; empty if the rung was not computed."""
        return [] if self.values is None else estimates(self.values, self.stderr)

    def __repr__(self) -> str:
        error = "" if self.relative_error is None else f", {percent(self.relative_error)} from the exact gradient"
        return f"Rung({self.name}{error}{'' if self.note is None else ': ' + short(self.note)})"

    def to_dict(self) -> dict[str, object]:
        """Return the rung as an object for JSON."""
        return {key: plain(value) for key, value in {"name": self.name, "title": self.title, **vars(self)}.items()}
