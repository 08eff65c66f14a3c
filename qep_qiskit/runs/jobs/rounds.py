"""Conversion of a compiled round into stored jobs, and of the jobs' results into the outcomes of its plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qiskit.primitives import BitArray

from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.limits import Limits
from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.devices.simulated.noise import active_wires
from qep_qiskit.devices.simulated.recorded import record_of
from qep_qiskit.documents import plain
from qep_qiskit.equilibrium.compiled_round import CompiledRound
from qep_qiskit.equilibrium.outcomes import CALIBRATION, Deal, Outcomes, Row
from qep_qiskit.runs.file.records import JobRecord
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.jobs.pubs import Owner, pubs_of, samples_of, written

NOISE = "noise"
"""The kind of the documents that record the device's noise on the qubits of a round's circuits; null if it is not known."""


def write_down(store: RunStore, compiled: CompiledRound, device: RemoteDevice) -> None:
    """Store the circuits and jobs of a round before any of them is sent.

    Parameters
    ----------
    compiled : CompiledRound
        A round of a single plan.
    """
    number, deal = compiled.number, compiled.deal
    document = {
        "qubits": {str(phase): list(qubits) for (_, phase), qubits in deal.qubits.items()},
        "summaries": list(deal.summaries),
        "start": None if deal.start is None else list(deal.start),
        "calibrated": list(deal.calibrated),
        "own": [[name, list(qubits)] for name, qubits in deal.own.items()],
        "names": [[phase, basis, name] for (_, phase, basis), name in deal.names.items()],
    }
    store.put("compiled", str(number), document)
    store.put("calibration", str(number), plain(device.calibration(sorted({q for some in deal.qubits.values() for q in some}))))
    circuits = [item.work.compiled.circuit for item in compiled.measurements]
    active = {q for circuit in circuits for q in active_wires(circuit)}
    store.put(NOISE, str(number), plain(record_of(backend_of(device), active)))
    records = []
    for job in compiled.jobs():
        assert job.shots is not None
        pubs = []
        for place in job.numbers:
            item = compiled.measurements[place]
            name = _name(item.rows[0], number, place)
            sent = pubs_of(device, item.work, [_owner(row) for row in item.rows])
            pubs += [(name if len(sent) == 1 else f"{name}-{k}", pub) for k, pub in enumerate(sent)]
        device.check([pub.pub for _, pub in pubs])
        stored = [written(store, pub, key) for key, pub in pubs]
        parts = getattr(device, "limits", Limits()).parts(len(stored), job.shots)
        for k, part in enumerate(parts):
            title = job.purpose if len(parts) == 1 else f"{job.purpose} {k + 1} of {len(parts)}"
            records.append(
                JobRecord(
                    tag=f"{store.description['id']}-{number}-{title.replace(' ', '-')}",
                    round=number,
                    purpose=title,
                    shots=part.shots,
                    seed=compiled.seed,
                    pubs=tuple(stored[part.circuits]),
                    device=device.name,
                )
            )
    store.intend(*records)


def outcomes_of(store: RunStore, number: int, results: Mapping[str, list[BitArray]], device: Mapping[str, Any]) -> Outcomes:
    """Return the outcomes of a round with finished jobs."""
    document = store.get("compiled", str(number))
    start = document["start"]
    deal = Deal(
        {(0, int(phase)): tuple(qubits) for phase, qubits in document["qubits"].items()},
        tuple(document["calibrated"]),
        tuple(document["summaries"]),
        None if start is None else tuple(start),
        {name: tuple(qubits) for name, qubits in document.get("own", ())},
        {(0, phase, basis): name for phase, basis, name in document.get("names", ())},
    )
    jobs = [(job, results[job.tag]) for job in store.jobs(number) if job.tag in results]
    [outcomes] = deal.outcomes(((_row(owner, bits), samples) for owner, bits, samples in samples_of(jobs)), device)
    return outcomes


def _name(row: Row, number: int, place: int) -> str:
    """Return the key under which a circuit is stored."""
    if row.phase != CALIBRATION:
        return f"{number}-{place}"
    return f"calibration-{row.basis}" if number == 0 else f"calibration-{number}-{row.basis}"


def _owner(row: Row) -> Owner:
    """Return phase and basis and, if needed, the flipped qubits as a bit mask (-1: none) and the folding factor."""
    flipped = -1 if row.flips is None else sum(1 << q for q, flip in enumerate(row.flips) if flip)
    if row.factor > 1:
        return [row.phase, row.basis, flipped, row.factor]
    return [row.phase, row.basis] if row.flips is None else [row.phase, row.basis, flipped]


def _row(owner: Owner, num_qubits: int) -> Row:
    phase, basis, flipped, factor = [*owner, *(-1, 1)[len(owner) - 2 :]]
    flips = None if flipped < 0 else np.array([flipped >> q & 1 for q in range(num_qubits)], dtype=bool)
    return Row(0, phase, basis, flips, factor)
