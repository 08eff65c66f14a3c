"""Every readout mitigator by the same contract, and what is special to each."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from mitigator_contract import BASIS, EXACT, INDEPENDENT, PAULIS, PROBABILITIES, QUBITS, ZERO, MitigatorContract, drawn, shared
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.bases import Basis
from qep_qiskit.measurement.expectations import read
from qep_qiskit.measurement.mitigation import twirling
from qep_qiskit.measurement.mitigation.readout import CalibrationSamples, m3
from qep_qiskit.measurement.mitigation.readout.m3 import M3
from qep_qiskit.measurement.mitigation.readout.rates import Calibration
from qep_qiskit.measurement.mitigation.readout.tensored import Tensored
from qep_qiskit.measurement.mitigator import for_circuit
from qep_qiskit.samples import Samples, draw, from_probabilities
from qep_qiskit.simulation.noise.aer_model import confused


class TestTensored(MitigatorContract):
    method = "tensored"


class TestM3(MitigatorContract):
    method = "m3"


def rates(n, up=0.03, down=0.09):
    return Calibration(tuple(range(n)), np.full(n, up), np.full(n, down), None, np.zeros((2 * n, 2 * n)))


def test_m3_is_the_tensored_inverse_where_every_outcome_was_seen():
    samples = draw(PROBABILITIES, 3, 5000, np.random.default_rng(2))
    assert len(samples.weights) == 8
    ours, theirs = (read(samples, BASIS, PAULIS, qubits=range(3), mitigator=kind(rates(3))) for kind in (M3, Tensored))
    np.testing.assert_allclose(ours.means, theirs.means, atol=1e-6)
    np.testing.assert_allclose(ours.sensitivity, theirs.sensitivity, atol=1e-5)
    np.testing.assert_allclose(ours.covariance(np.eye(7)), theirs.covariance(np.eye(7)), atol=1e-8)


def many_outcomes(n=8, shots=3000):
    weights = np.exp(-0.05 * np.arange(2**n))
    samples = draw(
        confused(weights / weights.sum(), [np.array([[0.97, 0.09], [0.03, 0.91]])] * n), n, shots, np.random.default_rng(3)
    )
    paulis = PauliList(["I" * (n - 1 - q) + "Z" + "I" * q for q in range(n)] + ["I" * (n - 2) + "ZZ"])
    return samples, Basis("Z" * n, tuple(range(len(paulis)))), paulis


def test_m3_means_are_mthrees_own():
    """The corrected quasi-distribution of mthree itself, through its own expectation values."""
    import mthree

    samples, basis, paulis = many_outcomes()
    assert len(samples.weights) < 256
    engine = mthree.M3Mitigation(None)
    engine.cals_from_matrices([np.array([[0.97, 0.09], [0.03, 0.91]])] * 8)
    labels = ["".join("1" if bit else "0" for bit in row[::-1]) for row in samples.outcomes]
    counts = {label: round(w * samples.shots) for label, w in zip(labels, samples.weights, strict=True)}
    quasi = engine.apply_correction(counts, list(range(8)), distance=8, method="direct")
    theirs = [quasi.expval(label) for label in paulis.to_labels()]
    estimates = read(samples, basis, paulis, qubits=range(8), mitigator=M3(rates(8)))
    np.testing.assert_allclose(estimates.means, theirs, atol=1e-5)


def test_m3_without_a_matrix_is_m3_with_one(monkeypatch):
    samples, basis, paulis = many_outcomes()
    dense = read(samples, basis, paulis, qubits=range(8), mitigator=M3(rates(8)))
    monkeypatch.setattr(m3, "MOST_DENSE", 10)
    free = read(samples, basis, paulis, qubits=range(8), mitigator=M3(rates(8)))
    np.testing.assert_allclose(free.per_outcome, dense.per_outcome, atol=3e-5)
    np.testing.assert_allclose(free.sensitivity, dense.sensitivity, atol=3e-5)


def test_m3_without_mthree_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "mthree", None)
    monkeypatch.setattr(m3.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'qep-qiskit\[m3\]'"):
        m3.require_mthree()


def test_signs_of_unseen_outcomes_do_not_matter():
    few = Samples(np.array([[False, False], [True, True]]), np.array([0.75, 0.25]), 8)
    estimates = read(few, Basis("ZZ", (0,)), PauliList(["ZZ"]), qubits=(0, 1), mitigator=M3(rates(2)))
    assert estimates.means[0] == pytest.approx(1.0, abs=1e-6)


class Twirled(MitigatorContract):
    """Data and calibration behind the sets of flips of `measurement/twirling.py`, undone."""

    method = "trex"

    def behind_flips(self, probabilities, shots, rng):
        flips = twirling.design(3, 8, np.random.default_rng(1) if rng is None else rng)
        masks = flips @ (1 << np.arange(3))
        each = twirling.shots_each(shots, 8)
        parts = [drawn(self.channel(probabilities[np.arange(8) ^ mask]), each, rng) for mask in masks]
        return twirling.combine(parts, flips)

    def data(self, shots, rng, probabilities=PROBABILITIES):
        return self.behind_flips(probabilities, shots, rng)

    def calibration(self, shots, rng, qubits=QUBITS):
        return CalibrationSamples(qubits, self.behind_flips(ZERO, shots, rng))

    def perfect_ones(self):
        return None


class TestTrex(Twirled):
    pass


class TestTrexUnderCorrelatedErrors(Twirled):
    """Qubits 0 and 1 are flipped together, and how often qubit 2 is flipped depends on the state of qubit 0."""

    def channel(self, probabilities):
        return CORRELATED @ confused(probabilities, INDEPENDENT)

    # calibrations of parts do not know what is correlated between the parts
    test_two_calibrations_of_different_qubits_serve_together = None


class TestClifford(Twirled):
    """The calibration of another circuit, whose readout is a coin, does not matter."""

    method = "clifford"

    def calibration(self, shots, rng, qubits=QUBITS):
        return replace(super().calibration(shots, rng, qubits), circuit="own Z")

    def made(self, shots, rng=None, qubits=QUBITS):
        coin = drawn(np.full(8, 0.125), shots, rng)
        other = CalibrationSamples(qubits, coin, circuit="other Z")
        return for_circuit(MITIGATIONS[self.method].combine([other, self.calibration(shots, rng, qubits)]), "own Z")

    @pytest.mark.slow  # TestTrex reads the same counts
    def test_the_calibrations_share_is_what_the_calibrations_scatter_makes(self):
        super().test_the_calibrations_share_is_what_the_calibrations_scatter_makes()

    def test_a_circuit_without_calibration_is_refused(self):
        undone = for_circuit(MITIGATIONS[self.method].combine([self.calibration(None, None)]), "other Z")
        with pytest.raises(InputError, match="was not calibrated"):
            self.read(self.data(None, None), undone)


def correlated():
    matrix = np.zeros((8, 8))
    for state in range(8):
        for both, p in ((0, 0.94), (0b011, 0.06)):
            flip = 0.12 if state & 1 else 0.01
            matrix[state ^ both, state] += p * (1 - flip)
            matrix[state ^ both ^ 0b100, state] += p * flip
    return matrix


CORRELATED = correlated()


def test_the_correlated_error_is_a_stochastic_matrix_that_the_tensored_inverse_does_not_undo():
    np.testing.assert_allclose(CORRELATED.sum(axis=0), 1.0)

    class Correlated(MitigatorContract):
        method = "tensored"

        def channel(self, probabilities):
            return CORRELATED @ confused(probabilities, INDEPENDENT)

    suite = Correlated()
    means = suite.read(suite.data(None, None), suite.made(None)).means
    assert np.abs(means - EXACT).max() > 0.01


def test_a_parity_without_signal_is_refused():
    coin = from_probabilities(np.full(4, 0.25), 2)
    with pytest.raises(InputError, match=r"parity of qubits 3, 4 carries no clear signal .* calibration_shots"):
        undone = MITIGATIONS["trex"].combine([CalibrationSamples((3, 4), coin)])
        read(coin, Basis("ZZ", (0,)), PauliList(["ZZ"]), qubits=(3, 4), mitigator=undone)


def test_a_parity_that_never_flipped_is_not_known_exactly():
    clean = Samples(np.array([[False, False]]), np.array([1.0]), 100)
    undone = MITIGATIONS["trex"].combine([CalibrationSamples((0, 1), clean)])
    estimates = read(clean, Basis("ZZ", (0,)), PauliList(["ZZ"]), qubits=(0, 1), mitigator=undone)
    assert 0 < shared(undone, estimates)[0, 0] < 1e-3


def test_rates_cannot_be_had_from_twirled_counts():
    clean = Samples(np.array([[False]]), np.array([1.0]), 100)
    with pytest.raises(InputError, match="behind random flips"):
        MITIGATIONS["tensored"].combine([CalibrationSamples((0,), clean)])
