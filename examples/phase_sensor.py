"""Phase sensor of Wanjura & Marquardt (2024): two qubits learn to tell the phases of a ring of eight.

H = gZXZ Σ ZXZ − gZZ Σ ZZ − gX Σ X on the ring, gZXZ + gZZ + gX = 4, and 51 trainable terms that couple its sites 0 and 1 to two
sensor qubits. The sensor's joint Z outcomes name the phase; the most probable one is the answer. Squared error, Adam at
0.01, batches of 10, symmetric β = 0.4. Unlike the paper's runs, whose gradients come from 10 shots per operator, these have exact
expectations and a cosine schedule; `literature/phase_sensor.py` follows the published protocol.

    python examples/phase_sensor.py [SEEDS [BATCHES [WORKERS]]]
"""

import sys

import numpy as np

import qep_qiskit as qep
from qep_qiskit.seeds import stream
from qep_qiskit.workers import pool

SENSORS, RING = (0, 1), tuple(range(2, 10))
PAPER_SECONDS = 0.43  # per batch, by the authors' code on two cores


def string(letters):
    return "".join(letters.get(q, "I") for q in reversed(range(10)))


def sensor_network():
    terms = {
        f"c[{q},{s}]{a}{b}": {string({RING[q]: a, s: b}): 1.0} for q in (0, 1) for s in SENSORS for a in "XYZ" for b in "XYZ"
    }
    terms |= {f"f[{s}]{b}": {string({s: b}): 1.0} for s in SENSORS for b in "XYZ"}
    terms |= {f"s{a}{b}": {string({0: a, 1: b}): 1.0} for a in "XYZ" for b in "XYZ"}
    sites = [(RING[j], RING[(j + 1) % 8], RING[(j + 2) % 8]) for j in range(8)]
    zxz = {string({i: "Z", j: "X", k: "Z"}): 1.0 for i, j, k in sites}
    zz = {string({i: "Z", j: "Z"}): -1.0 for i, j, _ in sites}
    x = {string({i: "X"}): -1.0 for i, _, _ in sites}
    outputs = [{string({}): 0.25, string({0: "Z"}): a / 4, string({1: "Z"}): b / 4, string({0: "Z", 1: "Z"}): a * b / 4}
               for a in (1, -1) for b in (1, -1)]  # fmt: skip
    return qep.pauli(terms=terms, inputs=[zxz, zz, x], outputs=outputs)


def points(seed, purpose, count):
    """Points of the phase diagram, uniform on gZXZ + gZZ + gX = 4, and their phases: II, I or III."""
    X = 4 * stream(seed, purpose).dirichlet([1, 1, 1], size=count)
    return X, np.where(X[:, 1] >= 2, 0, np.where(2 * X[:, 2] < 4 - X[:, 1], 1, 2))


def train_one(batches, seed):
    network = sensor_network()
    X, Y = points(seed, "sensor training", 10 * batches)
    result = qep.train(
        network,
        X,
        Y,
        cost=lambda phase: qep.SquaredError(np.eye(4)[int(phase)]),
        weights=0.5 * stream(seed, "sensor weights").standard_normal(network.num_weights),
        preparer=qep.Exact(tolerance=1e-4, gap=False),
        stencil=qep.symmetric(0.4),
        learning_rate=0.01,
        schedule="cosine",
        epochs=1,
        batch_size=10,
        seed=seed,
    )
    fresh, phases = points(seed, "sensor test", 1000)
    accuracy = float(np.mean(np.argmax(result.predict(fresh), axis=1) == phases))
    return accuracy, float(np.median([row["seconds"] for row in result.history]))


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:4]]
    seeds, batches, workers = arguments + [10, 2500, 2][len(arguments) :]
    results = {}
    with pool(workers) as processes:
        for seed, (accuracy, seconds) in processes.results(train_one, batches, range(seeds)):
            results[seed] = (accuracy, seconds)
            print(f"seed {seed}: accuracy {accuracy:.3f} on 1000 fresh points, {seconds:.3f} s per batch", flush=True)
    accuracies, times = np.array([results[seed] for seed in range(seeds)]).T
    print(f"mean accuracy {accuracies.mean():.3f} ± {accuracies.std(ddof=1) if seeds > 1 else 0:.3f}")
    print(f"{np.median(times):.3f} s per batch (the authors' code: {PAPER_SECONDS} s)")
