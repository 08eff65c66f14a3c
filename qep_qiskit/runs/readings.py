"""The gradients measured in a run, compared with the noise-free gradient of its circuits."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qep_qiskit.budget import Budget, Rung
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.errors import InputError, NudgeWarning
from qep_qiskit.estimates import Estimate, cells, column, estimates
from qep_qiskit.experiment import Spec
from qep_qiskit.kinds import RUNGS
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.progress import Progress, silent
from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.stored_results import measured
from qep_qiskit.stencils import AnyStencil, stencil
from qep_qiskit.verbs.gradient import gradient

TITLES = {"none": "raw", "tensored": "tensored", "m3": "M3", "trex": "TREX", "clifford": "Clifford", "zne": "ZNE"}


@dataclass(frozen=True)
class Reading:
    """One gradient from a run's counts, for one mitigation.

    Attributes
    ----------
    rung : Rung
        The gradient, compared with the noise-free gradient of the prepared states if that was computed.
    document : mapping
        The gradient as the run stores it.
    """

    mitigation: str
    title: str
    rung: Rung
    loss: Estimate
    predictions: list[Estimate]
    diagnostics: Diagnostics
    provenance: Mapping[str, Any]
    document: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Reading:
        """Build a reading from a stored gradient."""
        mitigation = str(document.get("mitigation", "none"))
        title = TITLES.get(mitigation, mitigation)
        return cls(
            mitigation=mitigation,
            title=title,
            rung=Rung.of({**document, "name": "shots" if mitigation == "none" else "mitigated", "title": title}),
            loss=Estimate(document["loss"], document["loss_stderr"]),
            predictions=estimates(document["predictions"], document["predictions_stderr"]),
            diagnostics=Diagnostics.of(document.get("diagnostics") or {}),
            provenance=document.get("provenance") or {},
            document=document,
        )


@dataclass(frozen=True)
class Readings:
    """All gradients of a run.

    Attributes
    ----------
    budget : Budget
        The exact gradient, the noise-free gradient of the prepared states and the measured gradients as rungs. Empty
        before the first gradient is measured.
    each : tuple of Reading
        One per mitigation, with the one that the spec names last.
    inputs : mapping of str to list of str
        Columns of dL/dx by heading, one row per input; empty unless it was measured.
    """

    budget: Budget
    each: tuple[Reading, ...]
    inputs: Mapping[str, list[str]] = field(default_factory=dict)


def readings_of(store: RunStore, spec: Spec, *, exact: bool | None = None, progress: Progress = silent) -> Readings:
    """Return the raw and mitigated gradients of a run, with the exact and the noise-free gradient.

    Parameters
    ----------
    exact : bool, optional
        Whether to compute the exact gradient; default: for up to 16 qubits.
    """
    readings = {reading.mitigation: reading for reading in map(Reading.of, store.gradients())}
    if readings and "none" not in readings:
        progress("reading the raw counts", None)
        with contextlib.suppress(InputError):  # if counts are missing, only the stored gradients are shown
            raw_gradient = reduce(*measured(store, spec), mitigation=Mitigation())
            readings["none"] = Reading.of({"mitigation": "none", **raw_gradient.to_dict()})
    each = [readings[name] for name in sorted(readings, key=lambda name: (name == spec.mitigation, name != "none", name))]
    problem, settings = spec.problem(), spec.settings()
    rungs: list[Rung] = []
    inputs: dict[str, list[str]] = {}
    if problem.network.num_qubits <= COMPARED_QUBITS if exact is None else exact:
        progress("computing the exact gradient", None)
        exactly = exact_gradient(problem, preparer=reference_state(settings["preparer"]), seed=spec.seed)
        rungs = [Rung.measured("exact", RUNGS["exact"].title, exactly)]
        if exactly.input_values is not None:
            inputs["exact"] = column(exactly.input_values)
        progress("computing the gradient without noise", None)
        same = {"preparer": settings["preparer"], "stencil": _stencil(each, settings), "seed": spec.seed}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NudgeWarning)  # the run's own gradient states the bias of its β
            noise_free = gradient(problem, **same, progress=progress)
        rungs.append(Rung.measured("prepared", "as prepared, without noise", noise_free))
        if noise_free.input_values is not None:
            inputs["as prepared"] = column(noise_free.input_values)
        if (truth := rungs[1].values) is not None:
            each = [replace(reading, rung=reading.rung.against(truth)) for reading in each]
    raw = [reading.rung for reading in each if reading.mitigation == "none"]
    mitigated = [reading.rung for reading in each if reading.mitigation != "none"]
    budget = Budget(
        names=problem.network.names,
        rungs=_compared([*rungs, *raw, *mitigated[-1:]]) if each else (),
        diagnostics=each[-1].diagnostics if each else Diagnostics(),
        settings={
            **{key: spec.tables.get(key) for key in ("network", "preparation")},
            "weights": dict(zip(problem.network.names, problem.weights.tolist(), strict=True)),
            "stencil": (each[-1].provenance if each else {}).get("stencil") or spec.tables.get("stencil"),
            "device": store.description.get("device"),
            "shots": spec.shots,
            "mitigation": spec.mitigation,
        },
        provenance=each[-1].provenance if each else {},
    )
    for reading in each:
        if measured_inputs := reading.document.get("input_values"):
            inputs[f"{reading.title} ± σ"] = cells(measured_inputs, reading.document.get("input_stderr"))
    return Readings(budget, tuple(each), {"x": column(problem.x), **inputs} if inputs else {})


def _compared(rungs: list[Rung]) -> tuple[Rung, ...]:
    """Return the rungs, compared with the first if that is the exact gradient."""
    exact = rungs[0].values
    if rungs[0].name != "exact" or exact is None:
        return tuple(rungs)
    before = (None, *(rung.values for rung in rungs))
    return tuple(rung.against(exact, values) for rung, values in zip(rungs, before, strict=False))


def _stencil(each: list[Reading], settings: Mapping[str, Any]) -> AnyStencil:
    """Return the stencil with which the gradients were measured."""
    for reading in each:
        if stated := reading.provenance.get("stencil"):
            return stencil(stated["kind"], float(stated["beta"]))
    asked: AnyStencil = settings["stencil"]
    return asked
