"""β = "auto" and shots that are to be shared out, worked out before a gradient is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.planning.verb import asked_for, best_choice, chosen_settings, settled_beta
from qep_qiskit.preparation.preparer import Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.spec import Spec
from qep_qiskit.spec.loading import validated
from qep_qiskit.stencils import AnyStencil, AutoStencil, Stencil


@dataclass(frozen=True)
class Settled:
    """What takes the place of what was left to the planner.

    Attributes
    ----------
    stencil : Stencil
    shots : int, Split or None
    calibration_shots : int or None
    record : mapping
        For the provenance: what was asked and what was chosen.
    """

    stencil: Stencil
    shots: int | Split | None
    calibration_shots: int | None
    record: Mapping[str, object]


def settle(
    problem: Problem,
    *,
    preparer: Preparer | None,
    stencil: AnyStencil | None,
    device: object,
    shots: int | Split | OptimalShots | None,
    mitigation: str,
    calibration_shots: int | None,
    seed: int | None,
    progress: Progress = silent,
) -> Settled:
    """Return the stencil and the shots that the planner chooses for these options of :func:`gradient`."""
    asked = asked_for(problem, preparer, stencil, device, shots, mitigation, calibration_shots, seed, None)
    asked = settled_beta(asked, progress)
    found, _ = best_choice(asked, progress)
    chosen = chosen_settings(asked, found)
    own = found.prediction.stencil
    record = {
        "beta": {"asked": "auto", "chosen": own.beta} if isinstance(stencil, AutoStencil) else own.beta,
        "shots": None if found.split is None else [list(row) for row in found.split.shots],
        "calibration_shots": chosen["calibration_shots"],
        "predicted_relative_error": found.relative_error,
    }
    return Settled(own, chosen["shots"], chosen["calibration_shots"], record)


def laid_spec(spec: Spec) -> tuple[Spec, str]:
    """Return the spec with the edges and qubits that the device gives now in place of "native", and a comment that says so."""
    if spec.tables["network"].get("edges") != "native":
        return spec, ""
    laid = spec.weighted_network()[0].description
    network = {**spec.tables["network"], "edges": laid["edges"], "qubits": laid["qubits"]}
    note = f"# network.edges = 'native' are those of {spec.device().name} on the day of submission\n"
    return validated({**spec.tables, "network": network}, path=spec.path), note


def settled_spec(spec: Spec, progress: Progress = silent) -> tuple[Spec, str]:
    """Return the spec with numbers in place of what was left to the planner, and a comment that says so.

    A run that goes on another day, with another calibration, keeps the β and the shots that it was sent with.
    """
    problem, settings = spec.problem(), spec.settings()
    spec, note = laid_spec(spec)
    tables = dict(spec.tables)
    if not (isinstance(settings["stencil"], AutoStencil) or isinstance(settings["shots"], OptimalShots)):
        return validated(tables, path=spec.path), note
    settled = settle(problem, **settings, progress=progress)
    tables["stencil"] = {**tables.get("stencil", {}), "beta": settled.stencil.beta}
    measurement = dict(spec.tables.get("measurement", {}))
    if isinstance(settled.shots, Split):
        measurement["split"] = [list(row) for row in settled.shots.shots]
        measurement.pop("shots", None)
    elif measurement.pop("split", None) is not None:
        measurement["shots"] = settled.shots
    if settled.calibration_shots is not None:
        measurement["calibration_shots"] = settled.calibration_shots
    asked = [f"stencil.beta = {spec.stencil_section.beta!r}", f"measurement.split = {spec.measurement.split!r}"]
    error = settled.record["predicted_relative_error"]
    foreseen = f"; predicted relative error {error:.3g}" if isinstance(error, float) else ""
    note += f"# Chosen by the planner for {', '.join(asked)}{foreseen}\n"
    return validated({**tables, "measurement": measurement}, path=spec.path), note
