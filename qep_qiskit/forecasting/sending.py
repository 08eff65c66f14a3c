"""What will be sent: every circuit with its shots, its depth on the device and its share of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.appraisal import Appraisal, appraise, backend_of, repetition_delay
from qep_qiskit.devices.device import Device
from qep_qiskit.equilibrium.bench import Bench
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.measurement.mitigation.twirling import num_flips, shots_each
from qep_qiskit.measurement.split import Split

JOB_SECONDS = 2.0
"""QPU seconds a job takes beside its shots: loading and initialising. IBM bills about this much."""
FORMULA = "Σ jobs 2 s + Σ circuits shots × (repetition delay + circuit and readout duration)"


@dataclass(frozen=True)
class CircuitRow:
    """One circuit of a plan.

    Attributes
    ----------
    round : int
        1 or 2.
    phase : float or None
        Its β; None for a calibration circuit.
    basis : str
    shots : int or None
    circuits : int
        How many such circuits.
    appraisal : Appraisal or None
        None where no circuit is run.
    """

    round: int
    phase: float | None
    basis: str
    shots: int | None
    circuits: int = 1
    appraisal: Appraisal | None = None


@dataclass(frozen=True)
class Sending:
    """All circuits of a plan on a device.

    Attributes
    ----------
    rows : tuple of CircuitRow
    jobs : int
        One for each round and number of shots.
    qubits : tuple of int or None
        The device qubit of each logical qubit.
    seconds : float or None
        Estimated QPU seconds; None for a simulator without a device behind it.
    repetition_delay : float or None
        Seconds.
    notes : tuple of str
    """

    rows: tuple[CircuitRow, ...]
    jobs: int
    qubits: tuple[int, ...] | None = None
    seconds: float | None = None
    repetition_delay: float | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def circuits(self) -> int:
        """Circuits of all rounds, calibration included."""
        return sum(row.circuits for row in self.rows)

    @property
    def shots(self) -> int | None:
        """Shots of all circuits, calibration included."""
        counts = [row.shots for row in self.rows]
        return None if any(n is None for n in counts) else sum((row.shots or 0) * row.circuits for row in self.rows)


def sending(last: Plan, device: Device, split: Split | None, calibration_circuits: int) -> Sending:
    """Compile all rounds for the device itself and count.

    Parameters
    ----------
    last : Plan
        The last round; the earlier one hangs on it.
    device : Device
    split : Split or None
        Shots; None for exact expectations.
    calibration_circuits : int
    """
    backend = backend_of(device)
    target = None if backend is None else backend.target
    rows: list[CircuitRow] = []
    start: tuple[int, ...] | None = None
    for part in (last,) if last.earlier is None else (last.earlier, last):
        bench = Bench(device, start, part.mitigation)
        bench.add_plans([part])
        start = bench.start
        for work, owners in bench.work():
            found = appraise(work.compiled, work.axes, target) if device.needs_circuits else None
            behind: dict[tuple[int, int], int] = {}  # a circuit is one row for each of its sets of flips
            for row in owners:
                behind[row.phase, row.basis] = behind.get((row.phase, row.basis), 0) + 1
            for row in {(row.phase, row.basis): row for row in owners}.values():
                shots = None if split is None else int(split.table[row.phase, row.basis])
                shots = shots if row.flips is None else shots_each(shots, num_flips(part.problem.network.num_qubits))
                beta = last.stencil.phases[row.phase]
                count = behind[row.phase, row.basis]
                rows.append(CircuitRow(part.round + 1, beta, part.bases[row.basis].title, shots, count, found))
        qubits = next(iter(bench.qubits.values()))
        if calibration_circuits and part.earlier is None:
            shots = None if split is None else split.calibration
            rows.append(CircuitRow(1, None, "Z", shots, calibration_circuits, _calibration(device, bench.all_qubits)))
    rows.sort(key=lambda row: (row.round, row.phase is None, abs(row.phase or 0.0), row.phase or 0.0, _order(row.basis)))
    jobs = len({(row.round, row.shots) for row in rows})
    if backend is None:
        return Sending(tuple(rows), jobs)
    delay, own = repetition_delay(backend)
    notes = []
    if not own:
        notes.append(f"{backend.name} does not tell its repetition delay; {delay * 1e6:g} µs is taken")
    durations = [row.appraisal.seconds if row.appraisal else None for row in rows]
    if any(seconds is None for seconds in durations):
        notes.append(f"{backend.name} does not tell how long its instructions take; circuits count as 0 s")
    seconds = JOB_SECONDS * jobs + sum(
        row.circuits * (row.shots or 0) * (delay + (known or 0.0)) for row, known in zip(rows, durations, strict=True)
    )
    return Sending(tuple(rows), jobs, qubits, None if split is None else seconds, delay, tuple(notes))


def _order(basis: str) -> str:
    return basis.replace("Z", "0")


def _calibration(device: Device, qubits: Sequence[int]) -> Appraisal | None:
    if not device.needs_circuits:
        return None
    backend = backend_of(device)
    n = len(qubits)
    ones = QuantumCircuit(n)
    ones.x(range(n))
    return appraise(device.compile(ones, qubits=tuple(qubits)), "Z" * n, None if backend is None else backend.target)
