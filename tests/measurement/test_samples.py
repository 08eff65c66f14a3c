"""Samples: packed bits, exact distributions and draws."""

import numpy as np
import pytest
from qiskit.primitives import BitArray

from qep_qiskit.samples import Samples, covariance_of_means, draw, from_bit_array, from_probabilities


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
    totals = np.zeros(8)
    totals[samples.outcomes @ (1 << np.arange(3))] = samples.weights
    assert np.sum((totals - p) ** 2 / p) * shots < 30  # χ² of 7 degrees of freedom: P(> 30) = 1e-4
    assert (samples.weights * shots).sum() == pytest.approx(shots)
    assert samples.shots == shots


def test_the_variance_of_strata_is_that_of_their_own_scatter():
    """Two parts with fixed shots and different means: the difference does not scatter the mean of the whole."""
    rng = np.random.default_rng(5)
    means, reported, pooled = [], [], []
    for _ in range(3000):
        parts = [draw(np.array([1 - p, p]), 1, shots, rng) for p, shots in ((0.05, 40), (0.6, 160))]
        both = Samples(
            np.concatenate([part.outcomes for part in parts]),
            np.concatenate([0.2 * parts[0].weights, 0.8 * parts[1].weights]),
            200,
            np.repeat([0, 1], [len(part.weights) for part in parts]),
        )
        values = both.outcomes.astype(float)
        means.append(both.weights @ values[:, 0])
        reported.append(covariance_of_means(values, both)[0, 0])
        pooled.append(covariance_of_means(values, Samples(both.outcomes, both.weights, 200))[0, 0])
    assert np.mean(reported) == pytest.approx(np.var(means), rel=0.1)
    assert np.mean(pooled) > 1.2 * np.var(means)


def test_a_part_of_one_shot_counts_with_the_others():
    alone = Samples(np.array([[False], [True]]), np.array([0.5, 0.5]), 2, np.array([0, 1]))
    assert covariance_of_means(np.array([[1.0], [-1.0]]), alone)[0, 0] == pytest.approx(1.0)
