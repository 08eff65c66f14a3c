"""A classical encoder in front of a quantum layer, trained end to end, and two controls (needs the extra [jax]).

Four handwritten digits that look alike (3, 5, 8 and 9 of scikit-learn's 8 × 8 images), 100 to train with, the rest held out.

    hybrid       encoder of 64 pixels to 4 numbers, then a network of 5 qubits: 260 + 20 parameters
    classical    the same encoder, then a linear layer of 4 numbers to 4 classes: 260 + 20 parameters
    network      the same 5 qubits alone, with all pixels clamped to them: 340 parameters

All three have the same images, the same order of batches, the same optimiser and the same number of steps. The quantum layer is
differentiated by equilibrium propagation, the rest by JAX.

    python examples/hybrid.py                  ten seeds, and the picture hybrid.png
    python examples/hybrid.py --seeds 1        one seed
    python examples/hybrid.py --shots 1000     quantum layers measured with 1000 shots per circuit

Finished trainings are kept in hybrid.jsonl (--folder); the same command resumes from them.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import qep_qiskit as qep
from qep_qiskit.jax import layer

DIGITS, PIXELS, FEATURES, QUBITS = (3, 5, 8, 9), 64, 4, 5
SCALE = 5.0
"""The factor that makes logits of predictions, which lie between −1 and 1."""
OUTPUTS = range(1, QUBITS)
COUPLINGS = [(i, j) for j in range(QUBITS) for i in range(j)]
BEHIND_ENCODER = qep.ising(sites=QUBITS, edges=COUPLINGS, inputs=range(FEATURES), outputs=OUTPUTS)
PIXEL_COUPLINGS = [(p, PIXELS + q) for p in range(PIXELS) for q in range(QUBITS)]
ALONE = qep.ising(
    sites=PIXELS + QUBITS,
    edges=[*PIXEL_COUPLINGS, *((PIXELS + i, PIXELS + j) for i, j in COUPLINGS)],
    inputs=range(PIXELS),
    outputs=[PIXELS + q for q in OUTPUTS],
    clamp=True,
)


def data(seed):
    """Return the training and held-out images and their classes, 0 to 3."""
    X, y = load_digits(return_X_y=True)
    of_digits = np.isin(y, DIGITS)
    X, y = X[of_digits] / 16, np.searchsorted(DIGITS, y[of_digits])
    X, Xt, y, yt = train_test_split(X, y, train_size=100, random_state=seed, stratify=y)
    return X - X.mean(axis=0), y, Xt - X.mean(axis=0), yt


def quantum_weights(network, key):
    """Return small random couplings, no longitudinal fields, and transverse fields of 1."""
    kinds = np.array([name[0] for name in network.names])
    return jnp.where(kinds == "J", 0.1 * jax.random.normal(key, (network.num_weights,)), jnp.where(kinds == "g", 1.0, 0.0))


def bounded(network, weights):
    """Return the weights with transverse fields of at least 0.3, so that the ground state stays apart from the next level."""
    fields = np.array([name.startswith("g") for name in network.names])
    return jnp.where(fields, jnp.maximum(weights, 0.3), weights)


def encoder(key):
    return {"matrix": jax.random.normal(key, (PIXELS, FEATURES)) / PIXELS**0.5, "shift": jnp.zeros(FEATURES)}


def encoded(p, X):
    return 2 * jnp.tanh(X @ p["matrix"] + p["shift"])


def hybrid(key, **options):
    """Return first parameters, the function (parameters, images) ↦ logits, and the bounds of the parameters."""
    first, second = jax.random.split(key)
    predict = layer(BEHIND_ENCODER, **options)
    p = {"encoder": encoder(first), "quantum": quantum_weights(BEHIND_ENCODER, second)}

    def logits(p, X):
        return SCALE * predict(p["quantum"], encoded(p["encoder"], X))

    return p, logits, lambda p: {**p, "quantum": bounded(BEHIND_ENCODER, p["quantum"])}


def classical(key, **options):
    """The same with a linear layer."""
    first, second = jax.random.split(key)
    head = {"matrix": jax.random.normal(second, (FEATURES, 4)) / FEATURES**0.5, "shift": jnp.zeros(4)}

    def logits(p, X):
        return encoded(p["encoder"], X) @ p["head"]["matrix"] + p["head"]["shift"]

    return {"encoder": encoder(first), "head": head}, logits, lambda p: p


def network(key, **options):
    """The same for the quantum network without an encoder."""
    predict = layer(ALONE, **options)

    def logits(p, X):
        return SCALE * predict(p["quantum"], X)

    return {"quantum": quantum_weights(ALONE, key)}, logits, lambda p: {"quantum": bounded(ALONE, p["quantum"])}


MODELS = {"hybrid": hybrid, "classical": classical, "network": network}


def train(model, seed, *, epochs=20, batch=25, rate=0.03, **options):
    """Train a model by Adam; return its number of parameters, the mean loss of every epoch and the held-out accuracy."""
    X, y, Xt, yt = data(seed)
    p, logits, keep = MODELS[model](jax.random.key(seed), seed=seed, progress="off", **options)

    @jax.value_and_grad
    def slope(p, X, y):
        return -jnp.mean(jax.nn.log_softmax(logits(p, X))[jnp.arange(len(y)), y])

    @jax.jit
    def step(p, mean, square, number, X, y):
        loss, g = slope(p, X, y)
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, g)
        square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g**2, square, g)
        sizes = jax.tree.map(lambda m, s: m / (1 - 0.9**number) / (jnp.sqrt(s / (1 - 0.999**number)) + 1e-8), mean, square)
        return keep(jax.tree.map(lambda p, d: p - rate * d, p, sizes)), mean, square, loss

    mean = square = jax.tree.map(jnp.zeros_like, p)
    losses, number = [], 0
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(X)).reshape(-1, batch)
        of_epoch = []
        for rows in order:
            number += 1
            p, mean, square, loss = step(p, mean, square, number, X[rows], y[rows])
            of_epoch.append(float(loss))
        losses.append(float(np.mean(of_epoch)))
    accuracy = float(np.mean(np.argmax(logits(p, Xt), axis=1) == yt))
    return {"parameters": sum(each.size for each in jax.tree.leaves(p)), "losses": losses, "accuracy": accuracy}


def draw(rows, path):
    """Draw the loss of every epoch and the held-out accuracy of every seed."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for place, model in enumerate(MODELS):
        of_model = [row for row in rows if row["model"] == model]
        losses = np.array([row["losses"] for row in of_model])
        percent = 100 * np.array([row["accuracy"] for row in of_model])
        epochs = np.arange(1, losses.shape[1] + 1)
        [line] = left.semilogy(epochs, losses.mean(axis=0), label=f"{model}, {of_model[0]['parameters']} parameters")
        left.fill_between(epochs, losses.min(axis=0), losses.max(axis=0), alpha=0.2, color=line.get_color(), lw=0)
        shifts = np.linspace(-0.18, 0.18, len(percent))
        right.plot(place + shifts, percent, "o", ms=4, color=line.get_color(), alpha=0.7)
        spread = percent.std(ddof=1) if len(percent) > 1 else 0.0
        right.errorbar(place + 0.3, percent.mean(), spread, fmt="s", color="black", capsize=4)
    left.set(xlabel="epoch", ylabel="training loss", title="mean and range over the seeds")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.legend()
    right.set(ylabel="held-out accuracy (%)", title="every seed; mean and standard deviation")
    right.set_xticks(range(len(MODELS)), MODELS)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A hybrid network and two controls.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--shots", type=int)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path())
    given = parser.parse_args()
    options = {} if given.shots is None else {"shots": given.shots, "stencil": qep.symmetric(0.5)}
    notes = given.folder / "hybrid.jsonl"
    asked = [(seed, model) for seed in range(given.seeds) for model in MODELS]
    done = [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
    rows = [row for row in done if (row["shots"], row["epochs"]) == (given.shots, given.epochs)]
    rows = [row for row in rows if (row["seed"], row["model"]) in asked]
    for seed, model in asked:
        if any((row["seed"], row["model"]) == (seed, model) for row in rows):
            continue
        started = time.perf_counter()
        result = train(model, seed, epochs=given.epochs, **options)
        rows.append({"model": model, "seed": seed, "shots": given.shots, "epochs": given.epochs, **result})
        with notes.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
        print(f"seed {seed}  {model:9} {result['accuracy']:.1%} held out, {time.perf_counter() - started:.0f} s", flush=True)
    for model in MODELS:
        percent = 100 * np.array([row["accuracy"] for row in rows if row["model"] == model])
        spread = f" ± {percent.std(ddof=1):.1f}" if len(percent) > 1 else ""
        print(f"{model:9} {percent.mean():.1f}{spread} % over {len(percent)} seeds")
    of = {model: {row["seed"]: 100 * row["accuracy"] for row in rows if row["model"] == model} for model in MODELS}
    for model in ("classical", "network"):
        gains = np.array([of["hybrid"][seed] - of[model][seed] for seed in range(given.seeds)])
        error = f" ± {gains.std(ddof=1) / len(gains) ** 0.5:.1f} (standard error)" if len(gains) > 1 else ""
        print(f"hybrid − {model}: {gains.mean():+.1f}{error} points, seed by seed")
    draw(rows, given.folder / "hybrid.png")
