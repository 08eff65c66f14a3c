"""Energies of product states against Kronecker products: values, slopes, curvatures, minima."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp, random_pauli_list

from qep_qiskit.simulation.closed_form.product_states import (
    ProductEnergy,
    ProductStrings,
    across,
    along,
    product_state,
    retracted,
    tangents,
)


def random_energy(seed, n=4, strings=14):
    paulis = random_pauli_list(n, strings, seed=seed, phase=False)
    return paulis, np.random.default_rng(seed).normal(size=strings)


def random_spins(seed, n=4):
    spins = np.random.default_rng(seed + 100).normal(size=(n, 3))
    return spins / np.linalg.norm(spins, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
def test_values_are_those_of_the_state_vector(seed):
    paulis, _ = random_energy(seed)
    spins = random_spins(seed)
    state = product_state(spins)
    expected = [np.vdot(state, p.to_matrix() @ state).real for p in paulis]
    np.testing.assert_allclose(ProductStrings(paulis).values(spins), expected, atol=1e-13)
    np.testing.assert_allclose(ProductStrings(-paulis).values(spins), -np.array(expected), atol=1e-13)


@pytest.mark.parametrize("seed", range(5))
def test_slope_and_curvature_are_differences_of_the_energy(seed):
    energy = ProductEnergy.of(*random_energy(seed))
    spins = random_spins(seed)
    axes = tangents(spins)
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=(2, 8))

    def along_line(step):
        return float(energy.energy(retracted(spins, axes, step)))

    h = 1e-5
    slope = energy.slope(spins, axes)
    assert slope @ one == pytest.approx((along_line(h * one) - along_line(-h * one)) / (2 * h), abs=1e-8)
    h = 2e-4
    corners = {(a, b): along_line(h * (a * one + b * two)) for a in (1, -1) for b in (1, -1)}
    mixed = sum(a * b * value for (a, b), value in corners.items()) / (4 * h * h)
    assert one @ energy.curvature(spins, axes) @ two == pytest.approx(mixed, abs=1e-4)
    change = across(one, axes)
    np.testing.assert_allclose(along(change, axes), one, atol=1e-13)
    moved = energy.strings.moved(spins, change)
    assert moved @ energy.coefficients == pytest.approx(slope @ one, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_sweeps_never_raise_the_energy_and_newton_steps_arrive(seed):
    paulis = SparsePauliOp.from_sparse_list(
        [("ZZ", [i, (i + 1) % 6], w) for i, w in enumerate(np.random.default_rng(seed).normal(size=6))]
        + [("X", [i], -1.0) for i in range(6)]
        + [("Z", [i], 0.1 * (i - 2)) for i in range(6)],
        6,
    )
    energy = ProductEnergy.of(paulis.paulis, paulis.coeffs.real)
    starts = np.array([random_spins(s, 6) for s in range(8)])
    before = energy.energy(starts)
    spins = starts
    for _ in range(5):
        spins = energy.sweep(spins, sweeps=1, settled=0.0)
        after = energy.energy(spins)
        assert np.all(after <= before + 1e-12)
        before = after
    spins = energy.sweep(spins, sweeps=200, settled=1e-3)[0]
    polished = energy.polish(spins, residual=1e-13, max_steps=30)
    assert np.linalg.norm(energy.slope(polished, tangents(polished))) < 1e-12
    assert np.linalg.norm(polished - spins) < 0.2
