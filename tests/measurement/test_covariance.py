"""The covariance of string means where counts are rare: never zero, positive semidefinite, right on average."""

import numpy as np
import pytest

from qep_qiskit.measurement.covariance import covariance_of_strings
from qep_qiskit.samples import Samples, covariance_of_means, distinct


def drawn(rng, shots, flips, *, together=0.0):
    """Shots of independent flips, and of one event that flips all qubits at once."""
    outcomes = rng.random((shots, len(flips))) < flips
    return distinct(outcomes ^ (rng.random((shots, 1)) < together))


def signs(samples):
    """All single signs and all products of neighbours."""
    z = 1.0 - 2.0 * samples.outcomes
    return np.hstack([z, z[:, :-1] * z[:, 1:]])


def test_without_any_flip_every_combination_keeps_the_error_of_unseen_events():
    samples = distinct(np.zeros((250, 3), dtype=bool))
    covariance = covariance_of_strings(signs(samples), samples)
    np.testing.assert_allclose(np.diag(covariance), 4 / 250**2)
    rng = np.random.default_rng(1)
    for direction in rng.normal(size=(20, 5)):  # also those in which the means cancel
        assert direction @ covariance @ direction >= 2 / 250**2 * (direction @ direction) * 0.99
    difference = np.array([1, -1, 0, 0, 0])
    assert difference @ covariance @ difference == pytest.approx(4 / 250**2)


def test_it_is_positive_semidefinite_and_never_below_the_sample_covariance():
    rng = np.random.default_rng(2)
    for shots in (2, 5, 40, 1000):
        for _ in range(20):
            samples = drawn(rng, shots, rng.random(4) * 0.05, together=rng.choice([0.0, 0.01, 0.3]))
            values = signs(samples) * rng.choice([-1.0, 0.3, 2.0, 1e-9], size=7)
            covariance, sample = covariance_of_strings(values, samples), covariance_of_means(values, samples)
            scale = np.sqrt(np.diag(covariance))
            assert (np.diag(covariance) > 0).all()
            np.testing.assert_array_equal(covariance, covariance.T)
            assert np.linalg.eigvalsh(covariance / scale[:, None] / scale).min() > 0
            assert np.linalg.eigvalsh((covariance - sample) / scale[:, None] / scale).min() > -1e-10


def test_strings_may_be_scaled_and_combined_before_or_after():
    samples = drawn(np.random.default_rng(3), 100, [0.01, 0.02, 0.0])
    values, scale = signs(samples), np.array([1.0, -3.0, 20.0, 0.5, 1e-6])
    whole = covariance_of_strings(values, samples)
    np.testing.assert_allclose(covariance_of_strings(values * scale, samples), scale[:, None] * whole * scale, rtol=1e-9)
    scale[2] = 0.0  # a string that does not count is no reason to fail
    covariance = covariance_of_strings(values * scale, samples)
    assert np.isfinite(covariance).all() and not covariance[2].any() and (np.diag(covariance)[[0, 1, 3, 4]] > 0).all()


def test_the_exact_distribution_has_no_error():
    samples = Samples(np.array([[False, True]]), np.ones(1), None)
    assert not covariance_of_strings(1.0 - 2.0 * samples.outcomes, samples).any()
    assert covariance_of_strings(np.zeros((1, 0)), samples).shape == (0, 0)


def test_correlations_of_common_flips_are_kept():
    """An event that flips all qubits together leaves products unchanged: their error stays that of an unseen event."""
    samples = drawn(np.random.default_rng(4), 4000, [0.0, 0.0, 0.0], together=0.05)
    covariance = covariance_of_strings(signs(samples), samples)
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / scale[:, None] / scale
    assert correlation[0, 1] > 0.99 and correlation[0, 2] > 0.99
    assert scale[3] == pytest.approx(2 / 4000, rel=0.1)


@pytest.mark.parametrize("expected_flips", [1, 3, 10, 30])
@pytest.mark.parametrize("kind", ["independent", "together", "strata"])
def test_the_mean_reported_variance_and_the_coverage(expected_flips, kind):
    rng, shots = np.random.default_rng(5), 400
    p, means, reported = expected_flips / shots, [], []
    for _ in range(1500):
        if kind == "strata":
            parts = [drawn(rng, shots // 8, [p, p, 2 * p]) for _ in range(8)]
            samples = Samples(
                np.concatenate([part.outcomes for part in parts]),
                np.concatenate([part.weights / 8 for part in parts]),
                shots,
                np.repeat(np.arange(8), [len(part.weights) for part in parts]),
            )
        else:
            samples = drawn(rng, shots, [p, p, 2 * p] if kind == "independent" else [0.0] * 3, together=p * (kind == "together"))
        values = signs(samples)[:, [0, 2]]
        means.append(samples.weights @ values)
        reported.append(covariance_of_strings(values, samples))
    means, reported = np.array(means), np.array(reported)
    bars = np.sqrt(np.diagonal(reported, axis1=1, axis2=2))
    truth = 1 - 2 * np.array([p, p if kind == "together" else 2 * p])
    ratio = np.sqrt((bars**2).mean(axis=0)) / means.std(axis=0)
    # 1/(k + 1) on k flips of k: 1.28 for one, 1.05 for three, 1.005 for ten
    least, most = 0.93, {1: 1.45, 3: 1.15, 10: 1.08, 30: 1.07}[expected_flips]
    assert ((ratio > least) & (ratio < most)).all(), ratio
    difference = means[::2] - means[1::2]  # as a gradient is: of two circuits
    pulls = difference / np.sqrt(bars[::2] ** 2 + bars[1::2] ** 2)
    assert (np.abs(pulls) > 3).mean(axis=0).max() <= 0.02
    single = np.abs(means - truth) / bars
    assert (single > 3).mean(axis=0).max() <= 0.075 and (single > 8).mean() <= 0.0005  # e⁻³: no flip of three
