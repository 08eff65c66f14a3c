"""Extrapolation to no noise: what each form is exact for, and that its derivatives are derivatives."""

import numpy as np
import pytest
from qiskit.quantum_info import PauliList

from qep_qiskit.measurement.bases import Basis
from qep_qiskit.measurement.expectations import read
from qep_qiskit.measurement.mitigation.extrapolation import CLEAR, coefficients, extrapolate
from qep_qiskit.measurement.mitigation.zne import ZeroNoise, combine
from qep_qiskit.samples import distinct

FACTORS = (1, 3, 5)
X = np.array(FACTORS, dtype=float)
SMALL = np.full((3, 1), 1e-3)


@pytest.mark.parametrize("factors", [(1, 3), (1, 3, 5), (1, 5, 7, 11)])
def test_the_line_is_numpys_least_squares_fit(factors):
    values = np.random.default_rng(1).normal(size=len(factors))
    assert coefficients(factors, "linear") @ values == pytest.approx(np.polyfit(factors, values, 1)[1])
    assert coefficients(factors, "richardson") @ values == pytest.approx(np.polyfit(factors, values, len(factors) - 1)[-1])


@pytest.mark.parametrize(
    ("form", "curve", "at_zero"),
    [
        ("linear", 0.9 - 0.1 * X, 0.9),
        ("richardson", 0.9 - 0.1 * X + 0.01 * X**2, 0.9),
        ("exponential", -0.7 * np.exp(-0.2 * X), -0.7),
    ],
)
def test_each_form_is_exact_for_its_own_curve(form, curve, at_zero):
    values, _, fitted = extrapolate(curve[:, None], SMALL, FACTORS, form)
    assert values[0] == pytest.approx(at_zero)
    assert fitted.all()


@pytest.mark.parametrize("form", ["linear", "richardson", "exponential"])
def test_derivatives_equal_finite_differences(form):
    values = np.array([[0.8, 0.5], [0.6, 0.1], [0.45, -0.2]])
    errors = np.full((3, 2), 1e-3)
    _, slopes, fitted = extrapolate(values, errors, FACTORS, form)
    assert fitted.tolist() == [True, form != "exponential"]  # the second changes its sign: it takes the line
    for j in range(3):
        step = np.zeros((3, 2))
        step[j] = 1e-6
        high, low = (extrapolate(values + s, errors, FACTORS, form)[0] for s in (step, -step))
        np.testing.assert_allclose(slopes[j], (high - low) / 2e-6, rtol=1e-6)


def test_values_not_clearly_off_zero_take_the_straight_line():
    values = np.array([[0.3], [0.2], [0.1]])
    line = extrapolate(values, SMALL, FACTORS, "linear")[0]
    assert extrapolate(values, np.full((3, 1), 0.101 / CLEAR), FACTORS, "exponential")[0] == pytest.approx(line)
    assert extrapolate(values, np.full((3, 1), 0.099 / CLEAR), FACTORS, "exponential")[0] != pytest.approx(line)


def all_alike(shots, factor):
    """Shots of which none flipped at a small factor, and every tenth at a large one."""
    outcomes = np.zeros((shots, 2), dtype=bool)
    outcomes[: shots * (factor - 1) // 20] = True
    return read(distinct(outcomes), Basis("ZZ", (0, 1)), PauliList(["IZ", "ZI"]))


@pytest.mark.parametrize("form", ["linear", "richardson", "exponential"])
def test_an_extrapolated_value_without_any_flip_still_has_an_error(form):
    for shots in (20, 200):
        values, parts = combine([all_alike(shots, f) for f in FACTORS], ZeroNoise(form))
        variance = sum(np.diag(part.covariance(np.eye(2))) for part in parts)
        assert np.isfinite(values).all() and (variance > 4 / shots**2).all()


def test_too_few_shots_are_not_clear_although_all_agree():
    """1 ± 2/N is five standard deviations off zero from eleven shots on: below, no logarithm is taken."""
    for shots, clear in ((2, False), (8, False), (40, True)):
        readings = [all_alike(shots, 1)] * 3
        errors = np.array([np.sqrt(np.diag(reading.covariance(np.eye(2)))) for reading in readings])
        assert extrapolate(np.ones((3, 2)), errors, FACTORS, "exponential")[2].tolist() == [clear, clear]
