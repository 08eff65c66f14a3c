"""Kitaev sensor of Wanjura & Marquardt (2024): two qubits learn to tell the phases of a honeycomb of 8 × 2 spins.

H = Jx Σ XX + Jy Σ YY + Jz Σ ZZ on the bonds of each kind, Jx + Jy + Jz = 1. The sensor couples by X, Y and Z of each of its
two qubits to one bond of each kind, and has all terms of its own: 33 weights. Its first qubit answers: 0 in the three gapped
(Abelian) phases, 1 in the middle. Squared error, Adamax at 0.01, symmetric β = 0.05, 10 000 shots per circuit, batches of 6 (one
point in each gapped phase and three in the middle), the published first weights.

The published curve is not that of this model. The authors' public code replaces the honeycomb's terms by those of a cluster-Ising
ring before it returns the sensor. With the recorded weights the ring gives the recorded test results to six digits (single shot
.867043), the honeycomb does not (.424). `ring` runs the published model, `honeycomb` the one described.

The published initial couplings exceed the bound of 0.3 that is stated, and the recorded training was called without it; `bounded`
applies it.

    python examples/literature/kitaev_sensor.py [honeycomb|ring] [FOLDER [bounded]]

Every step is stored in FOLDER (default: kitaev_sensor_run), so that the training can be interrupted and resumed.
"""

import sys
import time
from pathlib import Path

import honeycomb
import numpy as np
from honeycomb import WIDTH

import qep_qiskit as qep
from qep_qiskit.seeds import stream
from qep_qiskit.verbs.predictions import predictions

SYSTEM, BATCHES, TESTED_EVERY = 2 * WIDTH, 800, 50
SENSORS = (SYSTEM, SYSTEM + 1)
PUBLISHED = {"best choice": 17 / 18, "single shot": 0.8670}
MIDDLE = [(.4, .4, .2), (.2, .4, .4), (.4, .2, .4), (.3, .3, .4), (.4, .3, .3), (.3, .4, .3), (.375, .375, .25),
          (.25, .375, .375), (.375, .25, .375)]  # fmt: skip
GAPPED = [(.1, .1, .8), (.1, .3, .6), (.3, .1, .6), (.7333, .1, .1), (.5340, .2993, .1), (.6, .1, .3), (.0340, .7993, .1),
          (.2333, .6, .1), (.1, .6, .3)]  # fmt: skip
START = [1.2490, .1470, .3443, -.7911, .3645, -.1496, .9243, .5733, -.7523, -.2425, .0365, 1.1123, -1.0512, .7150, .5118,
         .6981, -1.1044, .9441, -1.7818, .6132, .0929, -.3680, .3342, -.0551, -.6082, .8990, .3695, -.0524, -.4141, 1.9894,
         -3.8433, -.7571, -.0892]  # fmt: skip


def string(letters):
    return honeycomb.string(letters, SYSTEM + 2)


def honeycomb_bonds():
    """Return the bonds of each kind, as strings with coefficients."""
    return list(honeycomb.bonds(SYSTEM + 2).values())


def ring():
    """Return Σ ZXZ, −Σ ZZ and −Σ X of a ring of 16."""
    triples = [(j, (j + 1) % SYSTEM, (j + 2) % SYSTEM) for j in range(SYSTEM)]
    return [
        {string({i: "Z", j: "X", k: "Z"}): 1.0 for i, j, k in triples},
        {string({i: "Z", j: "Z"}): -1.0 for i, j, _ in triples},
        {string({i: "X"}): -1.0 for i, *_ in triples},
    ]


def sensor_terms():
    """Return the strings of the couplings and those of the sensor alone, by name."""
    alone = {f"{a}{k}": {s: a} for k, s in enumerate(SENSORS) for a in "XYZ"}
    both = {f"{a}0{b}1": {SENSORS[0]: a, SENSORS[1]: b} for a in "XYZ" for b in "XYZ"}
    bonds = {"ZZ": {0: "Z", WIDTH: "Z"}, "XX": {0: "X", 1: "X"}, "YY": {1: "Y", 2: "Y"}}
    coupled = {f"{bond}.{name}": {**sites, **sensor} for bond, sites in bonds.items() for name, sensor in alone.items()}
    return [{name: {string(letters): 1.0} for name, letters in some.items()} for some in (coupled, {**alone, **both})]


def sensor_network(system):
    coupled, local = sensor_terms()
    outputs = [{string({}): 0.5, string({SENSORS[0]: "Z"}): sign / 2} for sign in (1, -1)]
    return qep.pauli(terms={**coupled, **local}, inputs=system, outputs=outputs), list(coupled)


def batch(rng):
    """Return one point in each gapped phase and three in the middle, uniform in each triangle."""
    corners = np.eye(3)
    edges = (corners[[1, 2, 0]] + corners[[2, 0, 1]]) / 2
    triangles = [np.array([corners[k], *(edges[j] for j in range(3) if j != k)]) for k in range(3)] + 3 * [edges]
    return [rng.dirichlet([1, 1, 1]) @ triangle for triangle in triangles]


def points(seed):
    """Return the points and phases of all batches, listed so that the training's random order deals them batch by batch."""
    rng = stream(seed, "Kitaev points")
    X, Y = np.array([batch(rng) for _ in range(BATCHES)]).reshape(-1, 3), np.tile([0, 0, 0, 1, 1, 1], BATCHES)
    place = np.argsort(stream(seed, "batch", 0).permutation(len(X)))
    return X[place], Y[place]


def accuracies(network, weights, preparer):
    """Return best choice and single shot on the 18 published test points."""
    outputs, _ = predictions(network, weights, GAPPED + MIDDLE, preparer=preparer, progress="off")
    answers = np.repeat([0, 1], 9)
    return float(np.mean(outputs.argmax(axis=1) == answers)), float(np.mean(outputs[np.arange(18), answers]))


def main(lattice="honeycomb", folder="kitaev_sensor_run", limit=""):
    network, couplings = sensor_network({"honeycomb": honeycomb_bonds, "ring": ring}[lattice]())
    preparer = qep.Exact(tolerance=1e-6, gap=False)
    print(f"{lattice}, {network.num_qubits} qubits, {network.num_weights} weights", flush=True)

    def tested(batches, weights):
        best, single = accuracies(network, weights, preparer)
        print(f"after {batches:3d} batches: best choice {best:.3f}, single shot {single:.3f}", flush=True)

    started = time.perf_counter()

    def on_step(step):
        batches = step.state.step
        print(f"batch {batches:3d}: loss {step.record['loss']:.3f}, {time.perf_counter() - started:.0f} s", flush=True)
        if batches % TESTED_EVERY == 0:
            tested(batches, step.state.weights)

    X, Y = points(seed=0)
    if not Path(folder).exists():
        tested(0, START)
    result = qep.train(
        network,
        X,
        Y,
        cost=lambda phase: qep.SquaredError(np.eye(2)[int(phase)]),
        weights=START,
        preparer=preparer,
        stencil=qep.symmetric(0.05),
        shots=10_000,
        optimizer="adamax",
        learning_rate=0.01,
        bounds=dict.fromkeys(couplings, (-0.3, 0.3)) if limit == "bounded" else None,
        epochs=1,
        batch_size=6,
        seed=0,
        run=folder,
        on_step=on_step,
        progress="off",
    )
    tested(len(result.history), result.weights)
    print(f"published, from the ring: best choice {PUBLISHED['best choice']:.3f}, single shot {PUBLISHED['single shot']:.3f}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        print("interrupted: finished batches are stored, and the same command resumes", flush=True)
        sys.exit(130)
