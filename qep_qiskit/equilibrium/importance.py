"""The importance of each Pauli string for a gradient, and the layout chosen accordingly."""

from __future__ import annotations

import numpy as np
import rustworkx as rx
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.device import Device
from qep_qiskit.devices.layout.choice import Layout, choose_layout
from qep_qiskit.devices.layout.exposure import DECAY, Reading
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.measurement.visible import visible
from qep_qiskit.problem import Problem

Vector = NDArray[np.float64]
FEW_QUBITS = 14
"""Up to this many qubits, expectations of any states are computed immediately."""


def importance_of(plan: Plan, *, shared: bool) -> Vector:
    """Return the importance of each string for a plan's gradient, shape (L,).

    Parameters
    ----------
    plan : Plan
    shared : bool
        Whether other samples or later steps of a training will be measured on the same qubits. The importance then does not
        depend on the sample and the weights.
    """
    sizes = None if shared else _contributions(plan)
    return by_distance(plan.problem) if sizes is None or not sizes.any() else sizes


def readings_of(plan: Plan, circuit: QuantumCircuit, sizes: Vector) -> list[Reading]:
    """Return the strings that a plan reads from a circuit in each basis, with their importance."""
    labels, readings = plan.problem.frame.labels, []
    for number, basis in enumerate(plan.bases):
        strings = [k for k in basis.strings if sizes[k] > 0.0]
        if plan.measured[:, number].any() and strings:
            readings.append(Reading(visible(circuit, basis.axes), [labels[k] for k in strings], sizes[strings]))
    return readings


def layout_for(plan: Plan, circuit: QuantumCircuit, digest: str, device: Device, *, shared: bool) -> Layout | None:
    """Return the layout of a plan's circuits on a device, on the qubits given by the network if there are any.

    Return None if the device has no coupling graph, or if nothing can be predicted for the circuit.

    Parameters
    ----------
    circuit : QuantumCircuit
        The first circuit of the plan.
    digest : str
        The digest of the circuit.
    """
    backend, given = backend_of(device), plan.problem.network.layout
    if backend is None:
        return None
    sizes = importance_of(plan, shared=shared)

    def chosen() -> Layout | None:
        readings = readings_of(plan, circuit, sizes)
        return choose_layout(backend, circuit, readings, qubits=given)

    cache = getattr(device, "cache", None)
    key = ("layout", digest, plan.problem.frame.labels, sizes.round(9).tobytes(), given)
    layout: Layout | None = chosen() if cache is None else cache.kept(key, chosen, anchor=circuit)
    return layout


def _contributions(plan: Plan) -> Vector | None:
    """Return each string's contribution to the noise-free gradient, as a norm over the weights, shape (L,).

    Return None for a round without nudged phases, and for large states without known expectations.
    """
    ready = plan.prepared.angles is not None or plan.problem.network.num_qubits <= FEW_QUBITS
    if not ready or plan.earlier is not None or not plan.complete:
        return None
    factors = np.array([plan.stencil.phase_factors[phase] for phase in plan.phases])
    changes = np.where(plan.problem.frame.busy, factors @ plan.expectations, 0.0)
    return np.sqrt(np.square(plan.problem.derivative_rows * changes).sum(axis=0))


def by_distance(problem: Problem) -> Vector:
    """Return the importance of each measured string from its distance to the outputs alone, shape (L,)."""
    paulis = problem.frame.paulis
    supports = [np.flatnonzero(row).tolist() for row in paulis.x | paulis.z]
    graph: rx.PyGraph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(problem.network.num_qubits))
    graph.add_edges_from_no_data([(a, b) for support in supports for a in support for b in support if a < b])
    distances = np.asarray(rx.distance_matrix(graph, null_value=np.inf))
    read = (problem.output_rows != 0).any(axis=0) | (problem.cost_rows != 0).any(axis=0)
    outputs = sorted({qubit for k in np.flatnonzero(read) for qubit in supports[k]})
    if not outputs:
        return np.zeros(len(supports))
    nearest = distances[:, outputs].min(axis=1)
    factors = np.array([DECAY ** float(nearest[support].mean()) if support else 0.0 for support in supports])
    return np.asarray(factors * ((problem.derivative_rows != 0).any(axis=0) | read))
