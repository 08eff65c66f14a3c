"""XOR learnt by two classical networks through EP: spins in a transverse field, and coupled phase oscillators.

Five sites and one output, all joined but the two inputs, which are held at ±1 (phase 0 or π). `python examples/xor_classical.py`
trains six seeds of each in a few minutes; `--seeds 1` one.
"""

import argparse

import numpy as np

import qep_qiskit as qep

X = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
Y = 0.7 * np.array([[-1.0], [1.0], [1.0], [-1.0]])
SITES = 6
EDGES = [[i, j] for j in range(2, SITES) for i in range(j) if [i, j] != [0, 1]]
NETWORKS = {"mean-field Ising": qep.ising, "phase oscillators": qep.phase_oscillators}


def solve(kind, seed, epochs=250):
    """Return the predictions of the four inputs and the mean squared error."""
    network = NETWORKS[kind](sites=SITES, edges=EDGES, inputs=[0, 1], outputs=[SITES - 1], clamp=True)
    trained = qep.train(
        network,
        X,
        Y,
        preparer=qep.MeanField(),
        stencil=qep.symmetric(0.02),
        learning_rate=0.05,
        epochs=epochs,
        batch_size=len(X),
        seed=seed,
    )
    predictions = trained.predict(X)
    return predictions[:, 0], float(np.mean((predictions - Y) ** 2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    for kind in NETWORKS:
        for seed in range(parser.parse_args().seeds):
            answers, error = solve(kind, seed)
            verdict = "solved" if np.all(answers * Y[:, 0] > 0) and error < 0.01 else "not solved"
            print(f"{kind:18} seed {seed}: {answers.round(3)}  mean squared error {error:.1e}  {verdict}")
