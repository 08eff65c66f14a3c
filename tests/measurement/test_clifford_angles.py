"""Angles at which the outcomes of a circuit are certain, against its state vector."""

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import efficient_su2, real_amplitudes
from qiskit.quantum_info import Pauli, PauliList, Statevector

from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.measurement.mitigation.clifford_angles import clifford_angles
from qep_qiskit.measurement.visible import visible

N = 4
CHAIN = PauliList(["IIZZ", "IZZI", "ZZII", *("I" * (N - 1 - q) + letter + "I" * q for letter in "ZX" for q in range(N))])
FLIPPED = QuantumCircuit(N)
FLIPPED.x([0, 2])
FLIPPED.compose(hamiltonian_ansatz(CHAIN, layers=1), inplace=True)
FLIPPED.z(0)


def assert_certain(circuit, axes):
    angles = clifford_angles(circuit, axes)
    assert angles is not None
    state = Statevector(circuit.assign_parameters(angles.values))
    means = [state.expectation_value(Pauli("I" * (N - 1 - q) + letter + "I" * q)).real for q, letter in enumerate(axes)]
    np.testing.assert_allclose(means, 1 - 2.0 * angles.outcome, atol=1e-12)
    return angles


@pytest.mark.parametrize("axes", ["ZZZZ", "XXXX", "YYYY", "XZYZ"])
@pytest.mark.parametrize(
    "circuit", [hamiltonian_ansatz(CHAIN, layers=2), efficient_su2(N, reps=2), FLIPPED], ids=["hamiltonian", "su2", "flipped"]
)
def test_every_qubit_points_along_its_axis(circuit, axes):
    assert_certain(circuit, axes)


@pytest.mark.parametrize("axes", ["ZZZZ", "XXXX"])
def test_gates_that_no_basis_sees_may_be_missing(axes):
    assert_certain(visible(hamiltonian_ansatz(CHAIN, layers=2), axes), axes)
    assert_certain(hamiltonian_ansatz(CHAIN, layers=2, shared_angles=True), axes)


def test_a_certain_outcome_need_not_be_zero():
    assert assert_certain(FLIPPED, "XXXX").outcome.any()


def test_where_there_are_no_such_angles():
    assert clifford_angles(real_amplitudes(N), "YYYY") is None  # its states are real
    between = QuantumCircuit(1)
    between.rx(0.3, 0)
    between.ry(Parameter("a"), 0)
    assert clifford_angles(between, "Z") is None
