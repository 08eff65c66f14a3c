"""Built-in ansätze: what they are, their names, their depth, and the errors of one that does not fit."""

import numpy as np
import pytest
from qiskit.circuit import Parameter, ParameterVector, QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import Operator, PauliList, Statevector
from scipy.linalg import expm

from docs.gallery import ising_paulis
from qep_qiskit.ansatz import BUILT_IN, build
from qep_qiskit.errors import InputError

CHAIN = ising_paulis("chain", 3)


def two_qubit_depth(circuit):
    return circuit.depth(lambda instruction: instruction.operation.num_qubits > 1)


def test_hamiltonian_ansatz_is_the_product_of_exponentials():
    circuit = build("hamiltonian", num_qubits=3, paulis=CHAIN, layers=2)
    values = np.random.default_rng(1).uniform(-2, 2, circuit.num_parameters)
    prepared = Statevector(circuit.assign_parameters(values)).data
    order = ["IZZ", "ZZI", "IIZ", "IZI", "ZII", "IIX", "IXI", "XII"]
    state = np.full(8, 8**-0.5, dtype=complex)
    for angle, label in zip(values, order * 2, strict=True):
        state = expm(-0.5j * angle * Operator.from_label(label).data) @ state
    np.testing.assert_allclose(prepared, state, atol=1e-12)


@pytest.mark.parametrize("shared", [False, True])
def test_there_is_one_angle_per_term_or_per_class_and_layer(shared):
    circuit = build("hamiltonian", num_qubits=3, paulis=CHAIN, layers=4, shared_angles=shared)
    assert circuit.num_parameters == 4 * (3 if shared else len(CHAIN))


@pytest.mark.parametrize("ansatz", BUILT_IN)
def test_names_sort_in_the_order_of_appearance(ansatz):
    circuit = build(ansatz, num_qubits=6, paulis=ising_paulis("complete", 6), layers=40)
    names = [p.name for p in circuit.parameters]
    width = max(3, len(str(len(names) - 1)))
    assert names == [f"theta_{k:0{width}d}" for k in range(len(names))]
    appearing = [p.name for item in circuit.data for value in item.operation.params for p in value.parameters]
    assert list(dict.fromkeys(appearing)) == names


@pytest.mark.parametrize("ansatz", BUILT_IN)
def test_built_twice_it_is_the_same(ansatz):
    assert build(ansatz, num_qubits=3, paulis=CHAIN) == build(ansatz, num_qubits=3, paulis=CHAIN)


def test_efficient_su2_is_qiskits():
    ours = build("efficient_su2", num_qubits=4, paulis=CHAIN, layers=2)
    theirs = efficient_su2(4, ["ry", "rz"], entanglement="pairwise", reps=2)
    values = np.random.default_rng(2).uniform(-3, 3, ours.num_parameters)
    np.testing.assert_allclose(*(Operator(c.assign_parameters(values)).data for c in (ours, theirs)), atol=1e-12)


@pytest.mark.parametrize("ansatz", BUILT_IN)
def test_depth_does_not_grow_with_a_chain(ansatz):
    depths = {two_qubit_depth(build(ansatz, num_qubits=n, paulis=ising_paulis("chain", n))) for n in (6, 20)}
    assert depths == {6}


def test_identity_strings_are_skipped():
    circuit = build("hamiltonian", num_qubits=2, paulis=PauliList(["II", "ZZ", "XI"]), layers=1)
    assert circuit.num_parameters == 2


def test_a_users_circuit_keeps_its_names_and_loses_its_measurements():
    theta = ParameterVector("θ", 12)
    circuit = QuantumCircuit(2)
    for k in range(12):
        circuit.ry(theta[k], k % 2)
    circuit.measure_all()
    built = build(circuit, num_qubits=2, paulis=PauliList(["ZZ"]))
    assert [p.name for p in built.parameters] == [f"θ[{k}]" for k in range(12)]
    assert "measure" not in built.count_ops()
    assert built.num_clbits == 0
    assert circuit.num_clbits == 2


def circuit_of(*gates: str) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2, name="mine")
    for gate in gates:
        if gate == "ry":
            circuit.ry(Parameter("a"), 0)
        elif gate == "measure":
            circuit.measure(0, 0)
        else:
            getattr(circuit, gate)(0)
    return circuit


@pytest.mark.parametrize(
    ("ansatz", "options", "message"),
    [
        ("hamiltonain", {}, r"unknown ansatz .hamiltonain..*allowed: hamiltonian.*did you mean 'hamiltonian'"),
        ("hamiltonian", {"paulis": PauliList(["II"])}, "string other than the identity"),
        (QuantumCircuit(3, name="wide"), {}, "'wide' has 3 qubits, the network has 2"),
        (circuit_of("h"), {}, "'mine' has no parameter"),
        (circuit_of("ry", "reset"), {}, "'mine' holds 'reset'"),
        (circuit_of("ry", "measure", "h"), {}, "gate 'h' after a measurement"),
    ],
    ids=str,
)
def test_mismatched_arguments_give_one_line(ansatz, options, message):
    arguments = {"num_qubits": 2, "paulis": PauliList(["ZZ"]), **options}
    with pytest.raises(InputError, match=message) as caught:
        build(ansatz, **arguments)
    assert "\n" not in str(caught.value)
