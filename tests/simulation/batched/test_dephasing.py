import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.gates import Angle
from qep_qiskit.simulation.adjoint.layers import Phases
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.adjoint.slots import layered
from qep_qiskit.simulation.batched.dephasing import without_leaves
from qep_qiskit.simulation.batched.program import BatchedProgram
from qep_qiskit.simulation.batched.steps import Hadamards, steps_of
from qep_qiskit.simulation.batched.strings import strings_of
from qep_qiskit.simulation.eigen.operators import PauliStructure

PAULIS = PauliList(["IIIIIZZ", "IIIIIXI", "IIIIIYX", "IIIIIII", "IIIIIIZ"])


def tree():
    """Qubits 0 and 1 are read; 2 and 3 hang on 0, 4 and 5 on 1, and 6 on both."""
    theta = ParameterVector("t", 12)
    circuit = QuantumCircuit(7)
    circuit.h(circuit.qubits)
    circuit.rzz(theta[0], 0, 1)
    circuit.rzz(theta[1], 0, 2)
    circuit.rzz(theta[2] - 2 * theta[1], 0, 3)
    circuit.rzz(theta[3], 1, 4)
    circuit.rzz(0.7, 1, 5)
    circuit.cx(0, 6)
    circuit.rzz(theta[4], 1, 6)
    circuit.cx(0, 6)
    circuit.rz(theta[5], 2)
    circuit.rz(theta[6], 0)
    circuit.rx(theta[7], 0)
    circuit.rx(theta[8], 1)
    circuit.rzz(theta[9], 0, 1)
    circuit.rx(theta[10], 0)
    circuit.ry(theta[11], 1)
    return circuit


def reduced(circuit, paulis=PAULIS):
    layering, slots = layered(circuit)
    return without_leaves(circuit.num_qubits, steps_of(layering.layers()), strings_of(paulis), len(slots))


def check(circuit, thetas, rng, paulis=PAULIS):
    program, single, structure = BatchedProgram(circuit, paulis), CircuitProgram.from_circuit(circuit), PauliStructure(paulis)
    coefficients = rng.normal(size=(2, len(thetas), len(paulis)))
    energies, gradients = program.energies_and_gradients(thetas, coefficients)
    expectations = program.expectations(thetas)
    for k in range(2):
        np.testing.assert_allclose(energies[k], (expectations * coefficients[k]).sum(axis=1), atol=1e-12)
        for row, theta in enumerate(thetas):
            energy, gradient = single.energy_and_gradient(theta, structure.bind(coefficients[k, row]))
            assert energies[k, row] == pytest.approx(energy, abs=1e-12)
            np.testing.assert_allclose(gradients[k, row], gradient, atol=1e-12)


def test_circuits_with_leaves_have_no_exact_hessians():
    program = BatchedProgram(tree(), PAULIS)
    assert not program.has_hessians
    with pytest.raises(InputError, match="no exact Hessians"):
        program.hessians(np.zeros((1, 12)), np.ones((1, len(PAULIS))))


def test_leaves_share_a_qubit_per_string():
    size, steps, strings, dephasing = reduced(tree())
    assert size == 2 + 3
    assert dephasing.num_strings == 3
    assert steps[0] == Hadamards(0b11111)
    assert max(string.x | string.z for string in strings) == 0b11


def test_against_single_circuits():
    rng = np.random.default_rng(0)
    check(tree(), rng.normal(size=(6, 12)), rng)


def test_derivatives_at_zero_and_right_angles():
    """There a purification's amplitudes √((1 ± λ)/2) have no derivative."""
    rng = np.random.default_rng(1)
    thetas = rng.normal(size=(4, 12))
    thetas[0], thetas[1, 1:5], thetas[2, 1:5], thetas[3, 1] = 0.0, 0.0, np.pi, np.pi / 2
    check(tree(), thetas, rng)


def test_qubits_without_gates_are_left_out():
    circuit = QuantumCircuit(8)
    circuit.h(circuit.qubits)
    theta = ParameterVector("t", 3)
    circuit.rzz(theta[0], 0, 1)
    circuit.rx(theta[1], 0)
    circuit.rz(theta[2], 5)
    paulis = PauliList(["I" + str(pauli) for pauli in PAULIS])
    assert reduced(circuit, PauliList(["IIIIIIIZ"]))[0] == 2
    check(circuit, np.random.default_rng(2).normal(size=(3, 3)), np.random.default_rng(3), paulis)


def test_what_is_no_leaf_stays():
    circuit = tree()
    circuit.rx(0.3, 4)  # turned
    circuit.rzz(0.2, 1, 5)
    paulis = PauliList(["IIIIIZZ", "IIIIZIX", "IIIIIYI"])  # one reads qubit 2
    assert reduced(circuit, paulis)[0] >= 6
    check(circuit, np.random.default_rng(4).normal(size=(2, 12)), np.random.default_rng(5), paulis)


def test_neighbouring_qubits_are_not_both_leaves():
    """Nor is a qubit that meets two strings."""
    strings = strings_of(PauliList(["IIIIIIZ", "IIIIIIX"]))
    angle = Angle(0.0, {0: 1.0})
    masks = [0b0000011, 0b0000101, 0b0000110, 0b0011000, 0b0001001, 0b0100001, 0b1000001]
    steps = [Hadamards(0b1111111), Phases(dict.fromkeys(masks, angle)), Hadamards(1), Phases({1: angle}), Hadamards(1)]
    size, *_ = without_leaves(7, steps, strings, 1)
    assert size == 6  # only 5 and 6 are leaves, and share a qubit
