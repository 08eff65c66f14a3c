"""Light cones that are cut to balls, against the whole ones: the stated error covers the true one."""

import numpy as np
import pytest
from noisy_circuits import CHAIN, labelled, layered, strings_of, uneven
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList
from qiskit_aer.noise import NoiseModel

from benchmarks.noisy_strings import NoisyCones
from qep_qiskit.simulation.cones import balls, noisy
from qep_qiskit.simulation.cones.balls import ball_of
from qep_qiskit.simulation.cones.noisy import NoisyMarginals
from qep_qiskit.simulation.noise.aer_model import Unsuited

HEXAGON = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5), (2, 6), (6, 7)]
LADDER = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7), (0, 4), (1, 5), (2, 6), (3, 7)]


def rows_of(circuit, count=2, seed=1, scale=0.7):
    return np.random.default_rng(seed).normal(0, scale, (count, circuit.num_parameters))


def cut_at(radius, monkeypatch):
    """Let all cones be cut, to balls of at most this radius."""
    monkeypatch.setattr(noisy.NoisyMarginals, "fits", lambda self, wires: False)
    monkeypatch.setattr(balls, "MOST_RADIUS", radius)


@pytest.mark.parametrize("radius", [1, 2])
@pytest.mark.parametrize(
    ("edges", "layers", "scale"),
    [(CHAIN, 2, 0.7), (CHAIN, 3, 0.4), (HEXAGON, 3, 0.7), pytest.param(LADDER, 2, 1.0, marks=pytest.mark.slow)],
    ids=["chain", "chain, three layers", "hexagon", "ladder"],
)
def test_the_stated_error_of_a_ball_covers_the_true_one(edges, layers, scale, radius, monkeypatch):
    n = 1 + max(max(pair) for pair in edges)
    circuit, paulis, model = layered(n, edges[::2] + edges[1::2], layers), strings_of(n, edges), uneven(n, edges)
    rows = rows_of(circuit, 3, scale=scale)
    truth = NoisyCones(circuit, model, paulis).expectations(rows)
    cut_at(radius, monkeypatch)
    cones = NoisyCones(circuit, model, paulis, balls=True)
    assert set(cones.radii) <= {None, 1, radius}
    cut, values = np.array([each is not None for each in cones.radii]), cones.expectations(rows)
    error, stated = (np.abs(values - each) for each in (truth, cones.expectations(rows, coarse=True)))
    np.testing.assert_allclose(error[:, ~cut], 0, atol=1e-14)
    np.testing.assert_allclose(stated[:, ~cut], 0, atol=1e-14)
    assert cut.mean() > 0.5
    assert np.mean(error[:, cut] <= stated[:, cut] + 1e-14) > 0.9
    assert np.linalg.norm(error) < 0.1 * np.linalg.norm(stated)
    assert 1e-12 < stated.max() < 0.2


def test_where_every_cone_fits_nothing_is_cut():
    circuit, model, paulis = layered(8, CHAIN[:7], 2), uneven(8, CHAIN), strings_of(8, CHAIN[:7])
    rows = rows_of(circuit)
    cones = NoisyCones(circuit, model, paulis, balls=True)
    assert set(cones.radii) == {None}
    values = cones.expectations(rows)
    np.testing.assert_array_equal(values, NoisyCones(circuit, model, paulis).expectations(rows))
    np.testing.assert_array_equal(values, cones.expectations(rows, coarse=True))


def test_wires_without_correlations_make_no_error(monkeypatch):
    """Product states are their own reduced states: a ball of radius 1 is exact, whatever the angles and the noise."""
    circuit, model = QuantumCircuit(6), uneven(6, CHAIN)
    for q in range(6):
        circuit.rx(0.3 + 0.2 * q, q)
    for a, b in CHAIN[:5]:
        circuit.cz(a, b)
        circuit.cz(a, b)
    paulis = PauliList([labelled(6, {2: "Z"}), labelled(6, {3: "X"})])
    clean = NoiseModel(basis_gates=model.basis_gates)
    truth = NoisyCones(circuit, clean, paulis).expectations(np.zeros((1, 0)))
    cut_at(1, monkeypatch)
    cones = NoisyCones(circuit, clean, paulis, balls=True)
    assert set(cones.radii) == {1}
    np.testing.assert_allclose(cones.expectations(np.zeros((1, 0))), truth, atol=1e-14)


