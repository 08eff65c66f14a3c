import copy
import pickle

import numpy as np
import pytest
from qiskit import qasm3
from qiskit.circuit import Gate, Parameter, ParameterVector, QuantumCircuit
from qiskit.circuit import library as lib
from qiskit.quantum_info import SparsePauliOp, Statevector, random_unitary
from qiskit.synthesis import SuzukiTrotter
from random_circuits import FIXED, TURNING, random_circuit, slope

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.threads import single_threaded


class Dense:
    def __init__(self, op):
        self.matrix = op.to_matrix()

    def apply(self, v):
        return self.matrix @ v


def random_operator(rng, num_qubits, terms=4):
    labels = ["".join(letters) for letters in rng.choice(list("IXYZ"), size=(terms, num_qubits))]
    return Dense(SparsePauliOp(labels, rng.normal(size=terms)))


def check(circuit, rng, *, second=True):
    program = CircuitProgram.from_circuit(circuit)
    x = rng.normal(size=circuit.num_parameters)
    op = random_operator(rng, circuit.num_qubits)
    reference = Statevector(circuit.assign_parameters(dict(zip(circuit.parameters, x, strict=True)))).data
    np.testing.assert_allclose(program.state(x), reference, atol=1e-11)
    energy, gradient = program.energy_and_gradient(x, op)
    assert energy == pytest.approx(np.vdot(reference, op.apply(reference)).real, abs=1e-11)
    if len(x):
        np.testing.assert_allclose(gradient, slope(lambda y: program.energy_and_gradient(y, op)[0], x), atol=1e-8)
        np.testing.assert_allclose(program.tangents(x), slope(program.state, x), atol=1e-8)
        if second:
            hessian = program.hessian(x, op)
            np.testing.assert_array_equal(hessian, hessian.T)
            np.testing.assert_allclose(hessian, slope(lambda y: program.energy_and_gradient(y, op)[1], x), atol=1e-8)
    return program


def check_rows(circuit, rng, count=5):
    rows = rng.normal(size=(count, circuit.num_parameters))
    states = CircuitProgram.from_circuit(circuit).states(rows)
    assert states.shape == (count, 2**circuit.num_qubits)
    for row, state in zip(rows, states, strict=True):
        reference = Statevector(circuit.assign_parameters(dict(zip(circuit.parameters, row, strict=True)))).data
        np.testing.assert_allclose(state, reference, atol=1e-11)


@pytest.mark.parametrize("seed", range(12))
def test_states_of_rows_of_values(seed):
    rng = np.random.default_rng(seed)
    check_rows(random_circuit(rng, 1 + seed % 6, int(rng.integers(1, 40))), rng)


@pytest.mark.parametrize("num_qubits", [6, 8, 11, 13])
def test_states_of_rows_of_many_qubits(num_qubits, monkeypatch):
    rng = np.random.default_rng(3)
    circuit = lib.efficient_su2(num_qubits, ["ry", "rz", "rx"], reps=1, entanglement="pairwise")
    check_rows(circuit, rng)
    monkeypatch.setattr("qep_qiskit.simulation.adjoint.sweeps._ROWS_BYTES", 1)  # one row at a time
    check_rows(circuit, rng)
    assert CircuitProgram.from_circuit(circuit).states(np.zeros((0, circuit.num_parameters))).shape == (0, 2**num_qubits)


@pytest.mark.parametrize("seed", range(25))
def test_random_circuits(seed):
    rng = np.random.default_rng(seed)
    check(random_circuit(rng, 1 + seed % 5, int(rng.integers(1, 40))), rng)


@pytest.mark.parametrize("name", [*FIXED, *TURNING])
def test_each_gate_between_rotations(name):
    rng = np.random.default_rng(0)
    count, width = (0, FIXED[name]) if name in FIXED else TURNING[name]
    circuit = QuantumCircuit(width)
    theta = ParameterVector("t", 2 * width + count)
    for qubit in range(width):
        circuit.rx(theta[qubit], qubit)
    getattr(circuit, name)(*theta[2 * width :], *reversed(range(width)))
    for qubit in range(width):
        circuit.ry(theta[width + qubit], qubit)
    check(circuit, rng, second=False)


