"""The contract of readout mitigators: tests that each of them inherits.

A subclass names its method and, where its circuits are not simply the state and the two calibration states, says how they are
measured. Readout errors are dense matrices on 3 qubits here, so that the truth is an independent calculation.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from qiskit.quantum_info import PauliList, random_statevector

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.bases import Basis
from qep_qiskit.measurement.expectations import read
from qep_qiskit.measurement.mitigation.readout import CalibrationSamples, Mitigator
from qep_qiskit.samples import draw, from_probabilities
from qep_qiskit.simulation.noise.aer_model import confused

RATES = [(0.03, 0.09), (0.08, 0.02), (0.01, 0.15)]
INDEPENDENT = [np.array([[1 - a, b], [a, 1 - b]]) for a, b in RATES]
QUBITS = (11, 4, 6)
PAULIS = PauliList(["IIZ", "IZI", "ZII", "IZZ", "ZIZ", "ZZI", "ZZZ"])
BASIS = Basis("ZZZ", tuple(range(len(PAULIS))))
ZERO, ONE = np.eye(8)[0], np.eye(8)[7]
STATE = random_statevector(8, seed=9)
PROBABILITIES = np.abs(STATE.data) ** 2
EXACT = np.array([STATE.expectation_value(p).real for p in PAULIS])
SCATTERED = 2000


def drawn(probabilities, shots, rng):
    return from_probabilities(probabilities, 3) if shots is None else draw(probabilities, 3, shots, rng)


def shared(undone, estimates):
    """The calibration's part of the covariance of the means."""
    share = undone.share(estimates.sensitivity)
    return share @ share.T


