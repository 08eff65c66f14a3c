"""Exact outcome distributions of small noisy circuits: this package's transfer matrices and Aer's density matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit_aer import AerSimulator

import qep_qiskit as qep
from benchmarks.circuits import ansatz
from benchmarks.problems import SEED
from benchmarks.task import Call, Method, Task
from qep_qiskit.devices.device import Compiled, Work
from qep_qiskit.samples import Samples
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.noise.aer_model import confused, confusion_of

Vector = NDArray[np.float64]
NOISE = "fake_guadalupe"
ROWS = 8


@dataclass(frozen=True)
class Case:
    """A circuit that is compiled for a noisy device, and rows of values of its parameters."""

    compiled: Compiled
    values: NDArray[np.float64]

    @property
    def axes(self) -> tuple[str, str]:
        """The two bases."""
        return "Z" * len(self.compiled.wires), "X" * len(self.compiled.wires)


def case(size: int) -> Case:
    """Return two layers of the Hamiltonian ansatz, laid out on the device."""
    compiled = qep.simulator(noise=NOISE).compile(ansatz("hamiltonian", size, layers=2).circuit)
    return Case(compiled, stream(SEED, "rows", size).normal(0.0, 0.4, (ROWS, compiled.circuit.num_parameters)))


def ours(case: Case) -> Call:
    """One density matrix per row as a real vector over Pauli strings, read in both bases."""
    device = qep.simulator(noise=NOISE)
    work = [Work(case.compiled, axes, case.values) for axes in case.axes]
    device.distribution(work)
    return lambda: np.array([[_full(samples) for samples in rows] for rows in device.distribution(work)])


def _full(samples: Samples) -> Vector:
    chances = np.zeros(2 ** samples.outcomes.shape[1])
    chances[samples.outcomes @ (1 << np.arange(samples.outcomes.shape[1]))] = samples.weights
    return chances


def aer(case: Case) -> Call:
    """Aer's density matrices, all rows of both bases in one job with its run-time binding of parameters."""
    model, wires = case.compiled.noise, list(case.compiled.wires)
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    circuits = [_saved(case.compiled.rotated(axes), wires) for axes in case.axes]
    binds = [
        {parameter: list(column) for parameter, column in zip(circuit.parameters, case.values.T, strict=True)}
        for circuit in circuits
    ]
    matrices = confusion_of(model, wires)

    def call() -> NDArray[np.float64]:
        result = simulator.run(circuits, parameter_binds=binds, shots=1).result()
        chances = [confused(np.asarray(result.data(i)["probabilities"]), matrices) for i in range(len(circuits) * ROWS)]
        return np.array(chances).reshape(len(circuits), ROWS, -1)

    return call


def _saved(circuit: QuantumCircuit, wires: Sequence[int]) -> QuantumCircuit:
    circuit.global_phase = 0  # it cannot be observed, and Aer fails if it depends on a parameter
    circuit.save_probabilities(wires)
    return circuit


NOISY: Task[Case] = Task(
    name="noise",
    title=f"exact distributions of two Hamiltonian layers with the noise of {NOISE}: {ROWS} rows of angles, two bases",
    case=case,
    methods=(
        Method("qep.simulator", "qep-qiskit", ours, ours=True),
        Method("Aer, density_matrix", "qiskit-aer", aer, qiskit=True, note="run-time parameter binding"),
    ),
    sizes=(4, 6, 8),
    quick=(4, 6),
    tolerance=1e-9,
    threads=(1,),
)
