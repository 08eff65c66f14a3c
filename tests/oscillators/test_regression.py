"""Linear maps from forces to positions, learnt in closed form and on qubits from shots."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import qep_qiskit as qep

EXAMPLE = Path(__file__).parents[2] / "examples" / "oscillator_regression.py"
OPTIONS = {"optimizer": "adam", "bounds": {"k": (0.01, 4.0), "a": (0.05, 4.0)}, "seed": 1}


def answers(network: qep.Network, weights, X) -> np.ndarray:
    cost = qep.SquaredError(np.zeros(network.num_outputs))
    return np.array([qep.exact_gradient(qep.Problem(network, weights, x, cost=cost)).predictions for x in X])


def test_six_oscillators_learn_a_linear_map_exactly() -> None:
    network = qep.oscillators(sites=6, edges="complete", inputs=[0, 1], outputs=[4, 5])
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    targets = answers(network, network.initial_weights(seed=11), X)
    result = qep.train(network, X, targets, gradient="exact", learning_rate=0.04, epochs=120, batch_size=3, **OPTIONS)
    first = answers(network, network.initial_weights(seed=1), X)
    assert np.mean((first - targets) ** 2) > 1e-4
    assert np.mean((answers(network, result.weights, X) - targets) ** 2) < 1e-6


def test_two_on_qubits_learn_from_shots_to_the_noise_floor() -> None:
    network = qep.oscillators(sites=2, inputs=[0], outputs=[1], levels=4, encoding="gray")
    closed = qep.oscillators(sites=2, inputs=[0], outputs=[1])
    X = np.array([[2.0], [-3.0]])
    targets = answers(closed, [0.8, 0.8, 0.8], X)
    measured = {
        "preparer": qep.Exact(),
        "stencil": qep.symmetric(1.0),
        "device": qep.simulator(seed=1),
        "shots": 1000,
    }
    result = qep.train(network, X, targets, learning_rate=0.05, schedule="cosine", epochs=80, batch_size=2, **measured, **OPTIONS)
    first = answers(closed, network.initial_weights(seed=1), X)
    problems = [qep.Problem(network, result.weights, x, cost=qep.SquaredError(y)) for x, y in zip(X, targets, strict=True)]
    floor = np.mean([g.predictions_stderr**2 for g in qep.gradients(problems, **measured)])  # type: ignore[operator]
    error = np.mean((answers(closed, result.weights, X) - targets) ** 2)
    assert np.mean((first - targets) ** 2) > 50 * floor
    assert error < floor


@pytest.mark.slow
def test_the_example_reaches_its_numbers() -> None:
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True)
    exact, of_shots, alone = done.stdout.splitlines()
    assert float(re.search(r"error (\S+) of", exact)[1]) <= 1e-6  # type: ignore[index]
    error, floor = float(re.search(r"error (\S+) of", of_shots)[1]), float(alone.split()[-1])  # type: ignore[index]
    assert error < floor < 1e-3
