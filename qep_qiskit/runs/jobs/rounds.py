"""A round as jobs, and the jobs' results as the round's outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray

from qep_qiskit.devices.device import Work
from qep_qiskit.devices.limits import Limits
from qep_qiskit.devices.remote import RemoteDevice, RunPub
from qep_qiskit.equilibrium.bench import Bench, Row, calibration_work, dealt
from qep_qiskit.equilibrium.execution import Outcomes
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.measurement.mitigation.readout import CalibrationSamples
from qep_qiskit.measurement.mitigation.twirling import Flips, shots_each
from qep_qiskit.runs.file.records import JobRecord, Pub
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.samples import Samples, from_bit_array

CALIBRATION = -1
"""The phase of a calibration circuit, whose basis is then 0 (all |0⟩) or 1 (all |1⟩)."""


def intend_round(store: RunStore, plan: Plan, device: RemoteDevice, *, start: tuple[int, ...] | None, run_id: str) -> None:
    """Compile a round and write its circuits and jobs down, before anything is sent.

    Parameters
    ----------
    store : RunStore
    plan : Plan
    device : RemoteDevice
    start : tuple of int or None
        The layout of the first round, to be kept.
    run_id : str
        What the tags begin with.
    """
    bench = Bench(device, start, plan.mitigation)
    bench.add_plans([plan])
    by_shots = _data_pubs(store, plan, device, bench)
    calibration: list[Pub] = []
    if plan.mitigation.calibrated and plan.earlier is None:
        calibration = _calibration_pubs(store, plan, device, bench.all_qubits)
    compiled = {
        "qubits": {str(phase): list(qubits) for (_, phase), qubits in bench.qubits.items()},
        "summaries": bench.summaries,
        "start": None if bench.start is None else list(bench.start),
        "calibrated": list(bench.all_qubits) if calibration else [],
    }
    store.put("compiled", str(plan.round), compiled)
    store.put("calibration", str(plan.round), device.calibration(bench.all_qubits))
    assert plan.shots is not None
    calibration_each = plan.calibration_shots or plan.shots
    if calibration and len(calibration[0].owners[0]) > 2:
        calibration_each = shots_each(calibration_each, len(calibration[0].owners)) or calibration_each
    together = calibration_each in by_shots
    jobs = []
    for each, pubs in by_shots.items():
        purpose = "data" if len(by_shots) == 1 else f"data-{each}"
        jobs.append((purpose, each, pubs + (calibration if each == calibration_each else [])))
    if calibration and not together:
        jobs.append(("calibration", calibration_each, calibration))
    limits = getattr(device, "limits", Limits())
    records = []
    for purpose, shots, some in jobs:
        device.check(run_pubs(store, some))
        parts = limits.parts(len(some), shots)
        for number, part in enumerate(parts, start=1):
            title = purpose if len(parts) == 1 else f"{purpose} {number} of {len(parts)}"
            records.append(
                JobRecord(
                    tag=f"{run_id}-{plan.round}-{title.replace(' ', '-')}",
                    round=plan.round,
                    purpose=title,
                    shots=part.shots,
                    seed=plan.seed,
                    pubs=tuple(some[part.circuits]),
                    state="intended",
                    device=device.name,
                )
            )
    store.intend(*records)


def _data_pubs(store: RunStore, plan: Plan, device: RemoteDevice, bench: Bench) -> dict[int, list[Pub]]:
    """Return the pubs by the shots of each of their rows, fewest first."""
    pubs: dict[int, list[Pub]] = {}
    for number, ((work, rows), shots) in enumerate(zip(bench.work(), bench.shots(), strict=True)):
        assert shots is not None
        places = [_owner(row.phase, row.basis, row.flips, row.factor) for row in rows]
        pubs.setdefault(shots, []).extend(_sent(store, device, f"{plan.round}-{number}", work, places))
    return dict(sorted(pubs.items()))


def _calibration_pubs(store: RunStore, plan: Plan, device: RemoteDevice, qubits: tuple[int, ...]) -> list[Pub]:
    pubs = []
    for part in calibration_work(device, qubits, plan.mitigation, plan.seed):
        sets = [None] if part.flips is None else list(part.flips)
        places = [_owner(CALIBRATION, part.state, flips) for flips in sets]
        pubs += _sent(store, device, f"calibration-{part.state}", part.work, places)
    return pubs


def _sent(store: RunStore, device: RemoteDevice, name: str, work: Work, places: list[list[int]]) -> list[Pub]:
    sent = device.sent(device.measured(work.compiled, work.axes), work.values)
    pubs = []
    for part, (body, values) in enumerate(sent):
        key = name if len(sent) == 1 else f"{name}-{part}"
        mine = places if len(sent) == 1 else [places[part]]
        pubs.append(_kept(store, key, body, work.axes, values.tolist(), mine))
    return pubs


def _owner(phase: int, basis: int, flips: Flips | None, factor: int = 1) -> list[int]:
    """Return what a row is for: phase, basis, where its qubits are flipped, which, as a binary number, and the noise's factor."""
    flipped = -1 if flips is None else sum(1 << q for q, flip in enumerate(flips) if flip)
    if factor > 1:
        return [phase, basis, flipped, factor]
    return [phase, basis] if flips is None else [phase, basis, flipped]