def test_marginals_of_balls_are_distributions(monkeypatch):
    circuit, model = layered(10, CHAIN, 2), uneven(10, CHAIN)
    cut_at(1, monkeypatch)
    cones, rows = NoisyMarginals(circuit, model, balls=True), rows_of(circuit)
    supports = [(4,), (4, 5)]
    fine, coarse = (cones.probabilities(rows, "Z" * 10, supports, coarse=each) for each in (False, True))
    for chances, other in zip(fine, coarse, strict=True):
        np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-13)
        assert 0 < np.abs(chances - other).max() < 0.1
    np.testing.assert_allclose(fine[1].reshape(2, 2, 2).sum(axis=1), fine[0], atol=1e-3)


def test_balls_are_used_only_if_allowed_and_only_from_radius_one(monkeypatch):
    monkeypatch.setattr(noisy, "MOST_LEGS", 3)
    circuit, model, paulis = layered(8, CHAIN[:7], 3), uneven(8, CHAIN), PauliList([labelled(8, {4: "Z"})])
    with pytest.raises(Unsuited, match="a light cone of"):
        NoisyCones(circuit, model, paulis)
    monkeypatch.setattr(noisy, "BALL_WORK", 10)
    with pytest.raises(Unsuited, match="a light cone of"):
        NoisyCones(circuit, model, paulis, balls=True)


def test_a_larger_limit_gives_a_larger_ball():
    circuit, model = layered(10, CHAIN, 2), uneven(10, CHAIN)
    cones, support = NoisyMarginals(circuit, model), frozenset((5,))
    whole = cones.cone(support)
    radii = [ball_of(support, whole, cones._blocks, (), legs=12, work=work).radius for work in (1.3e3, 2.3e3, 1e6)]
    assert radii == sorted(radii) and radii[0] < radii[-1]


def with_swaps(circuit, edges, rng):
    """Return a circuit with swaps at random places, each made of three CZ gates."""
    marks, result = set(rng.choice(len(circuit.data), 6).tolist()), QuantumCircuit(circuit.num_qubits)
    for number, item in enumerate(circuit.data):
        result.append(item.operation, [circuit.find_bit(q).index for q in item.qubits])
        if number in marks:
            a, b = edges[rng.integers(len(edges))]
            for x, y in ((a, b), (b, a), (a, b)):
                result.h(y)
                result.cz(x, y)
                result.h(y)
    return result


@pytest.mark.parametrize("count", [2, pytest.param(36, marks=pytest.mark.slow)])
def test_the_stated_error_covers_the_true_one_in_random_circuits(count, monkeypatch):
    rng, errors, bars = np.random.default_rng(7), [], []
    for number in range(count):
        edges = (CHAIN, HEXAGON, LADDER)[number % 3]
        n, layers, scale = 1 + max(max(pair) for pair in edges), 1 + int(rng.integers(3)), float(rng.choice([0.2, 0.5, 1.0, 1.5]))
        circuit, paulis = layered(n, edges[::2] + edges[1::2], layers), strings_of(n, edges)
        if number % 2:
            circuit = with_swaps(circuit, edges, rng)
        model, rows = uneven(n, edges), rng.normal(0, scale, (2, circuit.num_parameters))
        truth = NoisyCones(circuit, model, paulis).expectations(rows)
        for radius in (1, 2):
            with monkeypatch.context() as patch:
                cut_at(radius, patch)
                cones = NoisyCones(circuit, model, paulis, balls=True)
                cut = np.array([each == radius for each in cones.radii])
                values, coarse = cones.expectations(rows), cones.expectations(rows, coarse=True)
            errors.append(np.abs(values - truth)[:, cut].ravel())
            bars.append(np.abs(values - coarse)[:, cut].ravel())
    error, stated = np.concatenate(errors), np.concatenate(bars)
    print(f"{len(error)} strings, {np.mean(error <= stated + 1e-13):.2%} covered, rms {error.std():.1e} of {stated.std():.1e}")
    assert len(error) > 20 * count
    assert np.mean(error <= stated + 1e-13) > 0.97
    assert np.linalg.norm(error) < 0.1 * np.linalg.norm(stated)
