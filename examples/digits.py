"""Handwritten digits: clamped pixels, twelve qubits, all ten classes, beside three classical networks.

The 64 pixels of scikit-learn's 8 × 8 digits are clamped inputs; ten output qubits, one a class, and two hidden ones are
joined to every pixel and to each other. Beside it, on the same split: logistic regression, a network of the same number of
weights trained by back-propagation, and the same network without transverse fields (the classical Ising network: its ground
state is one spin configuration, which jumps, so EP takes a finite nudge).

    python examples/digits.py [EPOCHS [HIDDEN [SEED]]]
"""

import sys
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import qep_qiskit as qep
from qep_qiskit.seeds import stream

PIXELS, CLASSES = 64, 10


def digits_network(hidden):
    spins = hidden + CLASSES
    edges = [[i, PIXELS + q] for i in range(PIXELS) for q in range(spins)]
    edges += [[PIXELS + a, PIXELS + b] for a in range(spins) for b in range(a + 1, spins)]
    outputs = [PIXELS + hidden + k for k in range(CLASSES)]
    return qep.ising(sites=PIXELS + spins, edges=edges, inputs=range(PIXELS), outputs=outputs, clamp=True)


def first_weights(network, transverse, seed):
    """Small random couplings, no longitudinal fields, and transverse fields of one strength."""
    draw = stream(seed, "digits weights").standard_normal(network.num_weights)
    size = {"J": 0.1, "h": 0.0, "g": 0.0}
    weights = np.array([size[name[0]] * z for name, z in zip(network.names, draw, strict=True)])
    weights[[name[0] == "g" for name in network.names]] = transverse
    return weights


def train(network, data, *, transverse, beta, epochs, seed):
    X, Xt, y, yt = data
    started = time.perf_counter()
    result = qep.train(
        network,
        X,
        y,
        cost=lambda digit: qep.softmax_cross_entropy(int(digit), scale=5.0),
        weights=first_weights(network, transverse, seed),
        trainable=["J", "h"] if transverse == 0 else None,
        bounds=None if transverse == 0 else {"g": (0.2, None)},
        preparer=qep.Exact(tolerance=1e-5, gap=False),
        stencil=qep.symmetric(beta),
        learning_rate=0.02,
        schedule="cosine",
        l2=5e-5,
        epochs=epochs,
        batch_size=24,
        seed=seed,
        on_step=lambda step: step.epoch and print(step.epoch["epoch"], round(step.epoch["train_loss"], 4), flush=True),
    )
    accuracy = float(np.mean(np.argmax(result.predict(Xt), axis=1) == yt))
    return accuracy, time.perf_counter() - started


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:4]]
    epochs, hidden, seed = arguments + [15, 2, 0][len(arguments) :]
    X, y = load_digits(return_X_y=True)
    X, Xt, y, yt = train_test_split(X / 16, y, test_size=0.25, random_state=0, stratify=y)
    X, Xt = X - X.mean(axis=0), Xt - X.mean(axis=0)
    network = digits_network(hidden)
    print(f"{len(X)} training and {len(Xt)} test images, {network.num_qubits} qubits, {network.num_weights} weights")
    print(f"logistic regression: {LogisticRegression(max_iter=5000).fit(X, y).score(Xt, yt):.4f}")
    width = round((network.num_weights - CLASSES) / (PIXELS + 1 + CLASSES))
    mlp = [MLPClassifier((width,), "tanh", max_iter=2000, random_state=s).fit(X, y).score(Xt, yt) for s in range(5)]
    print(f"back-propagation, {width} hidden tanh units: {np.mean(mlp):.4f} ± {np.std(mlp, ddof=1):.4f} over 5 seeds")
    accuracy, seconds = train(network, (X, Xt, y, yt), transverse=1.0, beta=0.02, epochs=epochs, seed=seed)
    print(f"quantum network, EP: {accuracy:.4f} in {seconds / 60:.1f} minutes")
    accuracy, seconds = train(network, (X, Xt, y, yt), transverse=0.0, beta=0.5, epochs=epochs, seed=seed)
    print(f"the same without transverse fields, EP: {accuracy:.4f} in {seconds / 60:.1f} minutes")
