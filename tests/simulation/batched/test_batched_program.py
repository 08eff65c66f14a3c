import copy
import pickle

import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp, Statevector
from random_circuits import random_circuit, slope

from docs.gallery import ising_paulis
from qep_qiskit.ansatz import build
from qep_qiskit.ansatz.qasm import load
from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.batched.program import BatchedProgram
from qep_qiskit.simulation.eigen.operators import PauliStructure

ROWS = 5


def random_strings(rng, num_qubits, count=12):
    """Random strings with Y and mixed letters, both signs, the identity, and strings of Z and of X alone."""
    labels = ["".join(letters) for letters in rng.choice(list("IXYZ"), size=(count, num_qubits))]
    labels = ["-" + label if k % 3 == 0 else label for k, label in enumerate(labels)]
    return PauliList([*labels, "I" * num_qubits, "Z" * num_qubits, "X" * num_qubits, "X".rjust(num_qubits, "I")])


def dense_expectations(circuit, paulis, theta):
    state = Statevector(circuit.assign_parameters(dict(zip(circuit.parameters, theta, strict=True))))
    return np.array([state.expectation_value(SparsePauliOp(pauli)).real for pauli in paulis])


def check(circuit, paulis, rng, *, rows=ROWS, tolerance=1e-11):
    """Compare with dense states of Qiskit and with the program for single circuits."""
    program, single = BatchedProgram(circuit, paulis), CircuitProgram.from_circuit(circuit)
    thetas, coefficients = rng.normal(size=(rows, circuit.num_parameters)), rng.normal(size=(rows, len(paulis)))
    energies, gradients = program.energies_and_gradients(thetas, coefficients)
    expectations = program.expectations(thetas)
    if circuit.num_qubits < 10:
        np.testing.assert_allclose(expectations[0], dense_expectations(circuit, paulis, thetas[0]), atol=tolerance)
    np.testing.assert_allclose(energies, np.einsum("rl,rl->r", expectations, coefficients), atol=tolerance)
    overlaps = np.abs(np.einsum("ri,ri->r", program.states(thetas).conj(), single.states(thetas)))
    np.testing.assert_allclose(overlaps, 1.0, atol=tolerance)
    structure = PauliStructure(paulis)
    for theta, row, energy, gradient in zip(thetas, coefficients, energies, gradients, strict=True):
        reference, slopes = single.energy_and_gradient(theta, structure.bind(row))
        assert energy == pytest.approx(reference, abs=tolerance)
        np.testing.assert_allclose(gradient, slopes, atol=tolerance)
    if circuit.num_qubits < 10:
        second = [single.hessian(theta, structure.bind(row)) for theta, row in zip(thetas, coefficients, strict=True)]
        np.testing.assert_allclose(program.hessians(thetas, coefficients), second, atol=tolerance)


@pytest.mark.parametrize("num_qubits", [1, 2, 4, 6])
@pytest.mark.parametrize("ansatz", ["hamiltonian", "efficient_su2", "real_amplitudes"])
def test_built_in_ansatz(ansatz, num_qubits):
    rng = np.random.default_rng(num_qubits)
    paulis = ising_paulis("chain", num_qubits) if num_qubits > 1 else PauliList(["Z", "X"])
    circuit = build(ansatz, num_qubits=num_qubits, paulis=paulis, layers=2)
    check(circuit, paulis, rng)
    check(circuit, random_strings(rng, num_qubits), rng)


@pytest.mark.parametrize(("num_qubits", "rows"), [(11, 9), (13, 2), (13, 3), (14, 2)])
def test_more_qubits(num_qubits, rows):
    rng = np.random.default_rng(num_qubits)
    paulis = ising_paulis("ring", num_qubits)
    check(build("hamiltonian", num_qubits=num_qubits, paulis=paulis, layers=2), paulis, rng, rows=rows)


@pytest.mark.parametrize("shared", [False, True])
def test_hamiltonian_ansatz_of_general_strings(shared):
    paulis = PauliList(["XYZI", "ZZII", "IYYX", "IIXX", "IIIY", "ZIIZ", "XIII"])
    circuit = build("hamiltonian", num_qubits=4, paulis=paulis, layers=2, shared_angles=shared)
    check(circuit, paulis, np.random.default_rng(3))


@pytest.mark.parametrize(
    "name", ["adiabatic_chain_4", "efficient_su2_6", "ising_chain_6", "ising_heavy_hex_6", "real_amplitudes_4"]
)
def test_circuits_of_the_gallery(name):
    circuit = load(f"circuits/{name}.qasm")
    check(circuit, ising_paulis("ring", circuit.num_qubits), np.random.default_rng(1), rows=3)


@pytest.mark.parametrize("num_qubits", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(8))
def test_random_circuits_with_affine_and_other_expressions(num_qubits, seed):
    rng = np.random.default_rng([seed, num_qubits])
    circuit = random_circuit(rng, num_qubits, 25)
    check(circuit, random_strings(rng, num_qubits), rng, rows=3)


def test_gradient_against_finite_differences():
    rng = np.random.default_rng(5)
    circuit = random_circuit(rng, 3, 30)
    paulis = random_strings(rng, 3)
    program = BatchedProgram(circuit, paulis)
    theta, row = rng.normal(size=program.num_parameters), rng.normal(size=(1, len(paulis)))
    gradient = program.energies_and_gradients([theta], row)[1][0]
    np.testing.assert_allclose(gradient, slope(lambda x: program.energies_and_gradients([x], row)[0][0], theta), atol=1e-8)


