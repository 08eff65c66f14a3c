"""The energy variance near some qubits, against dense matrices."""

import numpy as np
import pytest
from qiskit.quantum_info import PauliList, SparsePauliOp, Statevector

from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.simulation.cones.variance import LocalVariance

SITES = 7


@pytest.fixture(scope="module")
def chain():
    labels = ["ZZ" + "I" * (SITES - 2)] + ["I" * k + "ZZ" + "I" * (SITES - 2 - k) for k in range(1, SITES - 1)]
    labels += ["I" * k + letter + "I" * (SITES - 1 - k) for letter in "ZXY" for k in range(SITES)]
    return PauliList([*labels, "I" * SITES])


@pytest.mark.parametrize("layers", [1, 2])
def test_it_is_that_of_dense_matrices(chain, layers):
    rng = np.random.default_rng(layers)
    circuit = hamiltonian_ansatz(chain[:-1], layers=layers)
    theta, coefficients = rng.normal(size=circuit.num_parameters), rng.normal(size=len(chain))
    signs = np.where(rng.random(len(chain)) < 0.5, 2, 0)
    signed = PauliList.from_symplectic(chain.z, chain.x, signs)
    state = Statevector(circuit.assign_parameters(theta)).data
    whole = SparsePauliOp(signed, coefficients).to_matrix()
    centred = whole @ state - np.vdot(state, whole @ state) * state
    for near in (np.ones(len(chain), dtype=bool), np.arange(len(chain)) % 3 == 0):
        part = SparsePauliOp(signed[near], coefficients[near]).to_matrix()
        used = near & (chain.x | chain.z).any(axis=1)
        expected = np.vdot(part @ state, centred).real / np.sum(coefficients[used] ** 2)
        other, others = rng.normal(size=len(theta)), rng.normal(size=len(chain))
        variances = LocalVariance(circuit, signed, near).variances([other, theta], [others, coefficients])
        share = variances[1] / np.sum(coefficients[used] ** 2)
        assert variances.shape == (2,) and share == pytest.approx(expected, abs=1e-10)


def test_it_vanishes_in_an_eigenstate(chain):
    circuit = hamiltonian_ansatz(chain[:-1], layers=1)
    coefficients = np.where(chain.x.any(axis=1) & ~chain.z.any(axis=1), -1.0, 0.0)
    near = np.arange(len(chain)) > 0
    variances = LocalVariance(circuit, chain, near).variances(np.zeros((1, circuit.num_parameters)), coefficients[None])
    assert abs(variances[0] / np.sum(coefficients[near] ** 2)) < 1e-14
