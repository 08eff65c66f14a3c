"""Descents in rows: minima of known functions, in any batch, with either memory."""

from __future__ import annotations

import numpy as np
import pytest

from qep_qiskit.preparation.descent import descend
from qep_qiskit.preparation.line_search import RECHECKED
from qep_qiskit.preparation.quasi_newton import UPDATES, FullMemory, LimitedMemory
from qep_qiskit.preparation.renewal import inverses, shifted


def rosenbrock(rows, points):
    x, y = points.T
    values = (1 - x) ** 2 + 100 * (y - x * x) ** 2
    return values, np.stack([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], axis=1)


def valleys(count=5, size=12, seed=0):
    """Quadratic functions with a wide range of curvatures, and their minima."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(count, size, size)))[0]
    matrices = (axes * np.logspace(-3, 1, size)) @ axes.swapaxes(1, 2)
    minima = rng.normal(size=(count, size))

    def function(rows, points):
        away = points - minima[rows]
        gradients = (matrices[rows] @ away[:, :, None])[..., 0]
        return 0.5 * np.einsum("rp,rp->r", away, gradients), gradients

    return function, minima


def below(limit):
    return lambda rows, *_: np.full(len(rows), limit)


@pytest.mark.parametrize("memory", [FullMemory, LimitedMemory])
def test_a_curved_valley(memory):
    starts = np.array([[-1.2, 1.0], [2.0, 2.0], [0.0, -1.0]])
    end = descend(rosenbrock, starts, below(1e-9), most=400, memory=memory(3, 2))
    assert end.done.all() and end.evaluations.max() < 200
    np.testing.assert_allclose(end.thetas, 1.0, atol=1e-6)


@pytest.mark.parametrize("memory", [FullMemory, LimitedMemory])
def test_rows_do_not_depend_on_each_other(memory):
    function, minima = valleys()
    starts = np.zeros_like(minima)
    together = descend(function, starts, below(1e-8), most=500, memory=memory(*starts.shape))
    assert together.done.all()
    np.testing.assert_allclose(together.thetas, minima, atol=2e-5)
    for row in range(len(starts)):
        alone = descend(
            lambda rows, points, row=row: function(rows + row, points),
            starts[row : row + 1],
            below(1e-8),
            most=500,
            memory=memory(1, starts.shape[1]),
        )
        assert alone.evaluations[0] == together.evaluations[row]
        np.testing.assert_allclose(alone.thetas[0], together.thetas[row], atol=1e-9)


def test_both_memories_are_the_same_for_few_steps():
    rng = np.random.default_rng(1)
    full, limited = FullMemory(2, 6), LimitedMemory(2, 6, size=8)
    matrix = np.diag(np.arange(1.0, 7.0))
    gradient = rng.normal(size=(2, 6))
    for scale in range(5):
        steps = rng.normal(size=(2, 6))
        for memory in (full, limited):
            memory.add(np.array([True, True]), steps, steps @ matrix)
        if not scale:  # a full memory keeps its first scale, a limited one takes the newest
            np.testing.assert_allclose(full.product(gradient), limited.product(gradient), rtol=1e-9)
    changes = limited.changes[:, 4]
    for memory in (full, limited):  # the secant equation H y = s of the last step
        np.testing.assert_allclose(memory.product(changes), limited.steps[:, 4], rtol=1e-9)


def test_a_memory_of_a_similar_function_saves_evaluations():
    function, minima = valleys()
    first = descend(function, np.zeros_like(minima), below(1e-8), most=500)
    away = minima + 0.1
    cold = descend(function, away, below(1e-8), most=500)
    warm = descend(function, away, below(1e-8), most=500, memory=first.memory)
    assert warm.done.all() and 2 * warm.evaluations.sum() < cold.evaluations.sum()


def test_each_of_many_rows_ends_as_it_would_alone():
    function, minima = valleys(count=40, size=12)
    starts, calls = np.random.default_rng(3).normal(size=minima.shape), []

    def aim(rows, *_):
        calls.append(len(rows))
        return np.full(len(rows), 1e-6)

    together = descend(function, starts, aim, most=500)
    assert together.done.all() and (np.linalg.norm(together.gradients, axis=1) <= 1e-6).all()
    values, gradients = function(np.arange(40), together.thetas)
    np.testing.assert_array_equal(together.gradients, gradients)
    np.testing.assert_array_equal(together.values, values)
    alone = [descend(lambda rows, points, r=r: function(rows + r, points), starts[[r]], below(1e-6), most=500) for r in range(40)]
    waited = together.evaluations - [end.evaluations[0] for end in alone]
    assert waited.min() == 0 and 0 < waited.max() < RECHECKED
    np.testing.assert_allclose([end.thetas[0] for end in alone], together.thetas, atol=1e-7)
    assert len(calls) < len({int(end.evaluations[0]) for end in alone})


def test_many_rows_keep_their_own_most_evaluations():
    function, minima = valleys(count=20)
    most = np.arange(2, 22)
    end = descend(function, np.zeros_like(minima), below(1e-12), most=most)
    np.testing.assert_array_equal(end.evaluations, most)
    assert not end.done.any()


def test_the_most_evaluations_are_kept_and_said():
    end = descend(rosenbrock, np.array([[-1.2, 1.0], [1.0, 1.0]]), below(1e-9), most=7)
    assert end.done.tolist() == [False, True] and end.evaluations.tolist() == [7, 1]


def test_no_angles_are_done_at_once():
    end = descend(lambda rows, points: (np.ones(len(rows)), points), np.zeros((2, 0)), below(0.0), most=5)
    assert end.done.all()


def test_known_values_of_the_starts_are_not_computed_again():
    starts, asked = np.array([[-1.2, 1.0], [2.0, 2.0]]), []

    def counted(rows, points):
        asked.append(points)
        return rosenbrock(rows, points)

    at_starts = rosenbrock(np.arange(2), starts)
    fresh, end = (descend(counted, starts, below(1e-9), most=400, known=each) for each in (None, at_starts))
    np.testing.assert_array_equal(end.thetas, fresh.thetas)
    np.testing.assert_array_equal(end.evaluations, fresh.evaluations)
    assert len(asked) == 2 * max(end.evaluations) - 1


def test_inverse_hessians_take_absolute_curvatures_where_a_function_is_not_convex():
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=(2, 3, 3)))[0]
    curvatures = np.array([[0.5, 1.0, 4.0], [-2.0, 1e-6, 1.0]])
    hessians = (axes * curvatures[:, None]) @ axes.swapaxes(1, 2)
    found, convex, *_ = inverses(hessians, np.array([0.1, 0.1]))
    wanted = (axes / np.array([[0.5, 1.0, 4.0], [2.0, 0.1, 1.0]])[:, None]) @ axes.swapaxes(1, 2)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)
    assert convex.tolist() == [True, False]
    assert not inverses(shifted(hessians, -0.45), np.array([0.1, 0.1])).convex.any()
    soft = inverses(hessians, np.array([0.1, 0.1]), softening=0.3)
    wanted = (axes / np.array([[0.5, 1.0, 4.0], [1.7, 0.4, 1.3]])[:, None]) @ axes.swapaxes(1, 2)
    np.testing.assert_allclose(soft.matrices, wanted, rtol=0, atol=1e-12)
    np.testing.assert_allclose(soft.values, np.sort(curvatures[1:]), rtol=0, atol=1e-12)


def test_a_softened_memory_knows_the_hessians_with_that_curvature_added():
    hessians = np.array([np.diag([1e-6, 2.0, 5.0]), [[3.0, 1.0, 0.0], [1.0, 4.0, 0.5], [0.0, 0.5, 1e-3]]])
    memory = FullMemory(2, 3)
    memory.set(np.arange(2), np.linalg.inv(hessians))
    softer = memory.softened(0.01)
    np.testing.assert_allclose(np.linalg.inv(softer.inverse), hessians + 0.01 * np.eye(3), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(np.linalg.inv(memory.inverse), hessians, rtol=1e-6, atol=1e-9)
    limited = LimitedMemory(2, 3)
    assert limited.softened(0.01) is limited


@pytest.mark.parametrize("memory", [FullMemory, LimitedMemory])
def test_steps_are_added_to_the_rows_of_a_mask_alone(memory):
    rng = np.random.default_rng(4)
    masked, one_by_one = memory(3, 5), memory(3, 5)
    matrices = np.array([np.diag(rng.uniform(0.5, 3.0, 5)) for _ in range(3)])
    for rows in ([True, True, True], [True, False, True], [False, False, True], [False, False, False]):
        steps = rng.normal(size=(3, 5))
        changes = np.einsum("rpq,rq->rp", matrices, steps)
        changes[np.logical_not(rows)] = 1e9
        masked.add(np.array(rows), steps, changes)
        for row in np.flatnonzero(rows):
            one_by_one.add_to(int(row), steps[row], changes[row])
    gradient = rng.normal(size=(3, 5))
    np.testing.assert_allclose(masked.product(gradient), one_by_one.product(gradient), rtol=1e-12)


@pytest.mark.parametrize("steps", range(2 * UPDATES + 1))
def test_updates_that_are_not_written_yet_count(steps):
    rng, size = np.random.default_rng(5), 6
    memory, one_by_one = FullMemory(4, size), FullMemory(4, size)
    matrices = np.array([np.diag(rng.uniform(0.5, 3.0, size)) for _ in range(4)])
    gradient = rng.normal(size=(4, size))
    for number in range(steps):
        step, rows = rng.normal(size=(4, size)), np.arange(4) != number % 3
        change = np.einsum("rpq,rq->rp", matrices, step)
        newton = memory.advance(rows, step, change, gradient, memory.product(gradient - change))
        for row in np.flatnonzero(rows):
            one_by_one.add_to(int(row), step[row], change[row])
        np.testing.assert_allclose(newton, one_by_one.product(gradient), rtol=1e-9, atol=1e-12)
    expected, order, place = one_by_one.inverse, np.array([2, 0, 3]), np.array([1, 2, 4])
    part, other = memory.kept(order), FullMemory(5, size)
    other.put(place, memory, order)
    for each in (part.product(gradient[order]), other.product(gradient[[0, 2, 0, 1, 3]])[place]):
        np.testing.assert_allclose(each, one_by_one.product(gradient)[order], rtol=1e-9, atol=1e-12)
    part.forget(np.array([1]))
    assert not part.product(gradient[order])[1].any()
    for each in (part.inverse[[0, 2]], other.inverse[place[[0, 2]]], memory.inverse[order[[0, 2]]]):
        np.testing.assert_allclose(each, expected[order[[0, 2]]], rtol=1e-9, atol=1e-12)
