"""Gradients that start from a nearby one: the same answer, sooner."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.errors import InputError


def problem(sites=9, shift=0.0, x=(0.5,)):
    network = qep.ising(sites=sites, edges="ring", inputs=[0], outputs=[sites - 1])
    rng = np.random.default_rng(3)
    weights = rng.normal(size=len(network.names)) + shift * rng.normal(size=len(network.names))
    weights[-sites:] = np.abs(weights[-sites:]) + 0.5
    return qep.Problem(network, weights, x=list(x), cost=qep.SquaredError([1.0]))


def test_exact_states_do_not_depend_on_the_start():
    before = qep.gradient(problem(11))
    here = problem(11, shift=1e-3)
    cold, warm = qep.gradient(here), qep.gradient(here, warm_start=before)
    np.testing.assert_allclose(warm.values, cold.values, atol=1e-7)
    np.testing.assert_allclose(warm.loss, cold.loss, atol=1e-9)


def test_a_variational_search_follows_its_minimum():
    vqe = qep.VQE(ansatz="hamiltonian", layers=2, starts=1)
    before = qep.gradient(problem(4), preparer=vqe, seed=4)
    here = problem(4, shift=1e-2)
    warm = qep.gradient(here, preparer=vqe, warm_start=before, seed=4)
    assert max(phase["gradient_error"] for phase in warm.diagnostics["phases"]) <= vqe.tolerance
    assert np.linalg.norm(warm.free.angles[0] - before.free.angles[0]) < 0.5
    assert not np.array_equal(warm.free.angles[0], before.free.angles[0])


def test_angles_of_another_ansatz_are_refused_as_a_warm_start():
    before = qep.gradient(problem(4), preparer=qep.VQE(layers=1, starts=1))
    warm = qep.gradient(problem(4), preparer=qep.VQE(layers=2, starts=1), warm_start=before, seed=1)
    cold = qep.gradient(problem(4), preparer=qep.VQE(layers=2, starts=1), seed=1)
    np.testing.assert_array_equal(warm.values, cold.values)


def test_a_batch_starts_from_near_samples_only(monkeypatch):
    xs = (0.5, 0.52, -4.0, -4.1)
    problems = [problem(5, x=(x,)) for x in xs]
    starts = []
    prepare = qep.Exact.prepare

    def noted(self, family, *, free=None, warm_start=None, **options):
        if free is None:  # a free phase; the nudged ones start from it
            starts.append(warm_start)
        return prepare(self, family, free=free, warm_start=warm_start, **options)

    monkeypatch.setattr(qep.Exact, "prepare", noted)
    gradients = qep.gradients(problems)
    assert [start is None for start in starts] == [True, False, True, False]
    for gradient, alone in zip(gradients, problems, strict=True):
        np.testing.assert_allclose(gradient.values, qep.gradient(alone).values, atol=1e-8)
    again = qep.gradients(problems, warm_start=gradients)
    assert all(start is gradient.free for start, gradient in zip(starts[-4:], gradients, strict=True))
    for one, other in zip(gradients, again, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-8)


def test_near_is_the_older_name():
    before, here = qep.gradient(problem(4)), problem(4, shift=1e-3)
    assert qep.gradient(here, near=before) == qep.gradient(here, warm_start=before)
    assert qep.gradients([here], near=[before]) == qep.gradients([here], warm_start=[before])
    with pytest.raises(InputError, match="warm_start: 3 is not allowed"):
        qep.gradient(here, near=3)


def test_bad_input_is_refused():
    gradient = qep.gradient(problem(4))
    with pytest.raises(InputError, match="warm_start: that gradient has 12 weights"):
        qep.gradient(problem(5), warm_start=gradient)
    with pytest.raises(InputError, match="warm_start: 3 is not allowed"):
        qep.gradient(problem(4), warm_start=3)
    with pytest.raises(InputError, match="warm_start: 1 gradients for 2 problems"):
        qep.gradients([problem(4), problem(4)], warm_start=[gradient])
