"""Gradients measured by an estimator: those of the adjoint simulator, with true error bars."""

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator
from qiskit.quantum_info import PauliList, SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2
from scipy.stats import chi2

from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.preparation.measured_slope import MeasuredGradient, MeasuredSlope
from qep_qiskit.preparation.structures import structure_for
from qep_qiskit.simulation.adjoint.program import CircuitProgram

OPERATOR = SparsePauliOp(["ZZI", "IZZ", "XII", "IXI", "IIY"], [0.7, -0.4, 0.9, 0.5, -0.3])


def shared():
    return hamiltonian_ansatz(PauliList(["ZZI", "IZZ", "XII", "IXI", "IIX"]), layers=2, shared_angles=True)


def expressions():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(3, global_phase=a)
    circuit.ry(2 * a - b, 0)
    circuit.rzz(a, 0, 1)
    circuit.u(a * b, 0.3, b.sin(), 2)
    circuit.rx(0.4, 1)
    circuit.cp(b, 1, 2)
    circuit.ry(a, 1)
    return circuit


def others():
    a, b, c = (Parameter(name) for name in "abc")
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    circuit.crx(a, 0, 1)
    circuit.cu(a, b, 0.2, c, 1, 2)
    circuit.append(PauliEvolutionGate(SparsePauliOp(["ZX", "XZ"]), time=b), [0, 2])
    circuit.r(c, b, 0)
    return circuit


def truth(circuit, theta):
    operator = structure_for(OPERATOR.paulis).bind(OPERATOR.coeffs.real)
    return CircuitProgram.from_circuit(circuit).energy_and_gradient(theta, operator)


@pytest.mark.parametrize("circuit", [shared(), expressions(), others()], ids=["shared", "expressions", "others"])
def test_an_exact_estimator_gives_the_exact_gradient(circuit):
    theta = np.random.default_rng(0).uniform(-2, 2, circuit.num_parameters)
    energy, slope = truth(circuit, theta)
    measured = MeasuredSlope(circuit, StatevectorEstimator())
    np.testing.assert_allclose(measured.energies(np.array([theta, theta]), OPERATOR), energy, rtol=0, atol=1e-12)
    gradient = measured.gradient(theta, OPERATOR)
    np.testing.assert_allclose(gradient.values, slope, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(gradient.stderr, 0.0)


class Counting(StatevectorEstimator):
    """An estimator that counts its jobs and circuits."""

    def __init__(self, **options):
        super().__init__(**options)
        self.jobs = []

    def run(self, pubs, *, precision=None):
        self.jobs.append([len(values) for _, _, values in pubs])
        return super().run(pubs, precision=precision)


def test_a_gradient_is_one_job_of_one_pub():
    estimator, circuit = Counting(), shared()
    measured = MeasuredSlope(circuit, estimator)
    angles = sum(1 for item in circuit.data if item.operation.params)
    assert angles > circuit.num_parameters
    for number in range(3):
        measured.gradient(np.full(circuit.num_parameters, 0.1 * number), OPERATOR)
    # the estimator reports error bars of zero, so the first gradient is repeated to see whether it is exact
    assert estimator.jobs == [[2 * angles], [4 * angles], [2 * angles], [2 * angles]]


ESTIMATORS = {
    "silent about its noise": lambda seed: StatevectorEstimator(default_precision=0.05, seed=seed),
    "Aer": lambda seed: EstimatorV2(options={"default_precision": 0.05, "run_options": {"seed_simulator": seed}}),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_error_bars_are_those_of_the_scatter(name):
    circuit, repeats = shared(), 30
    theta = np.random.default_rng(1).uniform(-1, 1, circuit.num_parameters)
    slope = truth(circuit, theta)[1]
    pulls = []
    for seed in range(repeats):
        gradient = MeasuredSlope(circuit, ESTIMATORS[name](seed + 1)).gradient(theta, OPERATOR)
        assert gradient.stderr.min() > 0
        pulls.append((gradient.values - slope) / gradient.stderr)
    statistic = float(np.sum(np.square(pulls)))
    assert chi2.ppf(1e-4, np.size(pulls)) < statistic < chi2.ppf(1 - 1e-4, np.size(pulls))


def test_shots_have_error_bars_too():
    circuit = shared()
    theta = np.random.default_rng(2).uniform(-1, 1, circuit.num_parameters)
    estimator = BackendEstimatorV2(backend=AerSimulator(seed_simulator=3), options={"default_precision": 0.03})
    gradient = MeasuredSlope(circuit, estimator).gradient(theta, OPERATOR)
    assert gradient.stderr.min() > 0.01
    assert np.abs((gradient.values - truth(circuit, theta)[1]) / gradient.stderr).max() < 4


def test_a_difference_carries_both_errors():
    one, other = MeasuredGradient(np.array([3.0, 1.0]), np.array([0.3, 0.0])), MeasuredGradient(np.ones(2), np.array([0.4, 0.1]))
    difference = one.minus(other)
    np.testing.assert_allclose(difference.values, [2.0, 0.0])
    np.testing.assert_allclose(difference.stderr, [0.5, 0.1])
    assert difference.length == 2.0
    assert difference.noise == pytest.approx(np.hypot(0.5, 0.1))
