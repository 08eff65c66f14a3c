"""The networks that all tasks share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import qep_qiskit as qep
from qep_qiskit.seeds import stream

SEED = 11
BETA = 0.1
Intervals = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
REGIMES: dict[str, Intervals] = {
    "paramagnet": ((-0.5, 0.5), (-0.5, 0.5), (1.0, 2.0)),
    "near critical": ((0.9, 1.1), (0.0, 0.02), (0.9, 1.1)),
    "ordered": ((0.9, 1.1), (0.05, 0.15), (0.4, 0.6)),
    "glass": ((-1.0, 1.0), (-0.2, 0.2), (0.2, 0.6)),
    "strong disorder": ((-1.0, 1.0), (-0.5, 0.5), (0.5, 1.5)),
}
"""The intervals from which J, h and g are drawn uniformly."""


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


def drawn(network: qep.Network, intervals: Intervals, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return J, h and g of an Ising network, drawn uniformly from their intervals."""
    counts = [sum(name.startswith(f"{letter}[") for name in network.names) for letter in "Jhg"]
    return np.concatenate([rng.uniform(*interval, count) for interval, count in zip(intervals, counts, strict=True)])


def with_fields_of_one(network: qep.Network, *, seed: int = 7, expectations: bool = False) -> qep.Problem:
    """Return a sample of an Ising network of one output with random J and h, and transverse fields of 1."""
    weights = network.initial_weights(seed=seed)
    weights.update({name: 1.0 for name in weights if name.startswith("g[")})
    cost = qep.SquaredError([1.0])
    x = [0.5, -0.5][: network.num_inputs]
    return qep.Problem(network, weights, x=x, cost=cost if expectations else cost.observable())