@pytest.mark.parametrize(
    "gate",
    [
        lib.CXGate(ctrl_state=0),
        lib.CCXGate(ctrl_state=2),
        lib.CRZGate(Parameter("a"), ctrl_state=0),
        lib.XXPlusYYGate(Parameter("a"), Parameter("b")),
        lib.XXMinusYYGate(Parameter("a"), 0.3),
        lib.C3XGate(),
        lib.C4XGate(),
        lib.MCXGate(5),
        lib.MCPhaseGate(Parameter("a"), 3),
        lib.UnitaryGate(random_unitary(4, seed=1)),
        lib.UnitaryGate(random_unitary(2, seed=2)),
        lib.U2Gate(Parameter("a"), Parameter("b")),
        lib.U3Gate(Parameter("a"), Parameter("b"), 0.1),
        lib.RVGate(0.1, 0.2, 0.3),
        lib.QFTGate(3),
        lib.MSGate(3, 0.4),
        lib.RYGate(Parameter("a")).control(2, annotated=True),
    ],
    ids=lambda gate: gate.name,
)
def test_other_gates(gate):
    rng = np.random.default_rng(5)
    circuit = QuantumCircuit(gate.num_qubits)
    for qubit in range(gate.num_qubits):
        circuit.ry(0.3 + qubit, qubit)
    circuit.append(gate, range(gate.num_qubits))
    check(circuit, rng)


def test_pauli_evolution_is_its_product_formula():
    circuit = QuantumCircuit(3)
    circuit.ry(0.3, [0, 1, 2])
    op = SparsePauliOp(["XYZ", "ZZI", "IXX"], [1.0, 0.5, 0.2])
    circuit.append(lib.PauliEvolutionGate(op, time=Parameter("t"), synthesis=SuzukiTrotter(2)), range(3))
    gates = circuit.decompose(["PauliEvolution"])
    program = check(gates, np.random.default_rng(5))
    np.testing.assert_allclose(CircuitProgram.from_circuit(circuit).state([0.4]), program.state([0.4]), atol=1e-12)


def test_gate_of_a_standard_name_with_another_definition():
    body = QuantumCircuit(1)
    body.h(0)
    circuit = QuantumCircuit(1)
    circuit.append(body.to_gate(label=None), [0])
    circuit.data[0].operation.name = "x"
    check(circuit, np.random.default_rng(0))


@pytest.mark.parametrize("entanglement", ["pairwise", "full", "sca"])
def test_library_ansaetze(entanglement):
    rng = np.random.default_rng(1)
    check(lib.efficient_su2(4, reps=1, entanglement=entanglement), rng, second=False)
    check(lib.real_amplitudes(5, reps=1, entanglement=entanglement), rng, second=False)
    check(lib.n_local(3, ["rx", "h"], ["crx", "rzz"], entanglement, reps=1), rng, second=False)


@pytest.mark.parametrize("num_qubits", [6, 8, 11, 13])
def test_many_qubits_take_the_blocked_paths(num_qubits):
    rng = np.random.default_rng(2)
    circuit = lib.efficient_su2(num_qubits, ["ry", "rz", "rx"], reps=1, entanglement="pairwise")
    circuit.rzz(circuit.parameters[3], 0, num_qubits - 1)
    program = CircuitProgram.from_circuit(circuit)
    x = rng.normal(size=circuit.num_parameters)
    op = SparsePauliOp.from_sparse_list([("ZZ", [0, num_qubits - 1], 1.0), ("XY", [1, 2], 0.4)], num_qubits)

    class Sparse:
        matrix = op.to_matrix(sparse=True)

        def apply(self, v):
            return self.matrix @ v

    np.testing.assert_allclose(program.state(x), Statevector(circuit.assign_parameters(x)).data, atol=1e-11)
    gradient = program.energy_and_gradient(x, Sparse())[1]
    direction = rng.normal(size=len(x))
    along = slope(lambda t: program.energy_and_gradient(x + t[0] * direction, Sparse())[0], np.zeros(1))[0]
    assert gradient @ direction == pytest.approx(along, abs=1e-7)


def test_gradient_without_kept_states(monkeypatch):
    rng = np.random.default_rng(4)
    circuit = random_circuit(rng, 4, 40)
    program = CircuitProgram.from_circuit(circuit)
    x, op = rng.normal(size=circuit.num_parameters), random_operator(rng, 4)
    with_states = program.energy_and_gradient(x, op)[1]
    monkeypatch.setattr("qep_qiskit.simulation.adjoint.sweeps._KEPT_BYTES", 0)
    np.testing.assert_allclose(program.energy_and_gradient(x, op)[1], with_states, atol=1e-12)


def test_hessian_in_small_batches(monkeypatch):
    rng = np.random.default_rng(6)
    circuit = random_circuit(rng, 3, 40)
    program = CircuitProgram.from_circuit(circuit)
    x, op = rng.normal(size=circuit.num_parameters), random_operator(rng, 3)
    whole = program.hessian(x, op)
    monkeypatch.setattr("qep_qiskit.simulation.adjoint.sweeps._BATCH_BYTES", 64 * 8 * 2)
    np.testing.assert_allclose(program.hessian(x, op), whole, atol=1e-12)