class MitigatorContract:
    method: str

    def channel(self, probabilities):
        """The readout error as it acts on a distribution."""
        return confused(probabilities, INDEPENDENT)

    def data(self, shots, rng, probabilities=PROBABILITIES):
        return drawn(self.channel(probabilities), shots, rng)

    def calibration(self, shots, rng, qubits=QUBITS):
        return CalibrationSamples(qubits, drawn(self.channel(ZERO), shots, rng), drawn(self.channel(ONE), shots, rng))

    def made(self, shots, rng=None, qubits=QUBITS) -> Mitigator:
        return MITIGATIONS[self.method].combine([self.calibration(shots, rng, qubits)])

    def read(self, samples, undone, qubits=QUBITS):
        return read(samples, BASIS, PAULIS, qubits=qubits, mitigator=undone)

    def test_it_is_a_mitigator(self):
        undone = self.made(None)
        assert isinstance(undone, Mitigator)
        json.dumps(undone.report())

    def test_the_exact_distribution_is_corrected_exactly(self):
        samples = self.data(None, None)
        assert np.abs(read(samples, BASIS, PAULIS).means - EXACT).max() > 0.01
        np.testing.assert_allclose(self.read(samples, self.made(None)).means, EXACT, atol=2e-6)

    def test_without_errors_nothing_is_corrected(self):
        rng = np.random.default_rng(3)
        perfect = CalibrationSamples(QUBITS, from_probabilities(ZERO, 3), self.perfect_ones())
        samples = draw(PROBABILITIES, 3, 200, rng)
        estimates = self.read(samples, MITIGATIONS[self.method].combine([perfect]))
        np.testing.assert_allclose(estimates.per_outcome, read(samples, BASIS, PAULIS).per_outcome, atol=1e-6)

    def perfect_ones(self):
        return from_probabilities(ONE, 3)

    def test_exact_rates_add_nothing_to_the_error_bar(self):
        undone = self.made(None)
        estimates = self.read(self.data(500, np.random.default_rng(1)), undone)
        assert not shared(undone, estimates).any()

    def test_flips_that_no_calibration_shot_showed_may_still_happen(self):
        """After N perfect calibration shots, a state of ⟨Z⟩ = 1 is uncertain by some 2/N per qubit of the string."""
        shots = 250
        ones = self.perfect_ones()
        perfect = CalibrationSamples(
            QUBITS, replace(from_probabilities(ZERO, 3), shots=shots), None if ones is None else replace(ones, shots=shots)
        )
        undone = MITIGATIONS[self.method].combine([perfect])
        estimates = self.read(from_probabilities(ZERO, 3), undone)
        share = shared(undone, estimates)
        errors = np.sqrt(np.diag(share)) * shots
        assert ((errors > 1.9) & (errors < 5.2)).all()  # 2 per qubit, between independent and all together
        assert np.linalg.eigvalsh(share).min() > -1e-12
        for direction in np.random.default_rng(6).normal(size=(20, len(EXACT))):
            assert direction @ share @ direction > 0

    def test_the_calibrations_share_is_what_the_calibrations_scatter_makes(self):
        """The covariance of the corrected means of one state, and between those of two states by the same calibration."""
        rng = np.random.default_rng(4)
        samples, others = self.data(None, None), self.data(None, None, np.abs(random_statevector(8, seed=2).data) ** 2)
        means, reported = [], []
        for _ in range(SCATTERED):
            undone = self.made(400, rng)
            one, other = self.read(samples, undone), self.read(others, undone)
            means.append([*one.means, *other.means])
            share = np.vstack([undone.share(one.sensitivity), undone.share(other.sensitivity)])
            reported.append(share @ share.T)
        scatter = np.cov(np.array(means).T)
        scale = np.sqrt(np.outer(np.diag(scatter), np.diag(scatter)))
        # 2000 repeats know an entry to 3.2 % of the product of its standard deviations
        np.testing.assert_allclose(np.mean(reported, axis=0) / scale, scatter / scale, atol=0.13)

    def test_pulls_of_one_circuit(self):
        rng = np.random.default_rng(5)
        pulls = []
        for _ in range(SCATTERED):
            undone = self.made(1000, rng)
            estimates = self.read(self.data(1000, rng), undone)
            covariance = estimates.covariance(np.eye(len(EXACT))) + shared(undone, estimates)
            pulls.append((estimates.means - EXACT) / np.sqrt(np.diag(covariance)))
        pulls = np.array(pulls)
        assert np.abs(pulls.mean(axis=0)).max() < 0.1
        # a bar a fifth too short would make 1.56 of each, one a quarter too long 0.64
        assert np.abs(pulls.var(axis=0) - 1.0).max() < 0.13

    def test_device_qubits_are_distinguished(self):
        order = (6, 11, 4)  # logical qubits 0, 1, 2 sit on these
        place = [QUBITS.index(q) for q in order]
        moved = np.zeros(8)
        for outcome, p in enumerate(PROBABILITIES):  # as the device's own qubits hold it
            moved[sum((outcome >> logical & 1) << place[logical] for logical in range(3))] += p
        samples = self.data(None, None, moved)
        samples = replace(samples, outcomes=samples.outcomes[:, place])
        np.testing.assert_allclose(self.read(samples, self.made(None), order).means, EXACT, atol=2e-6)

    def test_a_qubit_that_was_not_calibrated_is_refused(self):
        with pytest.raises(InputError, match="qubit 5 was not calibrated"):
            self.read(self.data(None, None), self.made(None), (11, 5, 6))

    def test_two_calibrations_of_different_qubits_serve_together(self):
        rng = np.random.default_rng(8)
        samples, whole = self.data(None, None), self.calibration(None, rng)
        parts = [self.part_of(whole, [0, 2]), self.part_of(whole, [1])]
        estimates = self.read(samples, MITIGATIONS[self.method].combine(parts))
        np.testing.assert_allclose(estimates.means, EXACT, atol=2e-6)
        assert estimates.sensitivity.shape[1] == MITIGATIONS[self.method].combine(parts).num_parameters

    def part_of(self, whole, columns):
        def some(samples):
            return None if samples is None else replace(samples, outcomes=samples.outcomes[:, columns])

        return CalibrationSamples(tuple(whole.qubits[c] for c in columns), some(whole.zeros), some(whole.ones))
