import numpy as np
import pytest
from qiskit.circuit import Parameter, ParameterVector, QuantumCircuit
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import Operator, SparsePauliOp
from qiskit_algorithms import VQE
from qiskit_algorithms.gradients import DerivativeType, ReverseEstimatorGradient
from qiskit_algorithms.optimizers import L_BFGS_B

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.primitives import AdjointEstimator, AdjointEstimatorGradient, ProgramCache

ISING = SparsePauliOp.from_sparse_list(
    [("ZZ", [i, i + 1], -1.0) for i in range(3)] + [("X", [i], -0.7) for i in range(4)] + [("Z", [0], -0.3)], 4
)


def random_circuit(rng: np.random.Generator, num_qubits: int = 3) -> QuantumCircuit:
    circuit = QuantumCircuit(num_qubits)
    theta = ParameterVector("t", 5)
    for _ in range(20):
        a, b = (int(q) for q in rng.permutation(num_qubits)[:2])
        angle = theta[int(rng.integers(5))]
        kind = rng.integers(5)
        if kind == 0:
            circuit.rx(angle, a)
        elif kind == 1:
            circuit.rz(angle, a)
        elif kind == 2:
            circuit.rzz(angle, a, b)  # ReverseEstimatorGradient of qiskit-algorithms 0.4 fails on crx, cry, crz, cp
        elif kind == 3:
            circuit.cx(a, b)
        else:
            circuit.ry(angle, b)
    return circuit


def hamiltonian_ansatz() -> QuantumCircuit:
    circuit = QuantumCircuit(4)
    angles = iter(ParameterVector("t", 44))
    circuit.h(range(4))
    for _ in range(4):
        for i in range(3):
            circuit.rzz(next(angles), i, i + 1)
        for i in range(4):
            circuit.rz(next(angles), i)
            circuit.rx(next(angles), i)
    return circuit


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("derivative_type", list(DerivativeType))
def test_gradient_equals_reverse_gradient(seed, derivative_type):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(rng)
    op = SparsePauliOp(["ZZI", "XIY", "IXX"], rng.normal(size=3))
    values = rng.normal(size=circuit.num_parameters)
    ours = AdjointEstimatorGradient(derivative_type).run([circuit], [op], [values]).result()
    reference = ReverseEstimatorGradient(DerivativeType.COMPLEX).run([circuit], [op], [values]).result().gradients[0]
    part = {DerivativeType.REAL: reference.real, DerivativeType.IMAG: reference.imag}.get(derivative_type, reference)
    np.testing.assert_allclose(ours.gradients[0], part, atol=1e-10)


def test_gradient_of_chosen_parameters_and_several_circuits():
    rng = np.random.default_rng(8)
    circuits = [random_circuit(rng), random_circuit(rng)]
    op = Operator(SparsePauliOp(["ZZZ", "XXX"], [1.0, 0.5]))
    values = [rng.normal(size=circuit.num_parameters) for circuit in circuits]
    parameters = [[circuits[0].parameters[2], circuits[0].parameters[0]], None]
    gradient = AdjointEstimatorGradient()
    part = gradient.run(circuits, [op, op], values, parameters).result().gradients
    whole = gradient.run(circuits, [op, op], values).result().gradients
    np.testing.assert_allclose(part[0], whole[0][[2, 0]])
    np.testing.assert_allclose(part[1], whole[1])


def test_estimator_equals_statevector_estimator_with_broadcasting():
    rng = np.random.default_rng(3)
    circuit = random_circuit(rng)
    values = rng.normal(size=(4, circuit.num_parameters))
    pubs = [
        (circuit, [["ZZI"], [SparsePauliOp(["XXX", "IIY"], [0.5, -2.0])]], values),
        (circuit, "IZI", values[0]),
        (circuit.assign_parameters(values[1]), ["XII", "IIZ"]),
    ]
    ours = AdjointEstimator().run(pubs).result()
    reference = StatevectorEstimator().run(pubs).result()
    for one, other in zip(ours, reference, strict=True):
        assert one.data.evs.shape == other.data.evs.shape
        np.testing.assert_allclose(one.data.evs, other.data.evs, atol=1e-12)
        np.testing.assert_array_equal(one.data.stds, 0.0)


def test_estimator_takes_projectors():
    circuit = QuantumCircuit(2)
    circuit.ry(0.8, 0)
    value = AdjointEstimator().run([(circuit, "01")]).result()[0].data.evs
    assert float(value) == pytest.approx(np.sin(0.4) ** 2)


@pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")
def test_estimator_and_gradient_drive_vqe_to_the_ground_state():
    cache = ProgramCache()
    vqe = VQE(
        AdjointEstimator(cache=cache),
        hamiltonian_ansatz(),
        L_BFGS_B(maxiter=300, maxfun=300, ftol=1e-12),
        gradient=AdjointEstimatorGradient(cache=cache),
        initial_point=np.random.default_rng(1).uniform(-0.3, 0.3, 44),
    )
    energy = vqe.compute_minimum_eigenvalue(ISING).eigenvalue
    assert energy == pytest.approx(np.linalg.eigvalsh(ISING.to_matrix())[0], abs=1e-5)


def test_a_circuit_changed_in_place_is_compiled_again():
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    estimator = AdjointEstimator()
    before = float(estimator.run([(circuit, "Z", [0.3])]).result()[0].data.evs)
    circuit.x(0)
    after = float(estimator.run([(circuit, "Z", [0.3])]).result()[0].data.evs)
    assert after == pytest.approx(-before)


def test_cache_is_bounded_and_finds_equal_circuits():
    cache = ProgramCache(size=2)
    circuits = []
    for angle in (0.1, 0.2, 0.3):
        circuit = QuantumCircuit(1)
        circuit.ry(angle, 0)
        circuits.append(circuit)
    first = cache.program(circuits[0])
    assert cache.program(circuits[0].copy()) is first
    cache.program(circuits[1])
    assert cache.program(circuits[0]) is first
    cache.program(circuits[2])
    assert cache.program(circuits[0]) is first
    assert len(cache._programs) == 2
    for scale in range(5):
        cache.operator(SparsePauliOp(["Z"], [float(scale)]))
    assert len(cache._operators) == 2
    with pytest.raises(InputError, match="at least 1"):
        ProgramCache(size=0)
