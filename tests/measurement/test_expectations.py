"""Expectations and their covariance, against brute force over shots."""

import numpy as np
import pytest
from qiskit.quantum_info import PauliList, Statevector, random_statevector

from qep_qiskit.devices.statevector import rotated
from qep_qiskit.measurement.bases import choose_bases
from qep_qiskit.measurement.expectations import read
from qep_qiskit.measurement.mitigation.readout.rates import calibrate
from qep_qiskit.measurement.mitigation.readout.tensored import Tensored
from qep_qiskit.samples import Samples, draw, from_probabilities

LABELS = ["ZZI", "IZZ", "ZIZ", "IIZ", "ZZZ", "IXX", "XII", "YYI", "IYX", "YIZ", "ZXY", "III"]
PAULIS = PauliList(LABELS)
BASES = choose_bases(PAULIS, range(len(LABELS)))


def probabilities(state, axes):
    return np.abs(rotated(np.asarray(state.data)[None], axes)[0]) ** 2


def expanded(samples):
    """One row a shot."""
    return np.repeat(samples.outcomes, np.rint(samples.weights * samples.shots).astype(int), axis=0)


def signs_of(shots, label):
    """The product of ±1 of every shot over the string's qubits, written as plainly as can be."""
    values = []
    for shot in shots:
        value = 1.0
        for qubit, letter in enumerate(reversed(label)):
            if letter != "I":
                value *= -1.0 if shot[qubit] else 1.0
        values.append(value)
    return np.array(values)


def covariance_of(each):
    """The sample covariance of the means of strings, shape (S, shots), and what two pseudo-shots add to it, by plain inverses."""
    shots = each.shape[1]
    sample, means = np.atleast_2d(np.cov(each, ddof=1)) / shots, each.mean(axis=1)
    pseudo = 2 / shots**2 * (np.outer(means, means) + np.diag((each**2).mean(axis=1)))
    return sample + pseudo @ np.linalg.inv(pseudo + sample) @ pseudo


@pytest.mark.parametrize("seed", range(3))
def test_the_exact_distribution_gives_exact_expectations_without_error(seed):
    state = random_statevector(8, seed=seed)
    for basis in BASES:
        readings = read(from_probabilities(probabilities(state, basis.axes), 3), basis, PAULIS)
        exact = [state.expectation_value(PAULIS[i]).real for i in basis.strings]
        np.testing.assert_allclose(readings.means, exact, atol=1e-12)
        assert not readings.covariance(np.eye(len(basis.strings))).any()


@pytest.mark.parametrize("basis", BASES, ids=lambda b: b.axes)
def test_means_and_covariance_equal_those_of_the_shots_one_by_one(basis):
    rng = np.random.default_rng(2)
    samples = draw(probabilities(random_statevector(8, seed=4), basis.axes), 3, 500, rng)
    readings = read(samples, basis, PAULIS)
    shots = expanded(samples)
    each = np.array([signs_of(shots, LABELS[i]) for i in basis.strings])
    np.testing.assert_allclose(readings.means, each.mean(axis=1), atol=1e-12)
    combination = rng.normal(size=(3, len(basis.strings)))
    covariance = readings.covariance(combination)
    np.testing.assert_allclose(covariance, combination @ covariance_of(each) @ combination.T, rtol=1e-9, atol=1e-14)
    sample = np.atleast_2d(np.cov(combination @ each, ddof=1)) / 500
    np.testing.assert_allclose(covariance, sample, atol=1e-4 * np.diag(sample).max())  # counts are plenty: nothing is added


@pytest.mark.parametrize("basis", BASES, ids=lambda b: b.axes)
def test_with_mitigation_too(basis):
    rng = np.random.default_rng(3)
    zeros = Samples(rng.random((40, 3)) < 0.1, np.full(40, 1 / 40), 40)
    ones = Samples(rng.random((40, 3)) > 0.2, np.full(40, 1 / 40), 40)
    calibration = calibrate(zeros, ones, (7, 2, 5))
    samples = draw(probabilities(random_statevector(8, seed=5), basis.axes), 3, 300, rng)
    qubits = (2, 7, 5)  # logical qubit 0 sits on device qubit 2
    readings = read(samples, basis, PAULIS, qubits=qubits, mitigator=Tensored(calibration))
    a = dict(zip(calibration.qubits, calibration.flip_up, strict=True))
    b = dict(zip(calibration.qubits, calibration.flip_down, strict=True))
    each = []
    for i in basis.strings:
        weights = np.ones(300)
        for q, letter in enumerate(reversed(LABELS[i])):
            if letter != "I":
                inverse = np.linalg.inv(np.array([[1 - a[qubits[q]], b[qubits[q]]], [a[qubits[q]], 1 - b[qubits[q]]]]))
                weights = weights * (np.array([1.0, -1.0]) @ inverse)[expanded(samples)[:, q].astype(int)]
        each.append(weights)
    np.testing.assert_allclose(readings.means, np.mean(each, axis=1), atol=1e-12)
    np.testing.assert_allclose(readings.covariance(np.eye(len(each))), covariance_of(np.array(each)), rtol=1e-9, atol=1e-14)


def test_estimates_scatter_as_their_covariance_says():
    state = Statevector(np.array([0.8, 0.1, 0.3j, 0.5]) / np.linalg.norm([0.8, 0.1, 0.3, 0.5]))
    paulis = PauliList(["ZI", "IZ", "ZZ"])
    (basis,) = choose_bases(paulis, range(3))
    rng, p, shots = np.random.default_rng(8), probabilities(state, "ZZ"), 200
    estimates = [read(draw(p, 2, shots, rng), basis, paulis) for _ in range(4000)]
    scatter = np.cov(np.array([r.means for r in estimates]).T)
    reported = np.mean([r.covariance(np.eye(3)) for r in estimates], axis=0)
    # 4000 repeats know a covariance entry to about 2.2 % of the product of its standard deviations
    scale = np.sqrt(np.outer(np.diag(scatter), np.diag(scatter)))
    np.testing.assert_allclose(reported / scale, scatter / scale, atol=0.12)


def test_independent_strings_of_one_basis_are_not_given_a_covariance_of_one():
    paulis = PauliList(["ZI", "IZ"])
    (basis,) = choose_bases(paulis, range(2))
    samples = draw(np.full(4, 0.25), 2, 10_000, np.random.default_rng(9))
    covariance = read(samples, basis, paulis).covariance(np.eye(2)) * 10_000
    np.testing.assert_allclose(covariance, np.eye(2), atol=0.05)
