"""Specs with definite numbers in place of choices that depend on the planner or on the device's current calibration."""

from __future__ import annotations

from qep_qiskit.experiment import Spec
from qep_qiskit.experiment.loading import validated
from qep_qiskit.forecasting.planner import settle
from qep_qiskit.measurement.split import Split
from qep_qiskit.progress import Progress, silent


def laid_spec(spec: Spec) -> tuple[Spec, str]:
    """Return the spec with "native" replaced by the device's current edges and qubits, and a comment about it."""
    if spec.tables["network"].get("edges") != "native":
        return spec, ""
    laid = spec.weighted_network()[0].description
    network = {**spec.tables["network"], "edges": laid["edges"], "qubits": laid["qubits"]}
    note = f"# network.edges = 'native' are those of {spec.device().name} on the day of submission\n"
    return validated({**spec.tables, "network": network}, path=spec.path), note


def settled_spec(spec: Spec, progress: Progress = silent) -> tuple[Spec, str]:
    """Return the spec with the planner's choices as numbers, and a comment that says so.

    A run that is resumed after a new calibration thus keeps its β and shots.
    """
    problem, settings = spec.problem(), spec.settings()
    spec, note = laid_spec(spec)
    tables = dict(spec.tables)
    settled, record = settle(problem, settings, progress)
    if record is None:
        return validated(tables, path=spec.path), note
    tables["stencil"] = {**tables.get("stencil", {}), "beta": settled.stencil.beta}  # type: ignore[union-attr]
    measurement = dict(spec.tables.get("measurement", {}))
    if isinstance(settled.shots, Split):
        measurement["split"] = [list(row) for row in settled.shots.shots]
        measurement.pop("shots", None)
    elif measurement.pop("split", None) is not None:
        measurement["shots"] = settled.shots
    if settled.calibration_shots is not None:
        measurement["calibration_shots"] = settled.calibration_shots
    requests = [
        f"stencil.beta = {getattr(spec.stencil_section, 'beta', None)!r}",
        f"measurement.split = {spec.measurement.split!r}",
    ]
    error = record["predicted_relative_error"]
    foreseen = f"; predicted relative error {error:.3g}" if isinstance(error, float) else ""
    note += f"# Chosen by the planner for {', '.join(requests)}{foreseen}\n"
    return validated({**tables, "measurement": measurement}, path=spec.path), note
