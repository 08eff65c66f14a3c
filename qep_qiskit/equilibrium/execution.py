"""Running plans on a device: the only step of the EP layer that touches one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.device import Device
from qep_qiskit.devices.simulated.noise_notes import Ran, ran_on
from qep_qiskit.equilibrium.bench import Bench, CalibrationWork, calibration_work
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.measurement.mitigation.readout import CalibrationSamples
from qep_qiskit.measurement.mitigation.twirling import Flips, combine, shots_each
from qep_qiskit.preparation.preparer import Progress, silent
from qep_qiskit.samples import Samples
from qep_qiskit.seeds import integer
from qep_qiskit.values import Value

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Outcomes(Value):
    """What a device gave for one round of a plan.

    Attributes
    ----------
    samples : mapping of (phase, basis) to Samples
    qubits : mapping of phase to tuple of int
        The device qubit of each logical qubit.
    expectations : mapping of phase to ndarray of shape (L,)
        Instead of samples, where the device is exact and no shots were asked for.
    calibrations : tuple of CalibrationSamples
    circuits : tuple of mapping
        Depth and gate counts of every compiled structure.
    start : tuple of int or None
        The layout that was chosen, for the next round to keep.
    device : mapping
    amplified : mapping of (phase, basis, factor) to Samples
        With the noise made stronger by folding, for zero-noise extrapolation.
    ran : Ran
        Which simulators ran, and what of a noise model acted.
    plan : Plan or None
        The last round of what :func:`qep_qiskit.execute` ran.
    """

    samples: Mapping[tuple[int, int], Samples] = field(default_factory=dict)
    qubits: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    expectations: Mapping[int, Vector] = field(default_factory=dict)
    calibrations: tuple[CalibrationSamples, ...] = ()
    circuits: tuple[Mapping[str, object], ...] = ()
    start: tuple[int, ...] | None = None
    device: Mapping[str, object] = field(default_factory=dict)
    amplified: Mapping[tuple[int, int, int], Samples] = field(default_factory=dict)
    ran: Ran = field(default_factory=Ran)
    plan: Plan | None = field(default=None, compare=False, repr=False)

    def __repr__(self) -> str:
        what = f"{len(self.samples)} circuits" if self.samples else f"exact expectations of {len(self.expectations)} phases"
        return f"Outcomes({what} on {self.device.get('name', 'a device')})"

    def followed_by(self, later: Outcomes) -> Outcomes:
        """Return the outcomes of both rounds."""
        known = {str(c) for c in self.circuits}
        return Outcomes(
            {**self.samples, **later.samples},
            {**self.qubits, **later.qubits},
            {**self.expectations, **later.expectations},
            self.calibrations + later.calibrations,
            self.circuits + tuple(c for c in later.circuits if str(c) not in known),
            self.start,
            self.device,
            {**self.amplified, **later.amplified},
            self.ran.joined(later.ran),
        )


def execute(
    plan: Plan, device: Device | None = None, *, earlier: Outcomes | None = None, progress: Progress = silent
) -> Outcomes:
    """Run one round of a plan and return its outcomes (this round's only).

    Parameters
    ----------
    plan : Plan
    device : Device, optional
        The device of the plan's settings if omitted.
    earlier : Outcomes, optional
        Of the first round: its layout is kept and its calibration serves.
    """
    return execute_all([plan], device, earlier=None if earlier is None else [earlier], progress=progress)[0]


def execute_all(
    plans: Sequence[Plan],
    device: Device | None = None,
    *,
    earlier: Sequence[Outcomes] | None = None,
    progress: Progress = silent,
) -> list[Outcomes]:
    """Run one round of many plans together: circuits of one structure, basis and number of shots share one pub.

    The pubs of one number of shots are one job; on a device that gathers, the readout calibration goes with them. The plans
    must agree in shots, mitigation and seed, as those of a batch of samples do.
    """
    first = plans[0]
    chosen = first.settings.device if device is None else device
    if first.shots is None and chosen.exact:
        return [_exact(plan, chosen) for plan in plans]
    before = list(earlier) if earlier is not None else [Outcomes()] * len(plans)
    progress("compiling circuits", None)
    mitigation = first.mitigation
    bench = Bench(chosen, before[0].start, mitigation)
    bench.add_plans(plans)
    missing: tuple[int, ...] = ()
    if mitigation.calibrated:
        calibrated = {q for outcomes in before for c in outcomes.calibrations for q in c.qubits}
        missing = tuple(q for q in bench.all_qubits if q not in calibrated)
    parts, each = ([], None) if not missing else calibrating(chosen, missing, first)
    together = getattr(chosen, "gathers", False)
    progress(f"running {bench.circuits} circuits on {chosen.name}", None)
    beside = [(part.work, each) for part in parts] if together else []
    results, more = bench.run(integer(first.seed, "samples", first.round), beside)
    calibrations: tuple[CalibrationSamples, ...] = ()
    if missing:
        if not together:
            progress(f"calibrating the readout of {len(missing)} qubits", None)
            work, seed = [part.work for part in parts], integer(first.seed, "calibration", first.round)
            more = chosen.distribution(work) if each is None else chosen.sample(work, shots=each, seed=seed)
        got = {part.state: (samples, part.flips) for part, samples in zip(parts, more, strict=True)}
        calibrations = (calibration_samples(missing, got),)
    ran = ran_on(chosen, bench.measured + [(part.work.compiled, part.work.axes) for part in parts])
    return [
        Outcomes(
            samples={(p, b): s for (plan, p, b, factor), s in results.items() if plan == number and factor == 1},
            amplified={(p, b, factor): s for (plan, p, b, factor), s in results.items() if plan == number and factor > 1},
            qubits={p: q for (plan, p), q in bench.qubits.items() if plan == number},
            calibrations=calibrations,
            circuits=tuple(bench.summaries),
            start=bench.start,
            device=chosen.describe(),
            ran=ran,
        )
        for number in range(len(plans))
    ]


def _exact(plan: Plan, device: Device) -> Outcomes:
    return Outcomes(expectations={p: plan.expectations[i] for i, p in enumerate(plan.phases)}, device=device.describe())


def calibrating(device: Device, qubits: tuple[int, ...], plan: Plan) -> tuple[list[CalibrationWork], int | None]:
    """Return the calibration circuits and the shots of each row of theirs."""
    parts = calibration_work(device, qubits, plan.mitigation, plan.seed)
    sets = 0 if parts[0].flips is None else len(parts[0].flips)
    return parts, shots_each(plan.calibration_shots, sets) if sets else plan.calibration_shots


def calibration_samples(qubits: tuple[int, ...], got: Mapping[int, tuple[Sequence[Samples], Flips | None]]) -> CalibrationSamples:
    """Return what the calibration circuits of each state gave, flips undone."""
    whole = {state: samples[0] if flips is None else combine(samples, flips) for state, (samples, flips) in got.items()}
    return CalibrationSamples(qubits, whole[0], whole.get(1))
