"""Documents for the plans of a run's rounds, from which another process can continue on another day."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.documents import plain
from qep_qiskit.equilibrium.bias import Bias
from qep_qiskit.equilibrium.families import family_of
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.errors import PreparationError
from qep_qiskit.measurement.bases import Basis
from qep_qiskit.measurement.mitigation.mitigation import parse
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer
from qep_qiskit.preparation.response import Nudged, Response, nothing
from qep_qiskit.problem import Problem
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import AdaptiveStencil, Stencil
from qep_qiskit.stencils import stencil as stencil_of


def to_document(plan: Plan) -> dict[str, Any]:
    """Return a document for reducing this round's outcomes and planning the next round; circuits are stored elsewhere."""
    prepared = plan.prepared
    return {
        "round": plan.round,
        "phases": list(plan.phases),
        "stencil": {"kind": plan.stencil.kind, "beta": plan.stencil.beta, "adapted": plan.adapted},
        "betas": [plan.stencil.phases[p] for p in plan.phases],
        "shots": plan.shots,
        "split": None if plan.split is None else plan.split.tolist(),
        "mitigation": str(plan.mitigation),
        "calibration_shots": plan.calibration_shots,
        "seed": plan.seed,
        "bases": [{"axes": basis.axes, "strings": list(basis.strings)} for basis in plan.bases],
        "strings": plan.problem.frame.paulis.to_labels(),
        "wanted": plan.measured.tolist(),
        "bias": _known_bias(plan) if plan.complete else None,
        "nearness": plain({"about": plan.nearness[0], "warnings": plan.nearness[1]}) if plan.complete else None,
        "error_signal": _listed(plan.error_signal),
        "sensitivity": _listed(plan.sensitivity),
        "prepared": {
            "phases": [plain(vars(phase)) for phase in prepared.phases],
            "angles": _listed(prepared.angles),
            "details": plain(prepared.details),
            "silence": prepared.silence,
        },
    }


def from_document(document: Mapping[str, Any], problem: Problem, settings: Settings, *, earlier: Plan | None = None) -> Plan:
    """Return the plan that a document describes. Its states are prepared again only if they are needed.

    Parameters
    ----------
    settings : Settings
        The settings of the run's spec. Only the preparer and a missing stencil are taken from them; the rest is in the document.
    earlier : Plan, optional
        The first round; required for the plan of the second.
    """
    about, asked = document.get("stencil"), settings.stencil
    if about is not None:
        stencil = stencil_of(about["kind"], float(about["beta"]))
    else:
        stencil = asked if isinstance(asked, Stencil) else asked.at(0.1)  # the default of runs without a stored stencil
    phases = tuple(int(p) for p in document["phases"])
    signal = _array(document["error_signal"])
    settings = replace(
        settings,
        stencil=AdaptiveStencil(stencil.kind) if about and about.get("adapted") else stencil,
        shots=document["shots"] if document.get("split") is None else Split(document["split"]),
        mitigation=parse(document["mitigation"]),
        calibration_shots=document["calibration_shots"],
        seed=document["seed"],
    )
    plan = Plan(
        problem=problem,
        settings=settings,
        stencil=stencil,
        phases=phases,
        prepared=_prepared(document["prepared"], problem, settings.preparer, stencil, phases, signal, settings.seed),
        bases=tuple(Basis(basis["axes"], tuple(basis["strings"])) for basis in document["bases"]),
        measured=np.array(document["wanted"], dtype=bool),
        error_signal=signal,
        sensitivity=_array(document["sensitivity"]),
        earlier=earlier,
    )
    # stored values replace computations that would need the states to be prepared again
    bias, nearness = document.get("bias") or {}, document.get("nearness") or {}
    stored = Bias(stencil.beta, stencil.order, unknown="it was not kept with this run") if not bias else _bias(bias, stencil)
    plan.__dict__.update(bias=stored, nearness=(nearness.get("about"), list(nearness.get("warnings") or ())))
    return plan


def _known_bias(plan: Plan) -> dict[str, Any]:
    values = {name: value for name, value in vars(plan.bias).items() if name not in ("beta", "order")}
    document: dict[str, Any] = plain({**values, "reach": 0.0 if plan.bias.values is None else plan.bias.reach()})
    return document


def _bias(document: Mapping[str, Any], stencil: Stencil) -> Bias:
    reach, still = float(document["reach"]), document["still"]
    arrays = {name: _array(document[name]) for name in ("values", "limit", "inputs") if name in document}
    limits = {"reach": lambda: reach, "still": math.inf if still is None else float(still)}
    stored = {name: document[name] for name in Bias.__dataclass_fields__ if name in document}
    return Bias(**{**stored, **arrays, **limits, "beta": stencil.beta, "order": stencil.order})


def _prepared(
    document: Mapping[str, Any],
    problem: Problem,
    preparer: Preparer,
    stencil: Stencil,
    phases: tuple[int, ...],
    signal: NDArray[np.float64] | None,
    seed: int,
) -> Prepared:
    @functools.cache
    def again() -> Prepared:
        nudge = np.zeros_like(problem.hamiltonian_row) if signal is None else signal @ problem.cost_rows
        family = family_of(problem, nudge, tuple(stencil.phases[p] for p in phases))
        angles = _array(document["angles"])
        warm_start = None if angles is None else Prepared((), nothing, nothing, nothing, angles=angles)  # type: ignore[arg-type]
        return preparer.prepare(family, warm_start=warm_start, seed=seed)

    def response(nudge: NDArray[np.float64], nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        prepared = again()
        if prepared.response is None:
            raise PreparationError("these states have no computed response to a nudge")
        return prepared.response(nudge, nudged, exact=exact)

    def expectations(paulis: PauliList) -> NDArray[np.float64]:
        return again().expectations(paulis)

    return Prepared(
        phases=tuple(_phase(entry) for entry in document["phases"]),
        states=lambda: again().states(),
        circuits=lambda: again().circuits(),
        expectations=expectations,
        angles=_array(document["angles"]),
        details=document["details"],
        response=response if 0 in phases else None,
        silence=str(document.get("silence") or ""),
    )


def _phase(entry: Mapping[str, Any]) -> Phase:
    fields = {key: value for key, value in entry.items() if key in Phase.__dataclass_fields__}
    return Phase(**{**fields, "energy": math.nan if entry["energy"] is None else entry["energy"]})


def _listed(array: NDArray[np.float64] | None) -> list[Any] | None:
    return None if array is None else array.tolist()


def _array(values: list[Any] | None) -> NDArray[np.float64] | None:
    return None if values is None else np.array(values, dtype=float)