@pytest.mark.parametrize("num_qubits", [2, 6, 9])
def test_results_do_not_depend_on_the_batch(num_qubits):
    rng = np.random.default_rng(7)
    paulis = ising_paulis("chain", num_qubits)
    program = BatchedProgram(build("hamiltonian", num_qubits=num_qubits, paulis=paulis, layers=2), paulis)
    rows = 150
    thetas, coefficients = rng.normal(size=(rows, program.num_parameters)), rng.normal(size=(rows, len(paulis)))
    energies, gradients = program.energies_and_gradients(thetas, coefficients)
    again = program.energies_and_gradients(thetas, coefficients)
    assert np.array_equal(energies, again[0])
    assert np.array_equal(gradients, again[1])
    for part in ([0], [149, 3, 77], range(40, 110)):
        few = program.energies_and_gradients(thetas[part], coefficients[part])
        np.testing.assert_allclose(few[0], energies[part], atol=1e-12)
        np.testing.assert_allclose(few[1], gradients[part], atol=1e-12)
        np.testing.assert_allclose(program.expectations(thetas[part]), program.expectations(thetas)[part], atol=1e-12)
    hessians = program.hessians(thetas[:9], coefficients[:9])
    for row in (0, 8):
        alone = program.hessians(thetas[row : row + 1], coefficients[row : row + 1])[0]
        np.testing.assert_allclose(alone, hessians[row], atol=1e-12)
    assert np.array_equal(hessians, program.hessians(thetas[:9], coefficients[:9]))
    assert np.array_equal(gradients, program.energies_and_gradients(thetas, coefficients)[1])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda program: pickle.loads(pickle.dumps(program))])
def test_copies_give_the_same_bits(duplicate):
    rng = np.random.default_rng(9)
    paulis = ising_paulis("chain", 6)
    program = BatchedProgram(build("hamiltonian", num_qubits=6, paulis=paulis, layers=2), paulis)
    thetas, coefficients = rng.normal(size=(5, program.num_parameters)), rng.normal(size=(5, len(paulis)))
    energies, gradients = program.energies_and_gradients(thetas, coefficients)
    again = duplicate(program).energies_and_gradients(thetas, coefficients)
    assert np.array_equal(energies, again[0])
    assert np.array_equal(gradients, again[1])


def test_several_operators_share_their_parameters():
    rng = np.random.default_rng(8)
    circuit = random_circuit(rng, 3, 30)
    paulis = random_strings(rng, 3)
    program = BatchedProgram(circuit, paulis)
    thetas, coefficients = rng.normal(size=(4, program.num_parameters)), rng.normal(size=(3, 4, len(paulis)))
    energies, gradients = program.energies_and_gradients(thetas, coefficients)
    assert energies.shape == (3, 4)
    for k in range(3):
        alone = program.energies_and_gradients(thetas, coefficients[k])
        np.testing.assert_allclose(energies[k], alone[0], atol=1e-12)
        np.testing.assert_allclose(gradients[k], alone[1], atol=1e-12)


def test_no_rows():
    paulis = ising_paulis("chain", 2)
    circuit = build("hamiltonian", num_qubits=2, paulis=paulis, layers=1)
    circuit.rz(circuit.parameters[0].sin(), 0)
    for each in (circuit, build("efficient_su2", num_qubits=2, paulis=paulis, layers=1)):
        program = BatchedProgram(each, paulis)
        energies, gradients = program.energies_and_gradients(np.empty((0, program.num_parameters)), np.empty((0, len(paulis))))
        assert energies.shape == (0,)
        assert gradients.shape == (0, program.num_parameters)
        assert program.expectations(np.empty((0, program.num_parameters))).shape == (0, len(paulis))


def test_a_circuit_without_parameters():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    program = BatchedProgram(circuit, PauliList(["ZZ", "XX", "YY", "IZ"]))
    energies, gradients = program.energies_and_gradients(np.empty((2, 0)), [[1, 1, 1, 1], [0, 0, 2, 0]])
    np.testing.assert_allclose(energies, [1.0, -2.0], atol=1e-12)
    assert gradients.shape == (2, 0)


def test_bad_input():
    theta = ParameterVector("t", 2)
    circuit = QuantumCircuit(2)
    circuit.rx(theta[0], 0)
    circuit.ry(theta[1], 1)
    program = BatchedProgram(circuit, PauliList(["ZZ", "XX"]))
    with pytest.raises(InputError, match=r"thetas has shape \(2,\); give rows of 2 parameters"):
        program.energies_and_gradients([0.1, 0.2], [[1.0, 1.0]])
    with pytest.raises(InputError, match=r"coefficients has shape \(2, 2\); give \(1, 2\)"):
        program.energies_and_gradients([[0.1, 0.2]], [[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(InputError, match=r"coefficients has shape \(2, 2\); give \(1, 2\)"):
        program.hessians([[0.1, 0.2]], [[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(InputError, match="strings of 3 letters do not fit 2 qubits"):
        BatchedProgram(circuit, PauliList(["ZZZ"]))
    with pytest.raises(InputError, match="not Hermitian"):
        BatchedProgram(circuit, PauliList(["iZZ"]))


def test_states_of_many_rows_and_of_none():
    rng = np.random.default_rng(9)
    circuit = random_circuit(rng, 3, 20)
    program, single = BatchedProgram(circuit, PauliList(["ZII"])), CircuitProgram.from_circuit(circuit)
    thetas = rng.normal(size=(150, circuit.num_parameters))
    overlaps = np.abs(np.einsum("ri,ri->r", program.states(thetas).conj(), single.states(thetas)))
    np.testing.assert_allclose(overlaps, 1.0, atol=1e-12)
    assert program.states(thetas[:0]).shape == (0, 8)