def test_gradient_of_a_shared_angle_is_the_sum():
    shared, separate = QuantumCircuit(2), QuantumCircuit(2)
    a, b = Parameter("a"), ParameterVector("b", 3)
    for circuit, angles in ((shared, [a, a, a]), (separate, b)):
        circuit.ry(angles[0], 0)
        circuit.cx(0, 1)
        circuit.rzz(angles[1], 0, 1)
        circuit.rx(angles[2], 1)
    op = random_operator(np.random.default_rng(0), 2)
    whole = CircuitProgram.from_circuit(shared).energy_and_gradient([0.7], op)[1]
    parts = CircuitProgram.from_circuit(separate).energy_and_gradient([0.7] * 3, op)[1]
    assert whole[0] == pytest.approx(parts.sum())


def test_circuit_from_openqasm_is_bound_by_its_own_parameter_order():
    original = lib.efficient_su2(3, reps=1)
    names = [Parameter(f"theta_{i:02}") for i in range(original.num_parameters)]
    original = original.assign_parameters(names)
    circuit = qasm3.loads(qasm3.dumps(original))
    program = check(circuit, np.random.default_rng(3))
    assert program.parameters == tuple(parameter.name for parameter in circuit.parameters)


def test_openqasm_modifiers_and_own_gates():
    circuit = qasm3.loads(
        'OPENQASM 3.0; include "stdgates.inc"; input float[64] a; gate mine(t) p, q { h p; cp(t) p, q; rx(2*t) q; }'
        "qubit[3] q; h q; mine(a/2) q[2], q[0]; ctrl @ x q[0], q[1]; inv @ t q[1]; pow(2) @ s q[0];"
        "negctrl @ z q[0], q[2]; ctrl @ ry(a) q[1], q[2];"
    )
    check(circuit, np.random.default_rng(3))


def test_final_measurements_and_barriers_are_dropped():
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    circuit.barrier()
    circuit.cx(0, 1)
    bare = circuit.copy()
    circuit.measure_all()
    x = [0.4]
    np.testing.assert_allclose(CircuitProgram.from_circuit(circuit).state(x), CircuitProgram.from_circuit(bare).state(x))


def test_circuit_without_parameters_or_gates():
    op = random_operator(np.random.default_rng(0), 2)
    program = CircuitProgram.from_circuit(QuantumCircuit(2))
    energy, gradient = program.energy_and_gradient([], op)
    assert energy == pytest.approx(op.matrix[0, 0].real)
    assert gradient.shape == (0,) and program.hessian([], op).shape == (0, 0) and program.tangents([]).shape == (0, 4)


def test_instructions_that_cannot_be_simulated_are_named():
    reset = QuantumCircuit(1)
    reset.reset(0)
    measured = QuantumCircuit(1, 1)
    measured.measure(0, 0)
    measured.h(0)
    opaque = QuantumCircuit(1)
    opaque.append(Gate("mystery", 1, []), [0])
    for circuit, name in ((reset, "reset"), (measured, "measure"), (opaque, "mystery")):
        with pytest.raises(InputError, match=name):
            CircuitProgram.from_circuit(circuit)


def test_wrong_number_of_values():
    program = CircuitProgram.from_circuit(lib.real_amplitudes(2, reps=1))
    with pytest.raises(InputError, match=r"\(3,\).*4 parameters"):
        program.state([0.0, 0.0, 0.0])
    with pytest.raises(InputError, match=r"\(2, 3\).*rows of 4"):
        program.states(np.zeros((2, 3)))


def test_rzz_written_as_cx_rz_cx_costs_no_relabelling():
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    for i, (a, b) in enumerate([(0, 1), (1, 2)]):
        circuit.cx(a, b)
        circuit.rz(Parameter(f"a{i}"), b)
        circuit.cx(a, b)
    assert len(CircuitProgram.from_circuit(circuit)._circuit._layers) == 2


def test_single_threaded_restores_the_threads():
    from threadpoolctl import threadpool_info

    def counts():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = counts()
    with single_threaded(4), single_threaded(4):
        assert set(counts()) == {1}
    assert counts() == before
    with single_threaded(25):
        assert counts() == before


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda program: pickle.loads(pickle.dumps(program))])
def test_copies_of_a_program_that_has_been_used(duplicate):
    rng = np.random.default_rng(12)
    program, op = CircuitProgram.from_circuit(random_circuit(rng, 4, 30)), random_operator(rng, 4)
    x = rng.normal(size=program.num_parameters)
    energy, gradient = program.energy_and_gradient(x, op)
    other = duplicate(program).energy_and_gradient(x, op)
    assert other[0] == energy
    assert np.array_equal(other[1], gradient)
