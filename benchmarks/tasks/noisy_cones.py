"""Local expectations under device noise: light cones, and the whole state as far as it fits."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

import qep_qiskit as qep
from benchmarks.noisy_strings import NoisyCones
from benchmarks.problems import SEED
from benchmarks.task import Call, Method, Task
from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.devices.device import Compiled, Work
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.devices.simulated.snapshots import snapshot
from qep_qiskit.samples import Samples
from qep_qiskit.seeds import stream

Values = NDArray[np.float64]
NOISE = "fake_torino"
ROWS = 3
LAYERS = 2


@dataclass(frozen=True)
class Case:
    """A circuit that is compiled for a noisy device, the strings of an Ising network, and rows of angles."""

    compiled: Compiled
    paulis: PauliList
    values: Values


def case(size: int) -> Case:
    """Return the Hamiltonian ansatz of the device's first qubits, in breadth-first order."""
    pairs = {(int(min(pair)), int(max(pair))) for pair in snapshot(NOISE).backend.coupling_map.get_edges()}
    order = [0]
    for qubit in order:
        order += sorted({q for pair in pairs if qubit in pair for q in pair} - set(order))
    keep = sorted(order[:size])
    edges = [(keep.index(a), keep.index(b)) for a, b in sorted(pairs) if a in keep and b in keep]
    letters = [("Z", edge) for edge in edges] + [(letter, (q,)) for q in range(size) for letter in "ZX"]
    paulis = PauliList(["".join(kind if q in qubits else "I" for q in reversed(range(size))) for kind, qubits in letters])
    compiled = qep.fake(NOISE).compile(hamiltonian_ansatz(paulis, layers=LAYERS), qubits=keep)
    return Case(compiled, paulis, stream(SEED, "rows", size).normal(0.0, 0.4, (ROWS, compiled.circuit.num_parameters)))


def ours(case: Case) -> Call:
    """Every string from its causal cone."""
    compiled, change = case.compiled, functools.partial(basis_change, gates=case.compiled.gates)
    assert compiled.noise is not None
    cones = NoisyCones(compiled.circuit, compiled.noise, case.paulis, wires=compiled.wires, basis_change=change)
    return lambda: cones.expectations(case.values)


def whole(case: Case, *, engine: str) -> Call:
    """Expectations from the distribution of all outcomes in both bases."""
    device: SimulatedDevice = qep.fake(NOISE, engine=engine)
    axes = [letter * len(case.compiled.wires) for letter in "ZX"]
    masks, across = np.asarray(case.paulis.x | case.paulis.z), np.asarray(case.paulis.x.any(axis=1))

    def means(samples: Samples) -> Values:
        return np.asarray(samples.weights @ (-1.0) ** (samples.outcomes.astype(int) @ masks.T))

    def call() -> Values:
        along_z, along_x = device.distribution([Work(case.compiled, each, case.values) for each in axes])
        return np.array([np.where(across, means(x), means(z)) for z, x in zip(along_z, along_x, strict=True)])

    return call


NOISY_CONES: Task[Case] = Task(
    name="noise-cones",
    title=f"expectations of all strings of an Ising network, {LAYERS} Hamiltonian layers with the noise of {NOISE}: {ROWS} rows",
    case=case,
    methods=(
        Method("NoisyCones", "qep-qiskit", ours, ours=True),
        Method("qep.fake, whole state", "qep-qiskit", functools.partial(whole, engine="simulator"), ours=True, largest=10),
        Method("Aer, density_matrix", "qiskit-aer", functools.partial(whole, engine="aer"), qiskit=True, largest=8),
    ),
    sizes=(6, 8, 10, 50, 127),
    quick=(6, 20),
    tolerance=1e-9,
    threads=(1,),
)
