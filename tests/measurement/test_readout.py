"""Tensored readout mitigation: the inverse, the calibration, and how its error reaches the values."""

import numpy as np
import pytest
from qiskit.quantum_info import PauliList, random_statevector

from qep_qiskit.devices.statevector import rotated
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.bases import choose_bases
from qep_qiskit.measurement.expectations import read
from qep_qiskit.measurement.mitigation.readout.rates import Calibration, calibrate, merge
from qep_qiskit.measurement.mitigation.readout.tensored import Tensored
from qep_qiskit.samples import Samples, draw, from_probabilities
from qep_qiskit.simulation.noise.aer_model import confused

A = np.array([0.03, 0.08, 0.01])
B = np.array([0.09, 0.02, 0.15])
MATRICES = [np.array([[1 - a, b], [a, 1 - b]]) for a, b in zip(A, B, strict=True)]
QUBITS = (11, 4, 6)
PAULIS = PauliList(["IIZ", "IZI", "ZII", "IZZ", "ZZZ", "XIX", "IYI", "YYY", "XZI"])
BASES = choose_bases(PAULIS, range(len(PAULIS)))
ZERO, ONE = np.eye(8)[0], np.eye(8)[7]


def known(a=A, b=B, qubits=QUBITS):
    n = len(a)
    return Calibration(tuple(qubits), np.asarray(a, float), np.asarray(b, float), None, np.zeros((2 * n, 2 * n)))


def calibrated(rng, shots):
    """A calibration measured with that many shots."""
    zeros, ones = (draw(confused(p, MATRICES), 3, shots, rng) for p in (ZERO, ONE))
    return calibrate(zeros, ones, QUBITS)


@pytest.mark.parametrize("seed", range(3))
def test_the_exact_distribution_is_corrected_exactly(seed):
    state = random_statevector(8, seed=seed)
    for basis in BASES:
        p = np.abs(rotated(state.data[None], basis.axes)[0]) ** 2
        samples = from_probabilities(confused(p, MATRICES), 3)
        exact = np.array([state.expectation_value(PAULIS[i]).real for i in basis.strings])
        corrected = read(samples, basis, PAULIS, qubits=QUBITS, mitigator=Tensored(known()))
        np.testing.assert_allclose(corrected.means, exact, atol=1e-12)
        assert np.abs(read(samples, basis, PAULIS).means - exact).max() > 0.01


def test_the_corrected_mean_of_few_shots_is_unbiased():
    state = random_statevector(8, seed=9)
    basis = next(b for b in BASES if b.title == "Z")
    p = confused(np.abs(state.data) ** 2, MATRICES)
    rng, calibration = np.random.default_rng(1), known()
    means = np.array(
        [read(draw(p, 3, 20, rng), basis, PAULIS, qubits=QUBITS, mitigator=Tensored(calibration)).means for _ in range(5000)]
    )
    exact = np.array([state.expectation_value(PAULIS[i]).real for i in basis.strings])
    assert np.abs((means.mean(axis=0) - exact) / (means.std(axis=0) / np.sqrt(5000))).max() < 4


def test_device_qubits_are_distinguished():
    state = random_statevector(8, seed=3)
    basis = next(b for b in BASES if b.title == "Z")
    order = (6, 11, 4)  # logical qubits 0, 1, 2 sit on these; their rates are those of positions 2, 0, 1
    p = confused(np.abs(state.data) ** 2, [MATRICES[QUBITS.index(q)] for q in order])
    exact = np.array([state.expectation_value(PAULIS[i]).real for i in basis.strings])
    samples = from_probabilities(p, 3)
    np.testing.assert_allclose(read(samples, basis, PAULIS, qubits=order, mitigator=Tensored(known())).means, exact, atol=1e-12)


def test_the_confusion_is_a_transition_matrix_with_qubit_0_least_significant():
    p = confused(ZERO, MATRICES)
    assert p[0b001] == pytest.approx(A[0] * (1 - A[1]) * (1 - A[2]))
    assert p[0b100] == pytest.approx(A[2] * (1 - A[1]) * (1 - A[0]))
    p = confused(ONE, MATRICES)
    assert p[0b110] == pytest.approx(B[0] * (1 - B[1]) * (1 - B[2]))
    assert p.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("basis", BASES, ids=lambda b: b.axes)
def test_sensitivity_equals_finite_differences(basis):
    rng = np.random.default_rng(6)
    samples = draw(rng.dirichlet(np.ones(8)), 3, 400, rng)
    qubits = (4, 6, 11)
    sensitivity = read(samples, basis, PAULIS, qubits=qubits, mitigator=Tensored(known())).sensitivity
    step = 1e-6
    rates = np.concatenate([A, B])
    expected = []
    for direction in np.eye(6):
        high, low = (
            read(samples, basis, PAULIS, qubits=qubits, mitigator=Tensored(known(r[:3], r[3:]))).means
            for r in (rates + step * direction, rates - step * direction)
        )
        expected.append((high - low) / (2 * step))
    np.testing.assert_allclose(sensitivity, np.array(expected).T, rtol=1e-6, atol=1e-8)


