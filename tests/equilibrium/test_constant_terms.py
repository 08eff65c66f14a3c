"""Weights whose operator holds a multiple of the identity, which shifts all energies alike."""

import numpy as np
import pytest

import qep_qiskit as qep


def problem(offset: float, *, inputs: bool = False) -> qep.Problem:
    network = qep.pauli(
        terms={"shift": {"II": offset}, "field": {"IX": 1.0, "II": offset}, "bond": {"ZZ": 1.0}},
        fixed={"ZI": 0.7, "IZ": -0.4, "XI": 0.9},
        inputs=[{"II": offset, "ZI": 1.0}],
        outputs=[{"ZI": 1.0}, {"IZ": 1.0}],
    )
    return qep.Problem(network, [0.3, -0.8, 0.5], x=[0.2], cost=qep.SquaredError([1.0, -0.5]), input_gradient=inputs)


@pytest.mark.parametrize("stencil", [qep.one_sided(1e-6), qep.symmetric(3e-6), qep.extrapolated(1.3e-5)])
def test_a_constant_times_a_weight_has_no_derivative_and_adds_no_rounding(stencil):
    plain = qep.gradient(problem(0.0, inputs=True), stencil=stencil)
    shifted = qep.gradient(problem(1e5, inputs=True), stencil=stencil)
    assert shifted["shift"].value == 0.0
    np.testing.assert_allclose(shifted.values, plain.values, atol=1e-4 * np.abs(plain.values).max())
    np.testing.assert_allclose(shifted.input_values, plain.input_values, atol=1e-4 * np.abs(plain.input_values).max())


def test_the_limit_of_a_constant_is_exactly_zero():
    limit = qep.exact_gradient(problem(1e5))
    assert limit["shift"].value == 0.0
    np.testing.assert_allclose(limit.values, qep.exact_gradient(problem(0.0)).values, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("stencil", [None, qep.symmetric(1e-6), qep.extrapolated(2.7e-5)])
def test_the_interval_of_a_constant_contains_zero(stencil):
    certificate = qep.certify(problem(0.9334549), **({} if stencil is None else {"stencil": stencil}))
    assert 0.0 in certificate["shift"]
    assert certificate.contains(qep.exact_gradient(problem(0.9334549))).all()
