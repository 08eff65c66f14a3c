"""Hessians by light cones from few gradients, against exact Hessians of state vectors."""

from unittest import mock

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp

from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.ansatz.hardware_efficient import hardware_efficient
from qep_qiskit.networks.edges import edges_of
from qep_qiskit.preparation.evaluator import hessians, quick_hessians
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.cones.light_cones import LightCones
from qep_qiskit.simulation.eigen.operators import PauliSum

GRID = [(k, k + 1) for k in range(9) if k % 3 < 2] + [(k, k + 3) for k in range(6)]


def strings(sites, edges):
    terms = [*(("ZZ", [*edge], 1.0) for edge in edges), *((letter, [k], 1.0) for letter in "ZX" for k in range(sites))]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=sites).paulis


def network(graph, sites, layers, shared=False):
    paulis = strings(sites, sorted(edges_of(graph, sites)))
    return hamiltonian_ansatz(paulis, layers=layers, shared_angles=shared), paulis


def tangled():
    """Angles in several gates far apart, in products with others, and in no gate that a string sees."""
    circuit, t = QuantumCircuit(9), ParameterVector("t", 12)
    for k in range(9):
        circuit.ry(t[k % 7] * (1 + t[7]) if k % 3 == 0 else t[k % 7] / 2, k)
    for k in range(8):
        circuit.cz(k, k + 1)
    for k in range(9):
        circuit.rx(t[8 + k % 3] + 0.3, k)
    circuit.rz(t[11], 0)
    return circuit, PauliList(["ZZIIIIIII", "IIIXXIIII", "IIIIIIIIZ", "IIIIIIIII"])


CASES = {
    "chain": lambda: network("chain", 12, 1),
    "ring of two layers": lambda: network("ring", 11, 2),
    "grid with cycles": lambda: network(GRID, 9, 1),
    "shared angles": lambda: network("chain", 10, 2, shared=True),
    "hardware-efficient": lambda: (hardware_efficient("efficient_su2", num_qubits=9, layers=1), network("chain", 9, 1)[1]),
    "tangled": tangled,
}


@pytest.mark.parametrize("trees", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_they_are_those_of_state_vectors(case, trees):
    circuit, paulis = CASES[case]()
    rng = np.random.default_rng(3)
    with mock.patch("qep_qiskit.simulation.cones.choice.states_seconds", return_value=np.inf if trees else 0.0):
        cones = LightCones(circuit, paulis)
    thetas, coefficients = rng.normal(size=(2, circuit.num_parameters)), rng.normal(size=(2, len(paulis)))
    program = CircuitProgram.from_circuit(circuit)
    dense = [
        program.hessian(theta, PauliSum.from_operator(SparsePauliOp(paulis, row)))
        for theta, row in zip(thetas, coefficients, strict=True)
    ]
    exact, quick = hessians(cones, thetas, coefficients), quick_hessians(cones, thetas, coefficients)
    scale = np.abs(coefficients).sum()
    np.testing.assert_allclose(exact, dense, rtol=0, atol=1e-6 * scale)
    np.testing.assert_allclose(quick, dense, rtol=0, atol=1e-5 * scale)
    if case == "chain":
        assert cones.partition.size < circuit.num_parameters / 2


@pytest.mark.parametrize(("graph", "layers"), [("chain", 1), ("chain", 2), ("heavy-hex", 1)])
def test_their_cost_does_not_grow_with_the_number_of_sites(graph, layers):
    small, large = (LightCones(*network(graph, sites, layers)).partition.size for sites in (60, 180))
    assert large <= small + 4


def test_no_angles_have_no_hessian():
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    cones = LightCones(circuit, PauliList(["ZII", "XXX"]))
    assert cones.partition.size == 0 and hessians(cones, np.zeros((2, 0)), np.ones((2, 2))).shape == (2, 0, 0)
