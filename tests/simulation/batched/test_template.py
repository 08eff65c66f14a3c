import numpy as np
import pytest
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.quantum_info import Operator, PauliList, Statevector

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.gates import Angle, fixed
from qep_qiskit.simulation.adjoint.layers import Phases, Relabelling, Rotations
from qep_qiskit.simulation.batched.steps import Hadamards, merge, steps_of
from qep_qiskit.simulation.batched.template import Template


def angle(k):
    return Angle(0.0, {k: 1.0})


STEPS = [
    Hadamards(0b111),
    Phases({0b011: angle(0), 0b110: angle(1), 0b100: fixed(0.3)}),
    Relabelling((0b001, 0b011, 0b100), (0b011, 0b010, 0b100), 0b010),
    Hadamards(0b101),
    Phases({0b001: angle(2), 0b100: Angle(0.1, {3: -0.5, 0: 2.0})}),
    Hadamards(0b001),
    Phases({0b111: angle(4)}),
]
LETTERS = PauliList(["ZZI", "IIX", "XIX", "YZX", "ZIX", "III", "-IXI"])


def qiskit_circuit(theta):
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    circuit.rzz(2 * theta[0], 0, 1)
    circuit.rzz(2 * theta[1], 1, 2)
    circuit.rz(0.6, 2)
    circuit.cx(0, 1)
    circuit.x(1)
    circuit.h([0, 2])
    circuit.rz(2 * theta[2], 0)
    circuit.rz(2 * (0.1 - 0.5 * theta[3] + 2 * theta[0]), 2)
    circuit.h(0)
    circuit.cx([2, 1], 0)
    circuit.rz(2 * theta[4], 0)
    circuit.cx([1, 2], 0)
    return circuit


def test_steps_against_operators_of_qiskit():
    rng = np.random.default_rng(0)
    template = Template(3, STEPS, LETTERS, num_angles=5)
    angles = rng.normal(size=(5, 4))
    for column, values in zip(template.expectations(angles).T, angles.T, strict=True):
        state = Statevector(qiskit_circuit(values)).data
        exact = [np.vdot(state, Operator(pauli).data @ state).real for pauli in LETTERS]
        np.testing.assert_allclose(column, exact, atol=1e-12)


def test_slopes_against_finite_differences():
    rng = np.random.default_rng(1)
    template = Template(3, STEPS, LETTERS, num_angles=5)
    angles, coefficients = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
    energies, slopes = template.evaluate(angles, coefficients)
    np.testing.assert_allclose(energies, (template.expectations(angles) * coefficients).sum(axis=0), atol=1e-12)
    for k in range(5):
        shift = 1e-5 * np.eye(5)[:, [k]]
        above, below = (template.evaluate(angles + sign * shift, coefficients)[0] for sign in (1, -1))
        np.testing.assert_allclose(slopes[k], (above - below) / 2e-5, atol=1e-8)


def test_columns_of_zero_angles_and_coefficients_add_nothing():
    rng = np.random.default_rng(2)
    template = Template(3, STEPS, LETTERS, num_angles=5)
    angles, coefficients = rng.normal(size=(5, 6)), rng.normal(size=(7, 6))
    angles[:, 4:], coefficients[:, 4:] = 0.0, 0.0
    energies, slopes = template.evaluate(angles, coefficients)
    short = template.evaluate(angles[:, :4], coefficients[:, :4])
    np.testing.assert_allclose(energies, [*short[0], 0, 0], atol=1e-12)
    np.testing.assert_allclose(slopes, np.hstack([short[1], np.zeros((5, 2))]), atol=1e-12)


def test_zero_angles_switch_gates_off():
    """A padded edge with an angle of zero leaves its sites alone."""
    theta = ParameterVector("t", 4)
    small, padded = QuantumCircuit(2), QuantumCircuit(3)
    for circuit in (small, padded):
        circuit.h(circuit.qubits)
        circuit.rzz(theta[0], 0, 1)
    padded.rzz(theta[3], 1, 2)
    for circuit in (small, padded):
        circuit.rx(theta[1], 0)
        circuit.rx(theta[2], 1)
    angles, coefficients = np.random.default_rng(3).normal(size=(4, 5)), np.ones((2, 5))
    angles[3] = 0.0
    few = Template.from_circuit(small, PauliList(["ZZ", "IX"])).evaluate(angles[:3], coefficients)
    energies, slopes = Template.from_circuit(padded, PauliList(["IZZ", "IIX"])).evaluate(angles, coefficients)
    np.testing.assert_allclose(energies, few[0], atol=1e-12)
    np.testing.assert_allclose(slopes[:3], few[1], atol=1e-12)


def test_x_rotations_need_no_fixed_phases():
    quarter = np.pi / 4
    layers = [
        Rotations({0: fixed(np.pi / 2), 1: fixed(np.pi / 2)}),
        Phases({0b01: fixed(quarter), 0b10: fixed(quarter), 0b11: angle(0)}),
        Rotations({0: angle(1), 1: angle(2)}),
        Phases({0b01: fixed(-quarter), 0b10: fixed(-quarter)}),
    ]
    assert steps_of(layers) == [
        Hadamards(0b11),
        Phases({0b11: angle(0)}),
        Hadamards(0b11),
        Phases({0b01: angle(1).scaled(0.5), 0b10: angle(2).scaled(0.5)}),
        Hadamards(0b11),
    ]


def test_neighbouring_steps_cancel():
    assert merge([Hadamards(0b11), Phases({0b100: angle(0)}), Hadamards(0b01), Phases({0b100: angle(0).scaled(-1.0)})]) == [
        Hadamards(0b10)
    ]


def test_bad_input():
    template = Template(3, STEPS, LETTERS, num_angles=5)
    with pytest.raises(InputError, match=r"angles has shape \(4, 2\); give \(5, B\)"):
        template.expectations(np.zeros((4, 2)))
    with pytest.raises(InputError, match=r"coefficients has shape \(7, 3\); give \(7, 2\) or \(K, 7, 2\)"):
        template.evaluate(np.zeros((5, 2)), np.zeros((7, 3)))
