"""Antiferromagnetic order from shots (Q. Wang et al., 2026): Ω and Δ of five atoms trained to ⟨AFM²⟩ = 1.

From (Ω, Δ) = (0.5, 1.5), where ⟨AFM²⟩ is 0.672, with β = 0.1 and steps of 0.01 times the gradient from 100 shots per circuit.
Then with a noise-aware rule, which sets the shots of each step from the gradient's own error bar.

Printed is the exact order of the trained states from this one start, its mean and standard deviation over seeds of the shots.
`literature/antiferromagnet.py` has the published quantity: the measured order, its mean and standard error over ten starts.

    python examples/antiferromagnet_training.py [SEEDS [STEPS]]
"""

import sys

import numpy as np
from antiferromagnet import network

import qep_qiskit as qep
from qep_qiskit.training import AdaptiveShots

START = {"Omega": 0.5, "Delta": 1.5}
CURVATURE = 3.0
"""A bound of the loss's second derivative, which is 2.75 at the start and falls from there (differences of exact gradients)."""
TARGET, EVERY = 0.95, 10


def order(weights):
    problem = qep.Problem(network, np.asarray(weights), cost=qep.SquaredError([1.0]))
    return float(qep.exact_gradient(problem).predictions[0])


def trained(optimizer, steps, seed):
    """Return the final order, the shots spent, and the shots spent when the order first reached the target."""
    reached = []

    def watch(step):
        if not reached and step.state.step % EVERY == 0 and order(step.state.weights) >= TARGET:
            reached.append(step.state.shots)

    result = qep.train(
        network,
        Y=[1.0],
        weights=START,
        stencil=qep.symmetric(0.1),
        device="statevector",
        shots=100,
        optimizer=optimizer,
        learning_rate=0.01,
        epochs=steps,
        batch_size=1,
        seed=seed,
        on_step=watch,
    )
    return order(result.weights), result.shots, reached[0] if reached else np.nan


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:3]]
    seeds, steps = arguments + [10, 500][len(arguments) :]
    rules = {"100 shots per circuit": "sgd", "noise-aware shots": AdaptiveShots(lipschitz=CURVATURE, minimum=10, maximum=100)}
    for title, rule in rules.items():
        results = np.array([trained(rule, steps, seed) for seed in range(seeds)])
        mean, spread = results.mean(axis=0), results.std(axis=0, ddof=min(1, seeds - 1))
        print(f"{title}: order {mean[0]:.4f} ± {spread[0]:.4f} after {mean[1]:,.0f} shots", flush=True)
        print(f"  {TARGET} first reached after {mean[2]:,.0f} ± {spread[2]:,.0f} shots")
