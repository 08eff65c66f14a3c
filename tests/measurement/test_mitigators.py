"""Every readout mitigator by the same contract, and what is special to each."""

import sys

import numpy as np
import pytest
from mitigator_contract import BASIS, PAULIS, PROBABILITIES, MitigatorContract
from qiskit.quantum_info import PauliList

from qep_qiskit.devices.noise import confused
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.bases import Basis
from qep_qiskit.measurement.expectations import read
from qep_qiskit.measurement.readout import Calibration, m3
from qep_qiskit.measurement.readout.m3 import M3
from qep_qiskit.measurement.readout.tensored import Tensored
from qep_qiskit.measurement.samples import Samples, draw


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
    found = read(samples, basis, paulis, qubits=range(8), mitigator=M3(rates(8)))
    np.testing.assert_allclose(found.means, theirs, atol=1e-5)


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
    found = read(few, Basis("ZZ", (0,)), PauliList(["ZZ"]), qubits=(0, 1), mitigator=M3(rates(2)))
    assert found.means[0] == pytest.approx(1.0, abs=1e-6)
