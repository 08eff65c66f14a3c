"""Update rules against their formulas, written out by hand."""

from itertools import pairwise

import numpy as np
import pytest

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import SCHEDULES
from qep_qiskit.training import SGD, Adam, Adamax, AdaptiveShots, Momentum, PlannedShots
from qep_qiskit.training.rules.optimizers import optimizer_of
from qep_qiskit.training.rules.schedules import schedule_of

GRADIENTS = np.random.default_rng(1).normal(size=(6, 4))


def walked(rule, gradients=GRADIENTS, rate=0.1, covariance=None, shots=None):
    weights, memory = np.zeros(gradients.shape[1]), rule.start(gradients.shape[1])
    for gradient in gradients:
        change, memory = rule.update(gradient, covariance, shots, rate, memory)
        weights = weights + change
    return weights, memory


def test_plain_descent():
    np.testing.assert_allclose(walked(SGD())[0], -0.1 * GRADIENTS.sum(axis=0))
    lengths = np.linalg.norm(GRADIENTS, axis=1, keepdims=True)
    np.testing.assert_allclose(walked(SGD(normalized=True))[0], -0.1 * (GRADIENTS / lengths).sum(axis=0))
    assert not walked(SGD(normalized=True), np.zeros((1, 3)))[0].any()


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_a_geometric_sum(nesterov):
    def velocity(t):
        return sum(0.8 ** (t - s) * GRADIENTS[s] for s in range(t + 1))

    steps = [GRADIENTS[t] + 0.8 * velocity(t) if nesterov else velocity(t) for t in range(6)]
    np.testing.assert_allclose(walked(Momentum(decay=0.8, nesterov=nesterov))[0], -0.1 * np.sum(steps, axis=0))


def test_adam_is_the_ratio_of_bias_free_averages():
    steps = []
    for t in range(6):
        first = np.array([0.9 ** (t - s) for s in range(t + 1)])
        second = np.array([0.999 ** (t - s) for s in range(t + 1)])
        mean = first @ GRADIENTS[: t + 1] / first.sum()
        square = second @ GRADIENTS[: t + 1] ** 2 / second.sum()
        steps.append(mean / (np.sqrt(square) + 1e-8))
    np.testing.assert_allclose(walked(Adam())[0], -0.1 * np.sum(steps, axis=0), rtol=1e-9)


def test_adamax_divides_by_the_largest_of_the_decayed_gradients():
    steps = []
    for t in range(6):
        first = np.array([0.9 ** (t - s) for s in range(t + 1)])
        largest = np.max([0.999 ** (t - s) * (np.abs(GRADIENTS[s]) + 1e-8) for s in range(t + 1)], axis=0)
        steps.append(first @ GRADIENTS[: t + 1] / first.sum() / largest)
    np.testing.assert_allclose(walked(Adamax())[0], -0.1 * np.sum(steps, axis=0), rtol=1e-9)
    assert not walked(Adamax(), np.zeros((2, 3)))[0].any()


@pytest.mark.parametrize(("lipschitz", "reach"), [(None, 1.0), (4.0, 0.4)])
def test_adaptive_shots_ask_for_the_largest_gain_a_shot(lipschitz, reach):
    rule = AdaptiveShots(lipschitz=lipschitz, smoothing=0.0, minimum=2)
    gradient, covariance = np.array([0.3, -0.1]), np.diag([2e-3, 1e-3])
    change, memory = rule.update(gradient, covariance, 200, 0.1, rule.start(2))
    np.testing.assert_allclose(change, -0.1 * gradient)
    shots = rule.shots(50, memory)
    variance = 200 * 3e-3
    candidates = np.arange(1, 2000)
    curvature = reach / 0.1
    gain = (0.1 - curvature * 0.01 / 2) * 0.1 - curvature * 0.01 * variance / (2 * candidates)
    assert abs(shots - candidates[np.argmax(gain / candidates)]) <= 1


def test_adaptive_shots_grow_as_the_gradient_shrinks_and_keep_their_limits():
    rule = AdaptiveShots(smoothing=0.5, minimum=20, maximum=5000)
    memory = rule.start(2)
    assert rule.shots(77, memory) == 77
    shots = []
    for size in (10.0, 0.1, 0.05, 0.03, 1e-6):
        for _ in range(20):
            _, memory = rule.update(size * np.ones(2), np.eye(2) / 100, 100, 0.1, memory)
        shots.append(rule.shots(77, memory))
    assert shots[0] == 20 and shots[-1] == 5000 and shots == sorted(shots) and len(set(shots)) > 3


