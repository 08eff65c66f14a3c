"""Ground states of oscillators by another road: matrix square roots and loops over springs. For the tests only."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.linalg import sqrtm

import qep_qiskit as qep


class Springs:
    """The loss of a network of oscillators from its definition."""

    def __init__(self, sites, edges, masses, inputs, outputs, biases, x, loss):
        self.sites, self.edges, self.masses = sites, edges, np.asarray(masses, dtype=float)
        self.inputs, self.outputs, self.biases, self.x, self.of = inputs, outputs, biases, x, loss

    def loss(self, weights) -> float:
        stiffness, force = np.zeros((self.sites, self.sites)), np.zeros(self.sites)
        k, a = weights[: len(self.edges)], weights[len(self.edges) : len(self.edges) + self.sites]
        for (i, j), value in zip(self.edges, k, strict=True):
            for row, column, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
                stiffness[row, column] += sign * value
        for i in range(self.sites):
            stiffness[i, i] += a[i]
            force[i] += weights[len(self.edges) + self.sites + i] if self.biases else 0.0
        for i, value in zip(self.inputs, self.x, strict=True):
            force[i] += value
        light = np.diag(self.masses**-0.5)
        root = np.real(sqrtm(light @ stiffness @ light))
        heavy = np.diag(self.masses**0.5)
        covariance = 0.5 * light @ np.linalg.inv(root) @ light
        momenta = np.diag(0.5 * heavy @ root @ heavy)
        return self.of(np.linalg.solve(stiffness, force), covariance, momenta)

    def differences(self, weights, step=4e-3):
        slopes = []
        for direction in np.eye(len(weights)):

            def slope(h, direction=direction):
                return (self.loss(weights + h * direction) - self.loss(weights - h * direction)) / (2 * h)

            coarse, middle, fine = slope(4 * step), slope(2 * step), slope(step)
            finest = slope(step / 2)
            rows = [coarse, middle, fine, finest]
            for order in (4, 16, 64):
                rows = [(order * b - a) / (order - 1) for a, b in itertools.pairwise(rows)]
            slopes.append(rows[0])
        return np.array(slopes)


def random_case(number):
    """Return a random network of 2 to 8 oscillators, its problem with one of four costs, and its independent loss."""
    rng = np.random.default_rng(number)
    n = 2 + number % 7
    edges = [(int(rng.integers(0, j)), j) for j in range(1, n)]
    edges += [(i, j) for i in range(n) for j in range(i + 1, n) if (i, j) not in edges and rng.random() < 0.3]
    masses, biases = rng.uniform(0.5, 2.0, n), bool(number % 2)
    inputs = sorted(int(s) for s in rng.choice(n, 1 + (n > 3), replace=False))
    outputs = sorted(int(s) for s in rng.choice(n, 1 + (n > 2), replace=False))
    network = qep.oscillators(sites=n, edges=edges, masses=masses, inputs=inputs, outputs=outputs, biases=biases)
    weights = np.concatenate([rng.uniform(0.2, 1.2, len(edges)), rng.uniform(0.6, 1.6, n), rng.normal(size=n * biases)])
    x, y = rng.normal(size=len(inputs)), rng.normal(size=len(outputs))
    o = list(outputs)
    kind = number % 4
    if kind == 0:
        cost, loss = qep.SquaredError(y), lambda m, s, p: np.sum((m[o] - y) ** 2)
    elif kind == 1:
        cost = qep.SquaredError(y).observable()

        def loss(m, s, p):
            return np.sum((m[o] - y) ** 2 + np.diag(s)[o])
    elif kind == 2:
        cost = qep.ObservableCost({"r[0] r[1]": 0.7, "r[1]^2": -0.4, "p[0]^2": 0.6, "r[0]": 0.3, "1": 2.0})

        def loss(m, s, p):
            return 0.7 * (s[0, 1] + m[0] * m[1]) - 0.4 * (s[1, 1] + m[1] ** 2) + 0.6 * p[0] + 0.3 * m[0] + 2.0
    else:
        cost = qep.ExpectationCost(lambda v: float(np.sum(np.cosh(v - y))), lambda v: np.sinh(v - y))

        def loss(m, s, p):
            return np.sum(np.cosh(m[o] - y))

    problem = qep.Problem(network, weights, x=x, cost=cost)
    return problem, Springs(n, edges, masses, inputs, outputs, biases, x, loss)
