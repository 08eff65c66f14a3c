"""Conversion between a run's stored circuits, the pubs sent to its device, and the returned samples."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from qiskit.primitives import BitArray

from qep_qiskit.devices.device import Work
from qep_qiskit.devices.remote import RemoteDevice, RunPub
from qep_qiskit.runs.file.records import JobRecord, Pub
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.samples import Samples, from_bit_array

Owner = list[int]
"""Numbers that identify a row of values, such as its phase and basis."""


@dataclass(frozen=True)
class OwnedPub:
    """A pub for some rows of a measurement, with the owner of each row."""

    pub: RunPub
    axes: str
    owners: list[Owner]


def pubs_of(device: RemoteDevice, work: Work, owners: Sequence[Owner]) -> list[OwnedPub]:
    """Return the pubs of a measurement: one, or one per row if the device cannot bind the circuit's parameters."""
    pubs, first = [], 0
    for circuit, values in device.sent(device.measured(work.compiled, work.axes), work.values):
        pubs.append(OwnedPub(RunPub(circuit, values), work.axes, list(owners[first : first + len(values)])))
        first += len(values)
    return pubs


def written(store: RunStore, pub: OwnedPub, key: str, *, there: Container[str] = ()) -> Pub:
    """Store the circuit of a pub under a key, unless it is already stored, and return the pub's record for a job."""
    circuit = pub.pub.circuit
    if key not in there:
        two = sum(1 for item in circuit.data if item.operation.num_qubits == 2)
        store.add_circuit(key, circuit, {"axes": pub.axes, "depth": circuit.depth(), "two_qubit_gates": two})
    return Pub(key, pub.axes, tuple(p.name for p in circuit.parameters), pub.pub.values.tolist(), pub.owners)


def run_pubs(store: RunStore, pubs: Sequence[Pub]) -> list[RunPub]:
    """Return the circuits with their values, matched by name to the order of each circuit's parameters."""
    read = []
    for pub in pubs:
        circuit = store.circuit(pub.circuit)
        place = {name: i for i, name in enumerate(pub.names)}
        order = [place[p.name] for p in circuit.parameters]
        read.append(RunPub(circuit, np.array(pub.values, dtype=float).reshape(len(pub.values), len(pub.names))[:, order]))
    return read


def samples_of(results: Iterable[tuple[JobRecord, Sequence[BitArray]]]) -> Iterator[tuple[Owner, int, Samples]]:
    """Yield every row's owner, its number of bits and its samples; the shots of a row may come from several jobs."""
    parts: dict[tuple[str, str], list[BitArray]] = {}
    owners: dict[tuple[str, str], list[Owner]] = {}
    for job, bits in results:
        for pub, array in zip(job.pubs, bits, strict=True):
            key = (pub.circuit, str(pub.owners))
            parts.setdefault(key, []).append(array)
            owners[key] = pub.owners
    for key, pieces in parts.items():
        whole = BitArray.concatenate_shots(pieces)
        for owner, samples in zip(owners[key], from_bit_array(whole), strict=True):
            yield owner, whole.num_bits, samples
