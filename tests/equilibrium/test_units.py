"""Hamiltonians in other units: the gradient scales with them, or one line says why it cannot be had."""

import numpy as np
import pytest

import qep_qiskit as qep

NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
WEIGHTS = np.array([0.5, -0.7, 0.4, 0.3, 0.1, -0.2, 0.3, 0.9, 1.1, 0.8, 0.9])


def problem(unit: float) -> qep.Problem:
    return qep.Problem(NETWORK, WEIGHTS * unit, x=[0.4 * unit], cost=qep.SquaredError([0.7]))


@pytest.mark.parametrize("unit", [1e-9, 2e-15, 3e-23])
def test_matrix_product_states_in_small_units(unit):
    limit = qep.exact_gradient(problem(1.0)).values
    measured = qep.gradient(problem(unit), preparer=qep.MPS(), stencil=qep.symmetric(0.03 * unit))
    np.testing.assert_allclose(measured.values * unit, limit, atol=1e-3 * np.abs(limit).max())
    assert measured.diagnostics.warnings == ()
    energies = [
        qep.gradient(problem(u), preparer=qep.MPS(), stencil=qep.symmetric(0.03 * u)).diagnostics.phases[0].energy
        for u in (1, unit)
    ]
    assert energies[1] == pytest.approx(energies[0] * unit, rel=1e-9)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_beside_large_coefficients_the_advised_beta_helps():
    limit = qep.exact_gradient(problem(1e9)).values
    measured = qep.gradient(problem(1e9), preparer=qep.MPS(), stencil=qep.symmetric(0.1))
    (warning,) = measured.diagnostics.warnings
    advised = float(warning.rpartition("take β = ")[2])
    assert "too small a nudge" in warning and advised > 0.1
    better = qep.gradient(problem(1e9), preparer=qep.MPS(), stencil=qep.symmetric(advised))
    np.testing.assert_allclose(better.values, limit, atol=0.01 * np.abs(limit).max())


@pytest.mark.parametrize("measure", [qep.exact_gradient, qep.gradient, qep.certify])
@pytest.mark.parametrize("unit", [1e155, 1e200, 1e308])
def test_coefficients_whose_squares_overflow_are_refused(measure, unit):
    with pytest.raises(qep.InputError, match="weights: the coefficients of H add up to .* take other units"):
        measure(problem(unit))
