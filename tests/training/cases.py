"""Trainings of every kind that a checkpoint must carry; as a program: cases.py CASE FOLDER [EPOCHS]."""

import sys

import numpy as np

import qep_qiskit as qep

rng = np.random.default_rng(3)
X, Y = rng.normal(size=(6, 2)), np.sign(rng.normal(size=6))
HELD_OUT = (rng.normal(size=(4, 2)), np.array([1.0, -1.0, 1.0, -1.0]))


def network(hidden):
    sites = 3 + hidden
    edges = [(i, j) for i in range(sites) for j in range(max(i + 1, 2), sites)]
    return qep.ising(sites=sites, edges=edges, inputs=[0, 1], outputs=[sites - 1], clamp=True)


def case(hidden, **options):
    def run(folder, **extra):
        settings = {"epochs": 2, "batch_size": 3, "learning_rate": 0.1, "seed": 1, **options, **extra}
        return qep.train(network(hidden), X, Y, run=folder, **settings)

    return run


CASES = {
    "exact": case(2, validation=HELD_OUT),
    "warm": case(7, optimizer="momentum"),
    "limit": case(1, gradient="exact", schedule="cosine", early_stopping=1),
    "shots": case(1, shots=100, optimizer="adaptive_shots", validation=HELD_OUT, compare_every=2),
    "planned": case(1, shots=20, optimizer="planned_shots", device=qep.simulator(), mitigation="tensored"),
    "vqe": case(1, preparer=qep.VQE(layers=1, starts=1), stencil=qep.one_sided(0.2), shots=50),
    "noise": case(1, device=qep.simulator(noise="fake_guadalupe"), shots=64, mitigation="tensored", stencil=qep.symmetric(0.5)),
}

if __name__ == "__main__":
    extra = {"epochs": int(sys.argv[3])} if len(sys.argv) > 3 else {}
    CASES[sys.argv[1]](sys.argv[2], **extra)
