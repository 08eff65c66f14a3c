"""Weights whose operator holds a multiple of the identity, which shifts all energies alike."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.preparation.preparer import nearest
from qep_qiskit.reference import tensor_network

CHAIN = {"J0": {"IIZZ": -1}, "J1": {"IZZI": -1}, "J2": {"ZZII": -1}, "tilt": {"IYIX": -1}}
FIELDS = {f"g{q}": {"I" * (3 - q) + "X" + "I" * q: -1} for q in range(4)}
PREPARERS = {
    "exact": (qep.Exact(), 1e-8),
    "thermal": (qep.Thermal(0.4), 1e-8),
    "mean field": (qep.MeanField(), 1e-8),
    "mps": (qep.MPS(), 1e-8),
    "vqe": (qep.VQE(layers=1), 1e-3),
    "adiabatic": (qep.Adiabatic(time=4.0), 1e-8),
}


def chain(constant: float, weights=(0.8, -0.5, 0.6, 0.2, 0.9, 0.7, 0.5, 1.1)) -> qep.Problem:
    """Return a chain; with a large constant all its energies have one sign."""
    fixed = {"IIII": constant, "IIIZ": -0.4, "IZII": 0.3, "ZIII": -0.1}
    network = qep.pauli(terms=CHAIN | FIELDS, fixed=fixed, outputs=[{"ZIII": 1}, {"ZIZI": 1}])
    return qep.Problem(network, weights, cost=qep.SquaredError([0.4, -0.2]))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("constant", [40.0, -1e4, 1e6])
@pytest.mark.parametrize("name", PREPARERS)
def test_every_preparer_is_blind_to_the_constant_of_h(name, constant):
    preparer, apart = PREPARERS[name]
    plain, shifted = (qep.gradient(chain(c), preparer=preparer, stencil=qep.symmetric(0.2)) for c in (0.0, constant))
    np.testing.assert_allclose(shifted.values, plain.values, atol=apart)
    np.testing.assert_allclose(shifted.predictions, plain.predictions, atol=apart)
    assert shifted.diagnostics.warnings == plain.diagnostics.warnings
    for one, other in zip(shifted.diagnostics.phases, plain.diagnostics.phases, strict=True):
        assert one.energy == pytest.approx(constant + other.energy, abs=1e-3)


def test_matrix_product_references_are_blind_to_it_too():
    plain, shifted = (tensor_network.limit(tensor_network.GroundStates(chain(c))) for c in (0.0, 1e9))
    np.testing.assert_allclose(shifted.values, plain.values, atol=1e-6)


def test_a_constant_does_not_make_two_networks_alike():
    problems = [chain(1e3), chain(1e3, (-0.8, 0.5, -0.6, 0.2, 0.9, 0.7, 0.5, 1.1))]
    families = [free_family(problem) for problem in problems]
    prepared = qep.MeanField().prepare(families[0])
    assert nearest(families[0], families[:1], [prepared]) is prepared
    assert nearest(families[1], families[:1], [prepared]) is None


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
