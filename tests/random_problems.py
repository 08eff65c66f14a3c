"""Random problems of 2 to 7 qubits: chains, random graphs, clamped inputs, general Pauli strings; every kind of cost."""

from __future__ import annotations

import numpy as np
from dense import Dense

import qep_qiskit as qep
from qep_qiskit.costs import softmax_cross_entropy

KINDS = ("chain", "graph", "clamped", "pauli")
COSTS = ("squared_error", "squared_error_observable", "observable", "softmax")


def random_label(rng, n):
    while True:
        label = "".join(rng.choice(list("IXYZ"), n, p=[0.55, 0.15, 0.15, 0.15]))
        if set(label) != {"I"}:
            return label


def random_network(kind, n, rng):
    if kind == "pauli":
        labels = list(dict.fromkeys(random_label(rng, n) for _ in range(3 * n)))
        groups = {f"w{k}": {label: float(rng.uniform(0.5, 1.0))} for k, label in enumerate(labels)}
        first, second = labels[0], labels[-1]
        if first != second:
            groups["tied"] = {first: 0.7, second: -0.4}
        groups["scaled"] = ({random_label(rng, n): 1.0}, 1)
        field = {"I" * q + "Z" + "I" * (n - 1 - q): float(rng.uniform(0.3, 1.0)) for q in range(n)}
        return qep.pauli(
            terms=groups,
            fixed=field,
            inputs=[{random_label(rng, n): 0.8}, None],
            outputs=[{random_label(rng, n): 1.0, random_label(rng, n): 0.5}, {random_label(rng, n): -1.0}],
        )
    if kind == "clamped":
        sites = n + 2
        edges = [[0, 2], [1, n + 1], *([i, i + 1] for i in range(2, n + 1))]
        return qep.ising(sites=sites, edges=edges, inputs=[0, 1], outputs=sorted({2, n + 1}), clamp=True)
    edges = "chain"
    if kind == "graph":
        tree = [[int(rng.integers(0, j)), j] for j in range(1, n)]
        extra = [[i, j] for i in range(n) for j in range(i + 1, n) if [i, j] not in tree and rng.random() < 0.3]
        edges = tree + extra
    return qep.ising(sites=n, edges=edges, inputs=[0], outputs=sorted({(n - 1) // 2, n - 1}))


def random_cost(kind, network, rng):
    targets = rng.uniform(-1, 1, network.num_outputs)
    if kind == "squared_error":
        return qep.SquaredError(targets)
    if kind == "squared_error_observable":
        return qep.SquaredError(targets).observable()
    if kind == "softmax":
        return softmax_cross_entropy(int(rng.integers(network.num_outputs)), scale=2.5)
    n = network.num_qubits
    return qep.ObservableCost({random_label(rng, n): 0.8, random_label(rng, n): -0.5, "I" * n: 0.3})


def random_problem(number):
    """Return problem `number`: its ground state is unique, with a gap of at least 0.05, and its gradient is not zero."""
    kind, cost = KINDS[number % 4], COSTS[(number // 4) % 4]
    n = 2 + number % 6
    for attempt in range(100):
        rng = np.random.default_rng([number, attempt])
        network = random_network(kind, n, rng)
        weights = rng.uniform(-1, 1, network.num_weights)
        if kind != "pauli":
            weights[-n:] = rng.uniform(0.5, 1.5, n)  # transverse fields
        problem = qep.Problem(network, weights, x=rng.uniform(-1, 1, network.num_inputs), cost=random_cost(cost, network, rng))
        dense = Dense(problem)
        if dense.gap > 0.05 and np.linalg.norm(dense.differences()) > 1e-3:
            return problem
    raise AssertionError("no such network in 100 attempts")
