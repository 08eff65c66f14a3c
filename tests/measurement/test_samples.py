"""Samples: packed bits, exact distributions and draws."""

import numpy as np
import pytest
from qiskit.primitives import BitArray

from qep_qiskit.measurement.samples import draw, from_bit_array, from_probabilities


def by_outcome(samples):
    return {
        "".join("1" if bit else "0" for bit in row): weight for row, weight in zip(samples.outcomes, samples.weights, strict=True)
    }


def test_packed_bits_are_qubit_0_first():
    bits = BitArray.from_counts({"001": 3, "110": 1})  # Qiskit writes the highest qubit first
    (samples,) = from_bit_array(bits)
    assert by_outcome(samples) == {"100": 0.75, "011": 0.25}
    assert samples.shots == 4


@pytest.mark.parametrize("num_bits", [1, 7, 8, 9, 16, 17, 70])
def test_packed_bits_of_any_width_equal_qiskits_own_reading(num_bits):
    rng = np.random.default_rng(num_bits)
    plain = rng.random((3, 50, num_bits)) < 0.4
    unused = np.zeros((3, 50, -num_bits % 8), dtype=bool)
    bits = BitArray(np.packbits(np.concatenate([unused, plain[..., ::-1]], axis=-1), axis=-1), num_bits)
    for row, samples in enumerate(from_bit_array(bits)):
        counts = bits[row].get_counts()
        assert by_outcome(samples) == pytest.approx({key[::-1]: value / 50 for key, value in counts.items()})
        assert len({tuple(o) for o in samples.outcomes}) == len(samples.outcomes)


def test_a_distribution_keeps_its_probabilities_and_has_no_shots():
    p = np.array([0.5, 0.0, 0.125, 0.375])
    samples = from_probabilities(p, 2)
    assert by_outcome(samples) == {"00": 0.5, "01": 0.125, "11": 0.375}
    assert samples.shots is None


def test_a_distribution_with_rounding_errors_is_clipped_and_normalised():
    samples = from_probabilities(np.array([0.7, -1e-17, 0.3 + 1e-9, 0.0]), 2)
    assert samples.weights.min() >= 0
    assert samples.weights.sum() == pytest.approx(1.0, abs=1e-15)


def test_draws_follow_the_distribution():
    p = np.array([0.1, 0.2, 0.3, 0.05, 0.05, 0.1, 0.15, 0.05])
    shots = 200_000
    samples = draw(p, 3, shots, np.random.default_rng(1))
    found = np.zeros(8)
    found[samples.outcomes @ (1 << np.arange(3))] = samples.weights
    assert np.sum((found - p) ** 2 / p) * shots < 30  # χ² of 7 degrees of freedom: P(> 30) = 1e-4
    assert (samples.weights * shots).sum() == pytest.approx(shots)
    assert samples.shots == shots
