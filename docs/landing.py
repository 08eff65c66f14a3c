"""The picture of the landing page, drawn again: ``python docs/landing.py``."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

import qep_qiskit as qep

DOCS = Path(__file__).resolve().parent


def main() -> None:
    """Draw the error budget of the ten-minute start."""
    network = qep.ising(sites=4, edges="chain", inputs=[0, 1], outputs=[3])
    problem = qep.Problem(network, network.initial_weights(seed=7), x=[0.5, -0.5], cost=qep.SquaredError([1.0]))
    budget = qep.compare(
        problem,
        preparer=qep.VQE(layers=2),
        stencil=qep.symmetric(0.2),
        device=qep.simulator(noise="fake_guadalupe"),
        shots=100_000,
        mitigation="tensored",
    )
    figure, axes = plt.subplots(figsize=(5.8, 3.6), layout="constrained")
    budget.plot(axes)
    figure.savefig(DOCS / "landing.png", dpi=200)


if __name__ == "__main__":
    main()
