"""The results of a run from its stored counts, without its device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qep_qiskit.budget import Measured
from qep_qiskit.comparison import Climb
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.devices.simulated.recorded import snapshot_from
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.errors import InputError
from qep_qiskit.experiment import Spec
from qep_qiskit.files import typed
from qep_qiskit.measurement.mitigation.mitigation import parse
from qep_qiskit.progress import Progress, silent
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.rounds import NOISE, outcomes_of
from qep_qiskit.runs.plan_documents import from_document


def measured(store: RunStore, spec: Spec) -> tuple[Plan, Outcomes]:
    """Return the last plan of a finished run and the outcomes of all its rounds.

    Raises
    ------
    InputError
        If the run is not finished or counts are missing.
    """
    problem, settings = spec.problem(), spec.settings()
    current: Plan | None = None
    outcomes: Outcomes | None = None
    for number in sorted(store.all("plan"), key=int):
        current = from_document(store.get("plan", number), problem, settings, earlier=current)
        results = {job.tag: store.result(job.tag) for job in store.jobs(int(number))}
        if not results or any(bits is None for bits in results.values()):
            raise InputError(
                f"mitigation: the counts of round {int(number) + 1} are not there yet; `qep collect {typed(store.folder)}` first"
            )
        device = {"name": store.description["device"], **(store.get("calibration", number) or {})}
        later = outcomes_of(store, int(number), {tag: bits for tag, bits in results.items() if bits is not None}, device)
        outcomes = later if outcomes is None else outcomes.followed_by(later)
    if current is None or outcomes is None or not current.complete:
        raise InputError(f"mitigation: the run is not finished; `qep collect {typed(store.folder)}` first")
    return current, outcomes


def climb_of(
    store: RunStore, spec: Spec, *, mitigation: str | None = None, keep: Path | None = None, progress: Progress = silent
) -> Climb:
    """Return the error budget of a finished run as a :class:`Climb` with its stored counts as measurements.

    Parameters
    ----------
    mitigation : str, optional
        The mitigation of the mitigated rung; default: the run's.
    keep : Path, optional
        The folder in which rungs are kept, so that an interrupted comparison resumes.
    """
    done, outcomes = measured(store, spec)
    noisy: SimulatedDevice | str = "the run did not store the errors of its device's gates"
    if record := store.get(NOISE, "0"):
        noisy = SimulatedDevice(str(store.description["device"]), spec.seed, snapshot=snapshot_from(record))
    settings = replace(
        spec.settings(),
        stencil=done.stencil,
        shots=done.shots,
        calibration_shots=done.calibration_shots,
        mitigation=done.mitigation if mitigation is None else parse(mitigation),
    )
    before, extra = Measured(done, outcomes, noisy), {"run": str(store.folder)}
    return Climb(spec.problem(), settings, measured=before, keep=keep, extra=extra, progress=progress)
