"""The record of what was planned and what ran, for a gradient's provenance."""

from __future__ import annotations

from collections.abc import Mapping

from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.measurement.mitigation.readout import Mitigator


def record_of(plan: Plan, outcomes: Outcomes, mitigator: Mitigator | None) -> dict[str, object]:
    """Return the problem, the settings, and what the device ran."""
    measured = [*outcomes.samples.values(), *outcomes.amplified.values()]
    executed = len(measured)
    shots = None if plan.shots is None else sum(s.shots or 0 for s in measured)
    calibration_shots = sum(c.shots for c in outcomes.calibrations)
    preparation = {k: v for k, v in plan.prepared.details.items() if k != "warnings"}
    report: dict[str, object] = {
        **_planned(plan),
        "device": outcomes.ran.described(outcomes.device),
        "preparation": preparation,
        "bases": [basis.title for basis in plan.bases],
        "circuits": [dict(c) for c in outcomes.circuits],
        "executions": executed,
        "shots_total": shots,
        "calibration_shots_total": calibration_shots or None,
        "layout": None if not outcomes.circuits else list(next(iter(outcomes.qubits.values()))),
        "calibration_date": outcomes.device.get("calibration_date"),
    }
    if mitigator is not None:
        report["readout"] = mitigator.report()
    return report


def _planned(plan: Plan) -> Mapping[str, object]:
    return {
        "preparer": plan.preparer.describe(),
        "stencil": {"kind": plan.stencil.kind, "beta": plan.stencil.beta, **({"chosen": "adaptive"} if plan.adapted else {})},
        "shots": plan.shots,
        **({} if plan.split is None else {"split": plan.split.tolist()}),
        "mitigation": str(plan.mitigation),
        "calibration_shots": plan.calibration_shots if plan.mitigation != Mitigation() else None,
        "seed": plan.seed,
        "network": dict(plan.problem.network.description),
    }
