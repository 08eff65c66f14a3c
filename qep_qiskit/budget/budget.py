"""Error budgets: rungs from the exact gradient to the measured one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qep_qiskit.archive import Savable
from qep_qiskit.budget.deviation import Vector
from qep_qiskit.budget.rung import Rung
from qep_qiskit.checks import shown, word
from qep_qiskit.display import counted
from qep_qiskit.documents import plain
from qep_qiskit.drawing.axes import axes_of
from qep_qiskit.drawing.card import bar, card
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import cosine, percent, with_error
from qep_qiskit.frames import frame
from qep_qiskit.values import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Budget(Savable, Value):
    """The error budget of one problem.

    Attributes
    ----------
    names : tuple of str
    rungs : tuple of Rung
    mean_field : Rung or None
        The gradient of the classical network: product states of the same Hamiltonian, at β → 0. It is compared with the exact
        gradient but is not a step between two rungs. If it was not computed, `note` says why.
    diagnostics : Diagnostics
    settings, provenance : mapping
    """

    names: tuple[str, ...]
    rungs: tuple[Rung, ...]
    mean_field: Rung | None = None
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "diagnostics", Diagnostics.of(self.diagnostics))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.__post_init__()  # earlier pickles hold a dict

    @classmethod
    def of(cls, budget: Budget | Mapping[str, Any]) -> Budget:
        """Return a budget unchanged, or the budget described by a mapping from :meth:`to_dict`.

        Raises
        ------
        InputError
            If the argument is neither.
        """
        if isinstance(budget, Budget):
            return budget
        if not isinstance(budget, Mapping):
            raise InputError(f"budget: {type(budget).__name__} is not an error budget; give what qep.compare returns")
        classical = budget.get("mean_field")
        return cls(
            names=tuple(map(str, budget["names"])),
            rungs=tuple(map(Rung.of, budget["rungs"])),
            mean_field=None if classical is None else Rung.of(classical),
            diagnostics=Diagnostics.of(budget.get("diagnostics") or {}),
            settings=budget.get("settings") or {},
            provenance=budget.get("provenance") or {},
        )

    @property
    def rows(self) -> tuple[Rung, ...]:
        """All rungs, followed by the mean field's if there is one."""
        return self.rungs if self.mean_field is None else (*self.rungs, self.mean_field)

    @property
    def computed(self) -> dict[str, Rung]:
        """The rungs that have values, by name."""
        return {rung.name: rung for rung in self.rungs if rung.values is not None}

    @property
    def exact(self) -> Vector | None:
        """The exact gradient g*, shape (K,); None if it was not computed."""
        return self.computed["exact"].values if "exact" in self.computed else None

    def shot_noise(self, rung: Rung) -> float | None:
        """Return the expected distance due to shot noise alone, √Σ stderr² / ‖g*‖; None without error bars."""
        size = 0.0 if self.exact is None else float(np.linalg.norm(self.exact))
        return float(np.linalg.norm(rung.stderr)) / size if rung.stderr is not None and size else None

    def __getitem__(self, name: str) -> Rung:
        """Return the rung with the given name, which may also be ``mean_field``."""
        by_name = {rung.name: rung for rung in self.rows}
        if name not in by_name:
            raise InputError(f"budget: no rung is called {shown(name)}; the rungs are {', '.join(by_name)}")
        return by_name[name]

    def __iter__(self) -> Iterator[Rung]:
        return iter(self.rungs)

    def __len__(self) -> int:
        return len(self.rungs)

    def __str__(self) -> str:
        width = max((len(title) for title, _ in self._lines()), default=0)
        return "\n".join(f"{title:<{width}}  {text}" for title, text in self._lines())

    def __repr__(self) -> str:
        return f"Budget({counted(len(self.names), 'weight')}: {', '.join(rung.name for rung in self.rungs)})"

    def _repr_html_(self) -> str:
        errors = [rung.relative_error or 0.0 for rung in self.rungs if rung.values is not None]
        rows = [
            (
                rung.title,
                (rung.note or "not computed") if rung.values is None else percent(rung.relative_error),
                bar(rung.relative_error, largest=max(errors, default=0.0), signed=False),
                cosine(rung.cosine) if rung.values is not None else "",
                "" if rung.loss is None else with_error(rung.loss, rung.loss_stderr),
            )
            for rung in self.rungs
        ]
        return card(
            f"Error budget of a gradient of {counted(len(self.names), 'weight')}",
            headings=("step", "distance from the exact gradient", "", "cosine", "loss"),
            rows=rows,
            warnings=self.diagnostics.warnings,
        )

    def to_frame(self, by: str = "rung") -> Any:
        """Return a pandas DataFrame with one row per rung, or per weight.

        Parameters
        ----------
        by : {"rung", "weight"}
            ``"rung"``: the distance from the exact gradient, cosine and loss of every rung. ``"weight"``: the values of every
            computed rung, with columns such as ``shots_stderr`` for the error bars.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        if word("by", by, ("rung", "weight")) == "rung":
            keys = ("title", "relative_error", "added", "cosine", "sign_agreement", "loss", "loss_stderr", "seconds", "note")
            return frame({key: [getattr(r, key) for r in self.rows] for key in keys}, [r.name for r in self.rows], "rung")
        columns: dict[str, Any] = {}
        for name, rung in self.computed.items():
            columns |= {name: rung.values, **({} if rung.stderr is None else {f"{name}_stderr": rung.stderr})}
        return frame(columns, self.names, "weight")

    def _lines(self) -> list[tuple[str, str]]:
        return [(rung.title, (rung.note or "") if rung.values is None else percent(rung.relative_error)) for rung in self.rungs]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw where the error comes from: the distance of every rung from the exact gradient, and the change due to each step.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
        """
        from qep_qiskit.budget.waterfall import waterfall

        axes = axes_of(ax, (8.5, 1.4 + 0.32 * len(self.rungs)))
        waterfall(axes, self)
        return axes

    def to_dict(self) -> dict[str, object]:
        """Return the object that ``qep compare --json`` prints."""
        return {
            "names": list(self.names),
            "rungs": [rung.to_dict() for rung in self.rungs],
            "mean_field": None if self.mean_field is None else self.mean_field.to_dict(),
            "diagnostics": plain(self.diagnostics),
            "settings": plain(self.settings),
            "provenance": plain(self.provenance),
        }