def _row(owner: Sequence[int], num_qubits: int) -> Row:
    phase, basis, flipped, factor = [*owner, *(-1, 1)[len(owner) - 2 :]]
    flips = None if flipped < 0 else np.array([flipped >> q & 1 for q in range(num_qubits)], dtype=bool)
    return Row(0, phase, basis, flips, factor)


def _kept(
    store: RunStore, key: str, circuit: QuantumCircuit, axes: str, values: list[list[float]], owners: list[list[int]]
) -> Pub:
    about = {
        "axes": axes,
        "depth": circuit.depth(),
        "two_qubit_gates": sum(1 for item in circuit.data if item.operation.num_qubits == 2),
    }
    store.add_circuit(key, circuit, about)
    return Pub(circuit=key, axes=axes, names=tuple(p.name for p in circuit.parameters), values=values, owners=owners)


def run_pubs(store: RunStore, pubs: Sequence[Pub]) -> list[RunPub]:
    """Return circuits with their values in the order of the circuit's own parameters, bound by name."""
    found = []
    for pub in pubs:
        circuit = store.circuit(pub.circuit)
        place = {name: i for i, name in enumerate(pub.names)}
        order = [place[p.name] for p in circuit.parameters]
        found.append(RunPub(circuit, np.array(pub.values, dtype=float).reshape(len(pub.values), len(pub.names))[:, order]))
    return found


def outcomes_of(store: RunStore, plan: Plan, results: Mapping[str, list[BitArray]], device: Mapping[str, Any]) -> Outcomes:
    """Return the outcomes of a round whose jobs are all done.

    Parameters
    ----------
    store : RunStore
    plan : Plan
    results : mapping of tag to list of BitArray
    device : mapping
        What describes the device.
    """
    compiled = store.get("compiled", str(plan.round))
    parts: dict[str, list[BitArray]] = {}  # a circuit's shots may come from several jobs
    pubs: dict[str, Pub] = {}
    for job in store.jobs(plan.round):
        for pub, bits in zip(job.pubs, results.get(job.tag, ()), strict=False):
            parts.setdefault(pub.circuit, []).append(bits)
            pubs[pub.circuit] = pub
    found: list[tuple[Row, Samples]] = []
    for key, pub in pubs.items():
        bits = BitArray.concatenate_shots(parts[key])
        found += [(_row(owner, bits.num_bits), row) for owner, row in zip(pub.owners, from_bit_array(bits), strict=True)]
    every = dealt(found)
    data = {(phase, basis, factor): part for (_, phase, basis, factor), part in every.items() if phase != CALIBRATION}
    states = {basis: part for (_, phase, basis, _), part in every.items() if phase == CALIBRATION}
    qubits = {int(phase): tuple(some) for phase, some in compiled["qubits"].items()}
    known: tuple[CalibrationSamples, ...] = ()
    if states:
        known = (CalibrationSamples(tuple(compiled["calibrated"]), states[0], states.get(1)),)
    return Outcomes(
        samples={key[:2]: part for key, part in data.items() if key[2] == 1},
        amplified={key: part for key, part in data.items() if key[2] > 1},
        qubits=qubits,
        calibrations=known,
        circuits=tuple(compiled["summaries"]),
        start=None if compiled["start"] is None else tuple(compiled["start"]),
        device=device,
    )
