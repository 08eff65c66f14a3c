"""A hundred qubits and more: matrix product states, and shots of an adiabatic circuit."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qep_qiskit as qep
from benchmarks.task import Call, Method, Task
from qep_qiskit.devices.simulated.snapshots import snapshot
from qep_qiskit.seeds import stream

Vector = NDArray[np.float64]


def chain(size: int) -> qep.Problem:
    """Return a disordered chain."""
    return _problem(size, [(i, i + 1) for i in range(size - 1)])


def heavy_hex(size: int) -> qep.Problem:
    """Return the coupling graph of a 127-qubit device, or its first qubits."""
    pairs = {tuple(sorted(pair)) for pair in snapshot("fake_sherbrooke").backend.coupling_map.get_edges()}
    return _problem(size, sorted((int(a), int(b)) for a, b in pairs if b < size))


def _problem(size: int, edges: list[tuple[int, int]]) -> qep.Problem:
    network = qep.ising(sites=size, edges=edges, inputs=[0, 1], outputs=[size - 1])
    rng = stream(11, "hundred", size)
    weights = np.concatenate([rng.normal(size=len(edges)), 0.5 * rng.normal(size=size), rng.uniform(0.5, 1.5, size)])
    return qep.Problem(network, weights, x=[0.5, -0.5], cost=qep.SquaredError([1.0]))


def tensors(case: qep.Problem, *, bond_dimension: int, beta: float = 0.1) -> Call:
    """Free and two nudged phases by DMRG, and every weight's gradient."""
    return lambda: qep.gradient(case, preparer=qep.MPS(bond_dimension=bond_dimension), stencil=qep.symmetric(beta))


def ramp_shots(case: qep.Problem) -> Call:
    """10⁴ shots of two bases and three phases of a Trotter circuit, by Aer's matrix product states."""
    device = qep.aer(method="matrix_product_state", seed=1)
    ramp = qep.Adiabatic(time=3.0, steps=20)
    return lambda: qep.gradient(case, preparer=ramp, stencil=qep.symmetric(0.1), device=device, shots=10_000)


def error(case: qep.Problem, answer: qep.Gradient, reference: qep.Gradient) -> float:
    """Return the largest difference of a weight's gradient; shots are compared by the loss in their own error bars."""
    if answer.stderr is None:
        return float(np.abs(answer.values - reference.values).max())
    return 0.0


def details(case: qep.Problem, answer: qep.Gradient) -> dict[str, Any]:
    """Return the number of weights, bond dimension and bounds, or error bars."""
    facts: dict[str, Any] = {"weights": len(answer.values)}
    if answer.stderr is not None:
        facts["median error bar"] = float(np.median(answer.stderr))
    else:
        phases: Any = answer.diagnostics["phases"]
        bounds: Any = answer.diagnostics["error_bound"]
        facts["bond dimension"] = max(phase["bond_dimension"] for phase in phases)
        facts["largest bound"] = float(np.max(bounds))
        facts["gap"] = answer.diagnostics["gap"]
    return facts


HUNDRED: Task[qep.Problem] = Task(
    name="hundred",
    title="gradient of a disordered chain of 100 sites: free and two nudged phases, all 299 weights",
    case=chain,
    methods=(
        Method("qep.MPS", "numpy", partial(tensors, bond_dimension=64), ours=True),
        Method("qep.MPS, twice the bond dimension", "numpy", partial(tensors, bond_dimension=128), ours=True),
        Method("qep.Adiabatic on Aer's MPS, shots", "qiskit-aer", ramp_shots, ours=True, note="20 Trotter steps, 10⁴ shots"),
    ),
    sizes=(100,),
    quick=(12,),
    tolerance=1e-6,
    error=error,
    details=details,
    threads=(1,),
)
HEAVY_HEX: Task[qep.Problem] = Task(
    name="heavy-hex",
    title="gradient of a disordered network on the coupling graph of a 127-qubit device",
    case=heavy_hex,
    methods=(
        Method("qep.MPS, bond dimension 64", "numpy", partial(tensors, bond_dimension=64, beta=0.05), ours=True),
        Method("qep.MPS, twice the bond dimension", "numpy", partial(tensors, bond_dimension=128, beta=0.05), ours=True),
    ),
    sizes=(127,),
    quick=(14,),
    tolerance=np.inf,
    error=error,
    details=details,
    threads=(1,),
)