def test_calibration_finds_the_rates():
    calibration = calibrate(*(from_probabilities(confused(p, MATRICES), 3) for p in (ZERO, ONE)), QUBITS)
    np.testing.assert_allclose(calibration.flip_up, A, atol=1e-12)
    np.testing.assert_allclose(calibration.flip_down, B, atol=1e-12)
    assert not calibration.covariance.any()


def test_calibrations_scatter_as_their_covariance_says():
    rng = np.random.default_rng(4)
    calibrations = [calibrated(rng, 500) for _ in range(3000)]
    rates = np.array([np.concatenate([c.flip_up, c.flip_down]) for c in calibrations])
    reported = np.mean([c.covariance for c in calibrations], axis=0)
    scale = np.sqrt(np.outer(rates.var(axis=0), rates.var(axis=0)))
    # 3000 repeats know an entry to 2.6 % of the product of its standard deviations
    np.testing.assert_allclose(reported / scale, np.cov(rates.T) / scale, atol=0.13)


def test_flips_that_come_together_get_a_covariance():
    """A readout error that flips qubits 0 and 1 of one shot together, as crosstalk does."""
    together = Samples(np.array([[False, False], [True, True]]), np.array([0.9, 0.1]), 1000)
    ones = Samples(np.array([[True, True]]), np.array([1.0]), 1000)
    covariance = calibrate(together, ones, (0, 1)).covariance
    # no shot told the two apart: that they never differ is known to 1/N each
    assert covariance[0, 1] == pytest.approx(0.1 * 0.9 / 999, rel=5e-3)
    assert 0 < covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1] < 3 / 1000**2
    assert covariance[0, 2] == 0.0


def test_no_flip_seen_is_not_known_to_be_impossible():
    clean = Samples(np.array([[False]]), np.array([1.0]), 100)
    flipped = Samples(np.array([[True]]), np.array([1.0]), 100)
    variances = np.diag(calibrate(clean, flipped, (0,)).covariance)
    assert (variances > 0).all()
    assert (variances < 1e-3).all()


def test_merged_calibrations_keep_their_own_covariance_and_share_none():
    rng = np.random.default_rng(7)
    first, second = calibrated(rng, 300), calibrated(rng, 300)
    second = Calibration((20, 21, 22), second.flip_up, second.flip_down, second.shots, second.covariance)
    both = merge([first, second])
    assert both.qubits == (*QUBITS, 20, 21, 22)
    np.testing.assert_array_equal(both.flip_up, np.concatenate([first.flip_up, second.flip_up]))
    np.testing.assert_array_equal(both.flip_down, np.concatenate([first.flip_down, second.flip_down]))
    a, b = np.arange(3), 6 + np.arange(3)
    this, other = np.r_[a, b], np.r_[a + 3, b + 3]
    np.testing.assert_array_equal(both.covariance[np.ix_(this, this)], first.covariance)
    np.testing.assert_array_equal(both.covariance[np.ix_(other, other)], second.covariance)
    assert not both.covariance[np.ix_(this, other)].any()


def test_merged_values_are_those_of_the_parts():
    rng = np.random.default_rng(8)
    whole = calibrated(rng, 300)
    parts = [
        Calibration((q,), whole.flip_up[[i]], whole.flip_down[[i]], 300, whole.covariance[np.ix_([i, i + 3], [i, i + 3])])
        for i, q in enumerate(QUBITS)
    ]
    samples, basis = draw(np.full(8, 0.125), 3, 100, rng), BASES[0]
    whole_readings, merged = (read(samples, basis, PAULIS, qubits=QUBITS, mitigator=Tensored(c)) for c in (whole, merge(parts)))
    np.testing.assert_allclose(merged.means, whole_readings.means)
    np.testing.assert_allclose(merged.sensitivity, whole_readings.sensitivity)


def test_a_readout_without_signal_is_refused():
    coin = from_probabilities(np.array([0.5, 0.5]), 1)
    with pytest.raises(InputError, match="qubit 3 carries no clear signal"):
        calibrate(coin, coin, (3,))


def test_a_qubit_that_was_not_calibrated_is_refused():
    samples = from_probabilities(np.full(8, 0.125), 3)
    with pytest.raises(InputError, match="qubit 5 was not calibrated"):
        read(samples, BASES[0], PAULIS, qubits=(11, 5, 6), mitigator=Tensored(known()))