@pytest.mark.parametrize(("gradient", "covariance"), [(0.0, 0.0), (0.0, 1e-4), (1e-9, 1.0), (0.0, 1e6)])
def test_adaptive_shots_stay_within_bounds_of_the_users_own_number(gradient, covariance):
    """Whatever the signal, zero included: at most 20 times the shots that were given, unless a maximum says otherwise."""
    rule = AdaptiveShots()
    memory, shots = rule.start(3), 200
    for _ in range(30):
        _, memory = rule.update(np.full(3, gradient), covariance * np.eye(3), shots, 0.1, memory)
        shots = rule.shots(200, memory)
        assert 10 <= shots <= 20 * 200
    wide = AdaptiveShots(maximum=10**6)
    assert wide.shots(200, wide.update(np.zeros(3), 1e3 * np.eye(3), 200, 0.1, wide.start(3))[1]) == 10**6


def test_without_signal_and_noise_the_shots_stay_as_they_are():
    rule = AdaptiveShots()
    _, memory = rule.update(np.zeros(2), np.zeros((2, 2)), 321, 0.1, rule.start(2))
    assert rule.shots(200, memory) == 321


def test_a_run_from_before_the_default_maximum_was_relative_is_the_same_training():
    before = {"name": "adaptive_shots", "lipschitz": None, "smoothing": 0.9, "minimum": 10, "maximum": 1_000_000}
    description = AdaptiveShots().describe()
    assert all(description[key] == before[key] for key in before.keys() & description.keys())
    assert AdaptiveShots(maximum=50).describe()["maximum"] == 50


def test_the_published_bias_keeps_a_vanishing_gradient_finite():
    """s = 2Lη/(2 − Lη) · V/(|g|² + b μᵏ), with Lη = 1 where L is not given."""
    rule = AdaptiveShots(smoothing=0.0, bias=1e-2, bias_decay=0.5, maximum=10**9)
    memory = rule.start(1)
    for step in range(4):
        _, memory = rule.update(np.zeros(1), np.array([[1e-4]]), 100, 0.1, memory)
        assert rule.shots(100, memory) == max(np.ceil(2 * 1e-2 / (1e-2 * 0.5**step)), 10)


def test_schedules_begin_at_one_and_do_not_rise():
    for name in SCHEDULES:
        schedule = SCHEDULES[name]
        factors = [schedule(step, 40) for step in range(40)]
        assert factors[0] == 1.0 and all(a >= b > 0 for a, b in pairwise(factors)), name
    assert [SCHEDULES["halving"](step, 8) for step in range(8)] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
    assert schedule_of(lambda step, total: 0.5)(3, 9) == 0.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: optimizer_of("adm"),
            "optimizer: .adm. is not allowed; give one of .sgd., .momentum., .adam., .*.planned_shots.; did you mean 'adam'",
        ),
        (lambda: optimizer_of(Adam), "optimizer: .* is not allowed"),
        (lambda: Adam(beta1=1.0), "adam: beta1 is 1.0"),
        (lambda: Momentum(decay=-0.1), "momentum: decay is -0.1"),
        (lambda: AdaptiveShots(base=AdaptiveShots()), "adaptive_shots: base: .* give a rule that does not choose shots"),
        (lambda: AdaptiveShots(base=PlannedShots()), "adaptive_shots: base"),
        (lambda: PlannedShots(base=AdaptiveShots()), "planned_shots: base"),
        (lambda: SGD(normalized="no"), "sgd: normalized: 'no' is not allowed; give True or False"),
        (lambda: Momentum(nesterov=3), "momentum: nesterov: 3 is not allowed; give True or False"),
        (lambda: Adam(beta1="0.9"), "adam: beta1: '0.9' is not allowed; give a finite number"),
        (lambda: AdaptiveShots(minimum=10, maximum=5), "adaptive_shots: minimum 10 and maximum 5"),
        (lambda: AdaptiveShots(bias=0.0), "adaptive_shots: bias: 0.0 is not allowed; give a finite number above 0"),
        (lambda: AdaptiveShots(bias_decay=1.0), "adaptive_shots: bias_decay is 1.0"),
        (lambda: walked(AdaptiveShots()), "adaptive_shots needs the gradient's error bar"),
        (lambda: schedule_of("cosin"), "schedule: 'cosin' is not allowed; .* did you mean 'cosine'"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
