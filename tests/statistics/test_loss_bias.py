"""The bias that shot noise adds to a curved loss: stated, in the error bar, and taken away by `unbiased_loss`."""

from __future__ import annotations

import numpy as np
import pytest
from readout_device import ReadoutErrorDevice

import qep_qiskit as qep
from qep_qiskit.costs import softmax_cross_entropy
from qep_qiskit.equilibrium.loss import measured_loss
from qep_qiskit.equilibrium.prediction import answers
from qep_qiskit.settings import Settings
from qep_qiskit.training.loop.sources import mean_of

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[1, 2])
WEIGHTS = NETWORK.initial_weights(seed=5)
FREE = qep.Problem(NETWORK, WEIGHTS, x=[0.4], cost=qep.SquaredError([0.0, 0.0]))
PREDICTIONS = qep.gradient(FREE).predictions
STENCIL = qep.symmetric(0.3)


def problem(cost) -> qep.Problem:
    return qep.Problem(NETWORK, WEIGHTS, x=[0.4], cost=cost)


CASES = {
    "at its target": (qep.SquaredError(PREDICTIONS), 200, "none"),
    "off its target": (qep.SquaredError(np.add(PREDICTIONS, [0.1, -0.05])), 200, "none"),
    "tensored": (qep.SquaredError(np.add(PREDICTIONS, [0.0, 0.05])), 150, "tensored"),
    "cross entropy": (softmax_cross_entropy(0, scale=3.0), 400, "none"),
    "quartic": (
        qep.ExpectationCost(lambda v: float(np.sum(v**2) ** 2), lambda v: 4 * np.sum(v**2) * v),
        400,
        "none",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_bias_is_the_deviation_of_the_mean_of_many_runs(case):
    cost, shots, mitigation = CASES[case]
    device = ReadoutErrorDevice(((0.03, 0.05),) * 3) if mitigation != "none" else qep.statevector()
    options = {"device": device, "shots": shots, "mitigation": mitigation, "stencil": STENCIL}
    runs = [answers([problem(cost)], Settings(**options, seed=s))[0] for s in range(400)]
    loss, bias, bar = (np.array([getattr(a, name) for a in runs]) for name in ("loss", "loss_bias", "loss_stderr"))
    truth = cost.value(PREDICTIONS)
    error = loss.std(ddof=1) / np.sqrt(len(loss))
    assert abs(np.mean(loss - bias) - truth) < 4 * error
    assert np.mean(loss) - truth == pytest.approx(bias.mean(), abs=4 * error)
    # the bar holds the bias, even if the slope vanishes by chance, and is not a wild guess
    assert 0.85 < np.sqrt(np.mean(bar**2)) / np.sqrt(np.mean((loss - truth) ** 2)) < 1.5
    assert (np.abs(loss - truth) > 3 * bar).mean() <= 0.02 and bar.min() > 0
    grad = qep.gradient(problem(cost), seed=3, **{**options, "stencil": qep.symmetric(0.1)})
    assert grad.loss == pytest.approx(cost.value(grad.predictions))
    assert grad.unbiased_loss == grad.loss - grad.loss_bias and grad.to_dict()["loss_bias"] == grad.loss_bias


def test_at_its_target_a_squared_error_is_too_high_by_the_summed_variances():
    grad = qep.gradient(problem(CASES["at its target"][0]), device=qep.statevector(), shots=200, stencil=STENCIL, seed=1)
    assert grad.loss_bias == pytest.approx(np.sum(grad.predictions_stderr**2))
    assert 0 < grad.loss_bias < 4 / 200 * 2


def test_a_linear_cost_and_exact_expectations_have_no_bias():
    observable = problem(qep.SquaredError(PREDICTIONS).observable())
    linear = qep.gradient(observable, device=qep.statevector(), shots=100, stencil=STENCIL)
    assert linear.loss_bias == 0.0 and linear.unbiased_loss == linear.loss
    exact = qep.gradient(problem(qep.SquaredError(PREDICTIONS)), stencil=STENCIL)
    assert exact.loss_bias is None and exact.unbiased_loss == exact.loss
    assert measured_loss(qep.SquaredError([1.0]), np.array([0.5]), None).stderr is None


def test_a_kink_and_the_edge_of_the_domain_leave_finite_bars():
    sigma = np.array([[0.02**2]])
    kink = measured_loss(qep.ExpectationCost(lambda v: float(np.abs(v).sum()), np.sign), np.zeros(1), sigma)
    assert 0.01 < kink.bias < 0.03 and 0.01 < kink.stderr < 0.05  # E|δ| = 0.8 σ
    edge = qep.ExpectationCost(lambda v: float(np.log(v[0])) if v[0] > 0 else np.inf, lambda v: 1 / v, lambda v: -1 / v**2)
    at_edge = measured_loss(edge, np.array([0.01]), sigma)
    assert np.isfinite([at_edge.bias, at_edge.stderr]).all() and at_edge.stderr > 0


def test_the_bias_does_not_average_out_over_a_batch():
    """The bar of a mean over samples at their targets: without the bias it would be several times too short."""
    cost, shots = CASES["at its target"][:2]
    batch = [problem(cost)] * 25
    means = [mean_of(qep.gradients(batch, device=qep.statevector(), shots=shots, stencil=STENCIL, seed=s)) for s in range(12)]
    loss, bar = np.array([m.loss for m in means]), np.array([m.loss_stderr for m in means])
    assert abs(np.mean([m.loss - m.loss_bias for m in means])) < 4 * loss.std(ddof=1) / np.sqrt(len(loss))
    assert loss.mean() > 3 * loss.std(ddof=1) / np.sqrt(len(loss))  # the true loss is 0
    assert (loss < 3 * bar).all() and np.sqrt(np.mean(bar**2) / np.mean(loss**2)) == pytest.approx(1.0, abs=0.25)
