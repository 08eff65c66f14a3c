"""The circuits to be sent, with their shots, depth and duration on the device."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from qep_qiskit.devices.appraisal import Appraisal, appraise, backend_of, repetition_delay
from qep_qiskit.devices.device import Device
from qep_qiskit.devices.layout.choice import Layout
from qep_qiskit.devices.price import Price
from qep_qiskit.devices.remote import cautions_of
from qep_qiskit.display import counted
from qep_qiskit.equilibrium.all_rounds import compile_rounds
from qep_qiskit.equilibrium.calibration import Measurement
from qep_qiskit.equilibrium.compiled_round import CompiledRound
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.measurement.bases import title_of
from qep_qiskit.measurement.split import Split


@dataclass(frozen=True)
class CircuitRow:
    """One circuit of a forecast plan, as a row of a table.

    Attributes
    ----------
    round : int
        The number of the round, 1 or 2.
    phase : float or None
        The β of the circuit; None for a calibration circuit.
    circuits : int
        The number of such circuits.
    appraisal : Appraisal or None
        Depth and duration on the device; None if no circuit is run.
    """

    round: int
    phase: float | None
    basis: str
    shots: int | None
    circuits: int = 1
    appraisal: Appraisal | None = None

    @property
    def title(self) -> str:
        """The purpose of the circuit, a phase or the calibration, and the number of such circuits if there are several."""
        what = "calibration" if self.phase is None else "free" if self.phase == 0 else f"β = {self.phase:+.4g}"
        return what if self.circuits == 1 else f"{self.circuits} × {what}"


@dataclass(frozen=True, repr=False)
class Sending:
    """All circuits of a plan on a device.

    Attributes
    ----------
    jobs : int
        The number of jobs: one per round and number of shots.
    qubits : tuple of int or None
        The device qubit of each logical qubit.
    seconds : float or None
        Estimated QPU time in seconds; None for a simulator that does not represent a device.
    repetition_delay : float or None
        The repetition delay in seconds.
    notes : tuple of str
        Warnings, one line each.
    price : Price or None
        The price of all jobs; None for expectations without shots.
    layout : Layout or None
        The choice of the qubits and the predicted damping on them; None if nothing can be predicted.
    """

    rows: tuple[CircuitRow, ...]
    jobs: int
    qubits: tuple[int, ...] | None = None
    seconds: float | None = None
    repetition_delay: float | None = None
    notes: tuple[str, ...] = field(default=())
    layout: Layout | None = None
    price: Price | None = None

    def __repr__(self) -> str:
        shots = "exact expectations" if self.shots is None else f"{self.shots:,} shots"
        price = "" if self.price is None else f", {self.price}"
        return f"Sending({counted(self.circuits, 'circuit')}, {shots}, {counted(self.jobs, 'job')}{price})"

    @property
    def circuits(self) -> int:
        """The number of circuits of all rounds, including calibration."""
        return sum(row.circuits for row in self.rows)

    @property
    def shots(self) -> int | None:
        """The number of shots of all circuits, including calibration."""
        counts = [row.shots for row in self.rows]
        return None if any(n is None for n in counts) else sum((row.shots or 0) * row.circuits for row in self.rows)


def sending(last: Plan, device: Device, split: Split | None) -> Sending:
    """Compile the circuits of all rounds for the device, and return their number, duration and price.

    Parameters
    ----------
    last : Plan
        The plan of the last round; its `earlier` is the first round.
    split : Split or None
        The shots of each circuit; None for exact expectations.
    """
    settings = replace(last.settings, shots=split, calibration_shots=None if split is None else split.calibration)
    plans = [replace(part, settings=settings) for part in ((last,) if last.earlier is None else (last.earlier, last))]
    rounds = compile_rounds(plans, device)
    price = sum((compiled.price(device) for compiled in rounds), Price())
    rows = [row for compiled, part in zip(rounds, plans, strict=True) for row in _rows(compiled, part, device)]
    rows.sort(
        key=lambda row: (row.round, row.phase is None, abs(row.phase or 0.0), row.phase or 0.0, row.basis.replace("Z", "0"))
    )
    backend = backend_of(device)
    due = None if split is None else price
    if backend is None:
        return Sending(tuple(rows), price.jobs, price=due)
    delay, default = repetition_delay(backend)
    notes = []
    if not default:
        notes.append(f"{backend.name} does not tell its repetition delay; {delay * 1e6:g} µs is taken")
    if any(row.appraisal is None or row.appraisal.seconds is None for row in rows):
        notes.append(f"{backend.name} does not tell how long its instructions take; circuits count as 0 s")
    qubits, layout = next(iter(rounds[-1].deal.qubits.values())), rounds[0].layout
    notes += [*([] if layout is None else layout.notes), *cautions_of(device)]
    return Sending(tuple(rows), price.jobs, qubits, None if split is None else price.seconds, delay, tuple(notes), layout, due)


def _rows(compiled: CompiledRound, plan: Plan, device: Device) -> list[CircuitRow]:
    """Return one row per phase and basis and per calibration basis, with its number of twirled and folded repetitions."""
    backend = backend_of(device)
    target = None if backend is None else backend.target

    def appraisal(item: Measurement) -> Appraisal | None:
        return appraise(item.work.compiled, item.work.axes, target) if device.needs_circuits else None

    rows = []
    for item in compiled.data:
        one = appraisal(item)
        for (phase, basis), count in Counter((row.phase, row.basis) for row in item.rows).items():
            title = plan.bases[basis].title
            rows.append(CircuitRow(plan.round + 1, plan.stencil.phases[phase], title, item.shots, count, one))
    calibrations: dict[str, list[Measurement]] = {}
    for item in compiled.calibration:
        calibrations.setdefault(title_of(item.work.axes), []).append(item)
    for title, items in calibrations.items():
        count = sum(len(item.rows) for item in items)
        rows.append(CircuitRow(plan.round + 1, None, title, items[-1].shots, count, appraisal(items[-1])))
    return rows
