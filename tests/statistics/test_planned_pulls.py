"""Are the error bars true at every tenth step of a training that plans its own shots?"""

from dataclasses import replace

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.rounds import run
from qep_qiskit.settings import Settings
from qep_qiskit.training import PlannedShots
from qep_qiskit.training.loop.sources import mean_of
from qep_qiskit.training.rules.step_plan import Seen

X, SIGNS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]), np.array([-1.0, 1.0, 1.0, -1.0])
EDGES = [(i, j) for i in range(5) for j in range(max(i + 1, 2), 5)]
NETWORK = qep.ising(sites=5, edges=EDGES, inputs=[0, 1], outputs=[4], clamp=True)
SEEDS, EVERY, STEPS, TRAININGS = 60, 10, 40, 4
LOW, HIGH = 0.7, 1.35
"""Limits of (mean square of the deviations)/(mean square of the bars). Bars at 0.8 of their length give 1.56, at 1.3 0.59."""


def repeated(rule, weights, memory, batch, seeds):
    """Repeat the step after `memory`; return the values and the variances by the bars, each of shape (seeds, K)."""
    problems = [qep.Problem(NETWORK, weights, x=x, cost=qep.SquaredError([y])) for x, y in zip(X, SIGNS, strict=True)]
    problems, plan = [problems[i] for i in batch], rule.planned(2, 0.1, batch, memory)
    values, variances = [], []
    for seed in seeds:
        settings = Settings(stencil=qep.symmetric(plan.beta), shots=plan.shots, seed=seed)
        gradients = [reduce(*each) for each in run(problems, settings, splits=plan.splits, sparing=True)]
        mean = mean_of(gradients)
        after = rule.update(mean.values, mean.covariance, plan.shots, 0.1, memory)[1]
        noise = [g.noise for g in gradients]
        seen = Seen(mean.values, mean.covariance, noise, batch, plan, 2, mean.saturation, 0.1, mean.loss, mean.loss_stderr)
        values.append(mean.values)
        variances.append(rule.bars(rule.learned(seen, after)))
    return np.array(values), np.array(variances)


@pytest.mark.slow
def test_every_tenth_step():
    """The bars are right with two shots per circuit, and would fail at 0.8 or 1.3 of their lengths."""
    rule = PlannedShots()
    scatter, bars = np.zeros((2, STEPS // EVERY))
    for training in range(TRAININGS):
        stops = []

        def watch(step, stops=stops):
            if step.state.step % EVERY == 0:
                stops.append(replace(step.state))

        options = {"learning_rate": 0.1, "epochs": STEPS, "batch_size": 4, "bounds": {"g": (0.5, 2.0)}, "compare_every": 0}
        qep.train(NETWORK, X, SIGNS, shots=2, optimizer=rule, seed=training, on_step=watch, **options)
        for number, state in enumerate(stops):
            values, variances = repeated(rule, state.weights, state.memory, np.arange(4), range(SEEDS))
            scatter[number] += values.var(axis=0, ddof=1).sum()
            bars[number] += variances.mean(axis=0).sum()
    ratios = scatter / bars
    assert (ratios > LOW).all() and (ratios < HIGH).all(), ratios
    assert (ratios / 0.8**2 > HIGH).all() and (ratios / 1.3**2 < LOW).any()
