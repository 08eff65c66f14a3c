"""The networks that all tasks share."""

from __future__ import annotations

import numpy as np

import qep_qiskit as qep
from qep_qiskit.seeds import stream

SEED = 11
BETA = 0.1


def regular_graph(sites: int, degree: int = 3, seed: int = SEED) -> list[tuple[int, int]]:
    """Return the edges of a random regular graph: random pairings of stubs until one has no loop and no double edge."""
    rng = stream(seed, "regular graph", sites, degree)
    stubs = np.repeat(np.arange(sites), degree)
    while True:
        pairs = np.sort(rng.permutation(stubs).reshape(-1, 2), axis=1)
        if np.all(pairs[:, 0] != pairs[:, 1]) and len(np.unique(pairs, axis=0)) == len(pairs):
            return sorted((int(a), int(b)) for a, b in pairs)


def network(sites: int) -> qep.Network:
    """Return an Ising network on a random 3-regular graph with one input and one output."""
    return qep.ising(sites=sites, edges=regular_graph(sites), inputs=[0], outputs=[sites - 1])


def problem(sites: int, x: float = 0.5) -> qep.Problem:
    """Return a sample of that network with random J, h and g of order 1."""
    graph = network(sites)
    return qep.Problem(graph, graph.initial_weights(SEED), x=[x], cost=qep.SquaredError([1.0]))
