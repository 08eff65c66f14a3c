"""Energies and gradients of many rows of angles, each with its own Hamiltonian."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.circuits import Circuit, ansatz
from benchmarks.jax_circuits import jax_rows
from benchmarks.problems import SEED
from benchmarks.task import Call, Method, Task
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.batched.program import BatchedProgram
from qep_qiskit.simulation.eigen.operators import PauliStructure

Real = NDArray[np.float64]
ROWS, LAYERS = 64, 2


@dataclass(frozen=True)
class Rows:
    """A circuit, rows of its angles (R, P), and rows of coefficients of the Hamiltonian's strings (R, L)."""

    circuit: Circuit
    thetas: Real
    coefficients: Real


def rows(kind: str, size: int) -> Rows:
    """Return the ansatz with small random angles, and the shared problem's coefficients times random numbers near one."""
    circuit = ansatz(kind, size, layers=LAYERS)
    draw = stream(SEED, "rows", size)
    thetas = draw.normal(0.0, 0.4, (ROWS, len(circuit.theta)))
    return Rows(circuit, thetas, circuit.op.coeffs.real * draw.normal(1.0, 0.1, (ROWS, len(circuit.op))))


def ours(case: Rows) -> Call:
    """All rows as columns of one array."""
    program = BatchedProgram(case.circuit.circuit, case.circuit.op.paulis)
    return lambda: np.column_stack(program.energies_and_gradients(case.thetas, case.coefficients))


def one_by_one(case: Rows) -> Call:
    """The compiled circuit for one row at a time."""
    program, structure = CircuitProgram.from_circuit(case.circuit.circuit), PauliStructure(case.circuit.op.paulis)

    def call() -> Real:
        pairs = zip(case.thetas, case.coefficients, strict=True)
        return np.array([np.append(*program.energy_and_gradient(theta, structure.bind(row))) for theta, row in pairs])

    return call


def jax(case: Rows) -> Call:
    """One compiled function of all rows."""
    return jax_rows(case.circuit, case.thetas, case.coefficients)


def _task(name: str, kind: str, text: str) -> Task[Rows]:
    return Task(
        name=name,
        title=f"energies and gradients of {ROWS} rows of angles and coefficients, {text}",
        case=partial(rows, kind),
        methods=(
            Method("BatchedProgram", "qep-qiskit", ours, ours=True),
            Method("CircuitProgram, row by row", "qep-qiskit", one_by_one, ours=True),
            Method("JAX, jit and vmap, complex128", "jax", jax, modules=("jax",), note="set-up is the compilation"),
        ),
        sizes=(4, 6, 8, 10, 12),
        quick=(4, 8),
        tolerance=1e-8,
        threads=(1,),
    )


BATCHED = _task("batched", "hamiltonian", "the 2-layer Hamiltonian ansatz, one angle a term")
BATCHED_SU2 = _task("batched-su2", "efficient_su2", "efficient_su2, pairwise, 2 repetitions")
