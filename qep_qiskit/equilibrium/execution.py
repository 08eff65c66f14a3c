"""Execution of plans on a device, the only step of this package that uses one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qep_qiskit.devices.device import Device
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.devices.simulated.noise_notes import ran_on
from qep_qiskit.equilibrium.compiled_round import CompiledRound, compile_round
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.progress import Progress, silent
from qep_qiskit.samples import Samples


def execute(
    plan: Plan, device: Device | None = None, *, earlier: Outcomes | None = None, progress: Progress = silent
) -> Outcomes:
    """Run one round of a plan and return the outcomes of that round alone.

    Parameters
    ----------
    plan : Plan
    device : Device, optional
        Default: the device of the plan's settings.
    earlier : Outcomes, optional
        The outcomes of the first round; its layout and its calibration are reused.
    """
    return execute_all([plan], device, earlier=None if earlier is None else [earlier], progress=progress)[0]


def execute_all(
    plans: Sequence[Plan],
    device: Device | None = None,
    *,
    earlier: Sequence[Outcomes] | None = None,
    shared: bool = False,
    progress: Progress = silent,
) -> list[Outcomes]:
    """Run one round of many plans together; circuits of the same structure, basis and number of shots share one pub.

    Pubs with the same number of shots form one job, which includes the readout calibration if the device groups jobs. The plans
    must have equal shots, mitigation and seed, such as the plans of a batch. `shared` is passed to
    :func:`~qep_qiskit.equilibrium.compiled_round.compile_round`.
    """
    target = plans[0].settings.device if device is None else device
    if plans[0].shots is None and target.exact:
        return [Outcomes(expectations=dict(zip(p.phases, p.expectations, strict=True)), device=target.describe()) for p in plans]
    progress("compiling circuits", None)
    compiled = compile_after(plans, target, earlier, shared=shared)
    answers = measured(compiled, target, progress)
    pairs = [
        pair for item, rows in zip(compiled.measurements, answers, strict=True) for pair in zip(item.rows, rows, strict=True)
    ]
    circuits = []
    for item, rows in zip(compiled.measurements, answers, strict=True):
        circuit = item.work.compiled
        if isinstance(rows[0], LocalSamples):
            circuit = circuit.run_by(rows[0].simulator)
        elif item.shots is None and isinstance(target, SimulatedDevice):
            circuit = target.for_distributions(circuit)
        circuits.append((circuit, item.work.axes))
    ran = ran_on(target, circuits)
    return compiled.deal.outcomes(pairs, target.describe(), ran)


def compile_after(
    plans: Sequence[Plan], device: Device, earlier: Sequence[Outcomes] | None = None, *, shared: bool = False
) -> CompiledRound:
    """Compile a round of plans with the layout and the readout calibration of the outcomes of an earlier round."""
    calibrations = [c for outcomes in earlier or () for c in outcomes.calibrations]
    calibrated = {c.circuit for c in calibrations if c.circuit} | {q for c in calibrations if not c.circuit for q in c.qubits}
    start = earlier[0].start if earlier else None
    return compile_round(plans, device, start=start, calibrated=calibrated, shared=shared)


def measured(compiled: CompiledRound, device: Device, progress: Progress = silent) -> list[list[Samples]]:
    """Run the jobs of a compiled round and return the samples of every row of every measurement."""
    answers: dict[int, list[Samples]] = {}
    stage = f"running {compiled.circuits} circuits on {device.name}"
    progress(stage, None)
    for job in compiled.jobs(together=getattr(device, "gathers", False)):
        if job.purpose == "calibration":
            stage = f"calibrating the readout of {len(compiled.deal.calibrated)} qubits"
            progress(stage, None)
        work = [compiled.measurements[number].work for number in job.numbers]
        if job.shots is None:
            rows = device.distribution(work)
        elif isinstance(device, SimulatedDevice):
            rows = device.sample(work, shots=job.shots, seed=job.seed, done=_shares(stage, progress))
        else:
            rows = device.sample(work, shots=job.shots, seed=job.seed)
        answers.update(zip(job.numbers, rows, strict=True))
    return [answers[number] for number in range(len(compiled.measurements))]


def _shares(stage: str, progress: Progress) -> Callable[[int, int], None]:
    """Return a callback (done, total) that reports the completed share of a stage."""

    def report(done: int, total: int) -> None:
        progress(stage, done / total)

    return report
