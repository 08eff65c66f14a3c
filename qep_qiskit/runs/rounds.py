"""A round as jobs, and the jobs' results as the round's outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import BitArray

from qep_qiskit.devices.device import Compiled
from qep_qiskit.devices.remote import RemoteDevice, RunPub
from qep_qiskit.equilibrium.executed import Bench, Outcomes
from qep_qiskit.equilibrium.planned import Plan
from qep_qiskit.measurement.readout import CalibrationSamples
from qep_qiskit.measurement.samples import Samples, from_bit_array
from qep_qiskit.runs.records import JobRecord, Pub
from qep_qiskit.runs.store import RunStore

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
    bench = Bench(device, start)
    bench.add_plan(0, plan)
    pubs = _data_pubs(store, plan, device, bench)
    calibration: list[Pub] = []
    if plan.mitigation != "none" and plan.earlier is None:
        calibration = _calibration_pubs(store, device, bench.all_qubits)
    compiled = {
        "qubits": {str(phase): list(qubits) for (_, phase), qubits in bench.qubits.items()},
        "summaries": bench.summaries,
        "start": None if bench.start is None else list(bench.start),
        "calibrated": list(bench.all_qubits) if calibration else [],
    }
    store.put("compiled", str(plan.round), compiled)
    store.put("calibration", str(plan.round), device.calibration(bench.all_qubits))
    assert plan.shots is not None
    together = plan.calibration_shots == plan.shots
    jobs = [("data", plan.shots, pubs + (calibration if together else []))]
    if calibration and not together:
        jobs.append(("calibration", plan.calibration_shots or plan.shots, calibration))
    records = []
    for purpose, shots, some in jobs:
        device.check(run_pubs(store, some))
        records.append(
            JobRecord(
                tag=f"{run_id}-{plan.round}-{purpose}",
                round=plan.round,
                purpose=purpose,
                shots=shots,
                seed=plan.seed,
                pubs=tuple(some),
                state="intended",
                device=device.name,
            )
        )
    store.intend(*records)


def _data_pubs(store: RunStore, plan: Plan, device: RemoteDevice, bench: Bench) -> list[Pub]:
    pubs = []
    for number, (work, owners) in enumerate(bench.work()):
        circuit = device.measured(work.compiled, work.axes)
        places = [[phase, basis] for _, phase, basis in owners]
        sent = device.sent(circuit, work.values)
        for part, (body, values) in enumerate(sent):
            key = f"{plan.round}-{number}" if len(sent) == 1 else f"{plan.round}-{number}-{part}"
            mine = places if len(sent) == 1 else [places[part]]
            pubs.append(_kept(store, key, body, work.axes, values.tolist(), mine))
    return pubs


def _calibration_pubs(store: RunStore, device: RemoteDevice, qubits: Sequence[int]) -> list[Pub]:
    n = len(qubits)
    pubs = []
    for ones in (0, 1):
        logical = QuantumCircuit(n, name=f"all {ones}")
        if ones:
            logical.x(range(n))
        compiled: Compiled = device.compile(logical, qubits=tuple(qubits))
        pubs.append(_kept(store, f"calibration-{ones}", device.measured(compiled, "Z" * n), "Z" * n, [[]], [[CALIBRATION, ones]]))
    return pubs


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
    samples: dict[tuple[int, int], Samples] = {}
    calibrations: dict[tuple[int, int], Samples] = {}
    for job in store.jobs(plan.round):
        if job.tag not in results:
            continue
        for pub, bits in zip(job.pubs, results[job.tag], strict=True):
            for (phase, basis), row in zip(pub.owners, from_bit_array(bits), strict=True):
                (calibrations if phase == CALIBRATION else samples)[phase, basis] = row
    qubits = {int(phase): tuple(found) for phase, found in compiled["qubits"].items()}
    known: tuple[CalibrationSamples, ...] = ()
    if calibrations:
        known = (CalibrationSamples(tuple(compiled["calibrated"]), calibrations[CALIBRATION, 0], calibrations[CALIBRATION, 1]),)
    return Outcomes(
        samples=samples,
        qubits=qubits,
        calibrations=known,
        circuits=tuple(compiled["summaries"]),
        start=None if compiled["start"] is None else tuple(compiled["start"]),
        device=device,
    )
