"""A batch whose states are worked out together against single calls."""

import numpy as np
import pytest

import qep_qiskit as qep


def batch(count: int) -> list[qep.Problem]:
    network = qep.ising(sites=4, edges="ring", inputs=[0, 1], outputs=[2, 3])
    rng = np.random.default_rng(0)
    weights = network.initial_weights(1)
    squared = [qep.SquaredError([0.5, -0.5]), qep.SquaredError([1.0, 0.0])]
    costs = [*squared, squared[0].observable()] * count
    return [qep.Problem(network, weights, x=rng.uniform(-1, 1, 2), cost=cost) for cost in costs[:count]]


@pytest.mark.parametrize("stencil", [qep.symmetric(0.2), qep.one_sided(0.1)], ids=["symmetric", "one-sided"])
def test_a_batch_of_mixed_costs_is_its_samples_alone(stencil):
    problems = batch(7)
    options = {"preparer": qep.Adiabatic(time=5, steps=20), "stencil": stencil}
    for problem, gradient in zip(problems, qep.gradients(problems, **options), strict=True):
        alone = qep.gradient(problem, **options)
        np.testing.assert_allclose(gradient.values, alone.values, atol=1e-11)
        assert gradient.loss == pytest.approx(alone.loss, abs=1e-12)
        for ours, theirs in zip(gradient.diagnostics["phases"], alone.diagnostics["phases"], strict=True):
            assert ours["energy"] == pytest.approx(theirs["energy"], abs=1e-11)


def test_error_bars_of_a_batch_are_those_of_single_calls():
    problems = batch(6)
    options = {"preparer": qep.Adiabatic(time=5, steps=20), "device": qep.simulator(seed=3), "shots": 200_000}
    for number, (problem, gradient) in enumerate(zip(problems, qep.gradients(problems, **options), strict=True)):
        alone = qep.gradient(problem, seed=number, **options)
        np.testing.assert_allclose(gradient.stderr, alone.stderr, rtol=0.03)
        assert (np.abs(gradient.values - alone.values) < 5 * np.hypot(gradient.stderr, alone.stderr)).all()


def test_a_batch_names_the_sample_that_is_invalid():
    with pytest.raises(qep.InputError, match="problem: 3"):
        qep.gradients([*batch(2), 3], preparer=qep.Adiabatic())
