"""A round's plan as a document, so that another process on another day can go on with it."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.equilibrium.planned import Plan, family_of
from qep_qiskit.equilibrium.result import plain
from qep_qiskit.measurement.bases import Basis
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer
from qep_qiskit.problem import Problem
from qep_qiskit.stencils import Stencil


def to_document(plan: Plan) -> dict[str, Any]:
    """Return what is needed to reduce this round's outcomes and to plan the next round. Circuits are kept apart."""
    prepared = plan.prepared
    return {
        "round": plan.round,
        "phases": list(plan.phases),
        "betas": [plan.stencil.phases[p] for p in plan.phases],
        "shots": plan.shots,
        "split": None if plan.split is None else plan.split.tolist(),
        "mitigation": plan.mitigation,
        "calibration_shots": plan.calibration_shots,
        "seed": plan.seed,
        "bases": [{"axes": basis.axes, "strings": list(basis.strings)} for basis in plan.bases],
        "strings": plan.problem.frame.paulis.to_labels(),
        "wanted": plan.wanted.tolist(),
        "error_signal": _listed(plan.error_signal),
        "sensitivity": _listed(plan.sensitivity),
        "prepared": {
            "phases": [plain(vars(phase)) for phase in prepared.phases],
            "angles": _listed(prepared.angles),
            "details": plain(prepared.details),
        },
    }


def from_document(
    document: Mapping[str, Any], problem: Problem, preparer: Preparer, stencil: Stencil, *, earlier: Plan | None = None
) -> Plan:
    """Return the plan that a document holds. Its states, where they are asked for, are prepared again."""
    phases = tuple(int(p) for p in document["phases"])
    signal = _array(document["error_signal"])
    return Plan(
        problem=problem,
        preparer=preparer,
        stencil=stencil,
        shots=document["shots"],
        mitigation=document["mitigation"],
        calibration_shots=document["calibration_shots"],
        seed=document["seed"],
        phases=phases,
        prepared=_prepared(document["prepared"], problem, preparer, stencil, phases, signal, document["seed"]),
        bases=tuple(Basis(basis["axes"], tuple(basis["strings"])) for basis in document["bases"]),
        wanted=np.array(document["wanted"], dtype=bool),
        error_signal=signal,
        sensitivity=_array(document["sensitivity"]),
        earlier=earlier,
        split=None if document.get("split") is None else np.array(document["split"], dtype=np.int64),
    )


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
        return preparer.prepare(family, seed=seed)

    def expectations(paulis: PauliList) -> NDArray[np.float64]:
        return again().expectations(paulis)

    return Prepared(
        phases=tuple(_phase(entry) for entry in document["phases"]),
        states=lambda: again().states(),
        circuits=lambda: again().circuits(),
        expectations=expectations,
        angles=_array(document["angles"]),
        details=document["details"],
    )


def _phase(entry: Mapping[str, Any]) -> Phase:
    known = {key: value for key, value in entry.items() if key in Phase.__dataclass_fields__}
    return Phase(**{**known, "energy": math.nan if entry["energy"] is None else entry["energy"]})


def _listed(array: NDArray[np.float64] | None) -> list[Any] | None:
    return None if array is None else array.tolist()


def _array(values: list[Any] | None) -> NDArray[np.float64] | None:
    return None if values is None else np.array(values, dtype=float)
