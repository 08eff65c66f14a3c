"""Each bound against what it bounds, on random operators in full matrices; and how near the worst case comes to it."""

import math

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.certified.bounds import angle_bound, shift_bound
from qep_qiskit.certified.series import coefficients, remainder
from qep_qiskit.certified.shots import part_of, sum_bound
from qep_qiskit.certified.spread import Spread


def hermitian(rng, size, half=1.0):
    """Return a random Hermitian matrix with eigenvalues within ±half, both of them taken."""
    a = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    values, vectors = np.linalg.eigh(a + a.conj().T)
    values = 2 * (values - values[0]) / (values[-1] - values[0]) - 1
    return (vectors * (half * values)) @ vectors.conj().T


def ground(h):
    energies, vectors = np.linalg.eigh(h)
    return energies, vectors[:, 0]


def mean(a, psi):
    return float(np.vdot(psi, a @ psi).real)


def spread(a, psi, half=1.0):
    return Spread(np.array([half]), np.array([mean(a, psi)]), np.zeros(1))


@pytest.mark.parametrize("size", [2, 3, 6])
def test_the_angle_and_the_shift_hold_for_any_state_near_the_ground_state(size):
    nearest = 0.0
    for seed in range(120):
        rng = np.random.default_rng([size, seed])
        h, a = np.diag(np.r_[0.0, 1.0 + rng.exponential(size=size - 1)]), hermitian(rng, size)
        chi = np.r_[1.0, 10 ** rng.uniform(-4, 0) * rng.normal(size=size - 1)]
        chi /= np.linalg.norm(chi)
        energy = mean(h, chi)
        variance = mean(h @ h, chi) - energy**2
        first = np.sort(np.diag(h))[1]
        angle, true = angle_bound(variance, energy, first), math.acos(min(1.0, abs(chi[0])))
        if energy >= first:
            assert angle is None
            continue
        assert true <= angle + 1e-9
        nearest = max(nearest, true / angle)
        shift = shift_bound(angle, spread(a, chi))[0]
        assert abs(mean(a, chi) - a[0, 0].real) <= shift + 1e-12
    assert nearest > (0.999 if size == 2 else 0.5)  # two levels are the worst case


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_the_coefficients_of_the_series(order):
    """Taylor coefficients by a Cauchy sum on a circle within the radius of convergence, for two to five levels."""
    largest = 0.0
    for seed in range(60):
        rng = np.random.default_rng([order, seed])
        size = 2 + seed % 4
        h, a, c = np.diag(np.r_[0.0, 1.0 + (seed % 3) * rng.random(size - 1)]), hermitian(rng, size), hermitian(rng, size)
        radius, points = 0.2, 32  # of at least 1/2
        values = []
        for z in radius * np.exp(2j * np.pi * np.arange(points) / points):
            energies, right = np.linalg.eig(h + z * c)
            k = int(np.argmin(abs(energies)))
            left = np.linalg.inv(right)[k]
            values.append(left @ a @ right[:, k])
        coefficient = abs(np.mean(np.array(values) * np.exp(-2j * np.pi * order * np.arange(points) / points))) / radius**order
        psi = np.eye(size)[0]
        bound = coefficients(order, spread(a, psi), spread(c, psi), float(np.diag(h)[1:].min()))[0]
        assert coefficient <= bound * (1 + 1e-6) + 1e-8
        largest = max(largest, coefficient / bound)
    assert largest > {1: 0.8, 2: 0.1, 3: 0.05, 4: 0.02, 5: 0.01}[order]


@pytest.mark.parametrize("stencil", [qep.one_sided, qep.symmetric, qep.extrapolated])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.2])
def test_the_remainder_of_a_stencil(stencil, share):
    largest = 0.0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        size = 2 + seed % 4
        h, a, c = np.diag(np.r_[0.0, np.full(size - 1, 1.0)]), hermitian(rng, size), hermitian(rng, size, 0.5)
        rule = stencil(share)
        value = sum(s * mean(a, ground(h + b * c)[1]) for b, s in zip(rule.betas, rule.factors, strict=True))
        limit = -2 * float(np.real(a[0, 1:] @ c[1:, 0]))
        psi = np.eye(size)[0]
        bound = remainder(rule, spread(a, psi), spread(c, psi, 0.5), 1.0)[0]
        assert abs(value - limit) <= bound + 1e-10
        largest = max(largest, abs(value - limit) / bound)
    assert share < 0.05 or largest > 0.001
    assert remainder(stencil(1.1), spread(a, psi), spread(c, psi, 0.5), 1.0) is None  # the gap may close


def test_a_stencil_that_is_not_of_its_order_has_no_bound():
    odd = qep.Stencil("odd", 0.1, (0.0, 0.1), (-10.0, 10.0), 2)
    one = Spread(np.ones(1), np.zeros(1), np.zeros(1))
    assert remainder(odd, one, one, 1.0) is None


@pytest.mark.parametrize("chances", [(0.5, 0.5), (0.01, 0.9), (0.001, 0.002)])
@pytest.mark.parametrize("shots", [(20, 20), (1000, 300)])
def test_shot_bounds_fail_no_more_often_than_allowed(chances, shots):
    """The difference of two means of ±1 outcomes, 2000 times at a failure of 5 %; a quarter of the bound would fail too often."""
    rng, failure, missed, quarter = np.random.default_rng(3), 0.05, 0, 0
    truth = (1 - 2 * chances[0]) - (1 - 2 * chances[1])
    width, values = np.array([2.0]), np.array([[1.0], [-1.0]])
    for _ in range(2000):
        flips = [rng.binomial(n, p) / n for n, p in zip(shots, chances, strict=True)]
        parts = [part_of(values, np.array([1 - f, f]), n, width) for f, n in zip(flips, shots, strict=True)]
        error = abs((1 - 2 * flips[0]) - (1 - 2 * flips[1]) - truth)
        bound = sum_bound(parts, failure)[0]
        missed += error > bound
        quarter += error > bound / 4
    assert missed <= 2000 * failure
    assert quarter > 2000 * failure or min(n * p for n, p in zip(shots, chances, strict=True)) < 3


def test_no_flips_leave_an_interval():
    part = part_of(np.array([[1.0]]), np.ones(1), 1000, np.array([2.0]))
    bound = sum_bound([part], 0.01)[0]
    assert 2 * math.log(1 / 0.01) / 1000 < bound < 0.1  # a flip of 1 in 217 stays unseen once in a hundred times
    assert sum_bound([part_of(np.array([[1.0]]), np.ones(1), 1, np.array([2.0]))], 0.01)[0] > 2.0


@pytest.mark.parametrize("cost", [qep.SquaredError([0.3, -0.4, 0.1]), qep.softmax_cross_entropy(1, scale=3.0)])
def test_the_error_signal_moves_no_further_than_its_bound(cost):
    largest = 0.0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        v, error = rng.uniform(-1, 1, 3), 10 ** rng.uniform(-3, 0) * np.ones(3)
        moved = np.abs(cost.error_signal(v + error * rng.choice([-1, 1], 3)) - cost.error_signal(v))
        bound = cost.signal_error(v, error)
        assert np.all(moved <= bound + 1e-12)
        largest = max(largest, float(np.max(moved / bound)))
    assert largest > 0.5
