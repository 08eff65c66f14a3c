"""Positions of the sites of a network in a drawing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np
import rustworkx as rx
from numpy.typing import NDArray

Places = dict[int, tuple[float, float]]
Edge = tuple[int, int]
MOST_IN_ROW = 16
"""A longer chain is folded into rows."""
MOST_ON_ELLIPSE = 24
MOST_BY_DISTANCE = 300
"""Larger graphs are arranged by springs, which takes less time."""
STEPS = 120


def places(
    sites: Sequence[int],
    edges: Collection[Edge],
    inputs: Collection[int],
    outputs: Collection[int],
    clamped: Collection[int] = (),
) -> Places:
    """Return the position of every site, with y upwards; neighbours are about 1 apart.

    Chains, rings and square lattices are drawn as such, and dense small graphs in columns from the inputs to the outputs. In all
    other graphs, distances in the drawing approximate distances in the graph. Clamped inputs stand in a column on the left.
    """
    free = [s for s in sites if s not in clamped]
    inner = [edge for edge in edges if edge[0] not in clamped and edge[1] not in clamped]
    # a clamped input with few edges has its place among its neighbours
    if all(sum(site in edge for edge in edges) <= 2 for site in clamped):
        free, inner, clamped = list(sites), list(edges), ()
    placed = _regular(free, inner, inputs)
    if placed is None:
        dense = len(inner) > 1.5 * len(free) and len(free) <= MOST_ON_ELLIPSE
        placed = _columns(free, inputs, outputs) if dense else _turned(_by_distance(free, inner), inputs, outputs)
    if clamped:
        placed = {**_beside(list(clamped), placed), **placed}
    return placed


def _regular(sites: list[int], edges: list[Edge], inputs: Collection[int]) -> Places | None:
    """Return the positions of a chain, a ring, a complete graph or a square lattice; None for any other graph."""
    neighbours = _neighbours(sites, edges)
    degrees = [len(neighbours[s]) for s in sites]
    n = len(sites)
    if n > 2 and len(edges) == n * (n - 1) // 2:
        return _circle(sites)
    if max(degrees, default=0) <= 2 and (n == 1 or min(degrees) >= 1):
        ends = [s for s in sites if len(neighbours[s]) < 2]
        start = min(ends or sites, key=lambda s: (s not in inputs, s))
        walk = [start]
        while len(walk) < n and (ahead := [s for s in sorted(neighbours[walk[-1]]) if s not in walk[-2:]]):
            walk.append(ahead[0])
            if ahead[0] == start:
                break
        if len(set(walk)) == n:
            return _row(walk) if ends else _circle(walk)
    width = max((j - i for i, j in edges), default=0)
    if sites == list(range(n)) and width > 1 and n % width == 0:
        across = {(s, s + 1) for s in sites if (s + 1) % width}
        if {*edges} == across | {(s, s + width) for s in range(n - width)}:
            return {s: (float(s % width), -float(s // width)) for s in sites}
    return None


def _neighbours(sites: Sequence[int], edges: Collection[Edge]) -> dict[int, set[int]]:
    neighbours: dict[int, set[int]] = defaultdict(set, {s: set() for s in sites})
    for i, j in edges:
        neighbours[i].add(j)
        neighbours[j].add(i)
    return neighbours


def _row(walk: list[int]) -> Places:
    """Return a chain in a row; a long one runs to and fro."""
    rows = -(-len(walk) // MOST_IN_ROW)
    width = -(-len(walk) // rows)
    return {
        s: (float(k % width if k // width % 2 == 0 else width - 1 - k % width), -float(k // width)) for k, s in enumerate(walk)
    }


def _circle(walk: Sequence[int]) -> Places:
    radius = 0.5 / np.sin(np.pi / len(walk)) if len(walk) > 2 else 0.5
    angles = [np.pi - 2 * np.pi * k / len(walk) for k in range(len(walk))]
    return {site: (radius * float(np.cos(a)), radius * float(np.sin(a))) for site, a in zip(walk, angles, strict=True)}


def _columns(sites: Sequence[int], inputs: Collection[int], outputs: Collection[int]) -> Places:
    """Return inputs on the left, outputs on the right, and the other sites on an ellipse between them."""
    left = [s for s in sites if s in inputs]
    right = [s for s in sites if s in outputs and s not in inputs]
    rest = [s for s in sites if s not in left and s not in right]
    middle = {s: (1.4 * x, y) for s, (x, y) in _circle(rest).items()} if rest else {}
    reach = max([abs(x) for x, _ in middle.values()], default=0.0) + 1.4
    return {**_column(left, -reach), **middle, **_column(right, reach)}


def _column(group: Sequence[int], x: float) -> Places:
    return {site: (x, 0.5 * (len(group) - 1) - k) for k, site in enumerate(group)}


def _beside(clamped: Sequence[int], placed: Places) -> Places:
    """Return clamped inputs in a column, or in several if there are many, to the left of all other sites."""
    spots = np.array(list(placed.values()))
    height = max(float(np.ptp(spots[:, 1])), 1.0)
    rows = min(len(clamped), max(int(height) + 1, int(np.ceil(np.sqrt(2 * len(clamped))))))
    left, middle = float(spots[:, 0].min()) - 1.6, float(spots[:, 1].max() + spots[:, 1].min()) / 2
    columns = -(-len(clamped) // rows)
    step = max(1.0, height / rows)
    return {
        site: (left - (columns - 1 - k // rows), middle + step * (0.5 * (min(rows, len(clamped)) - 1) - k % rows))
        for k, site in enumerate(clamped)
    }


def _by_distance(sites: Sequence[int], edges: Collection[Edge]) -> Places:
    index = {site: k for k, site in enumerate(sites)}
    graph: rx.PyGraph = rx.PyGraph()
    graph.add_nodes_from(sites)
    graph.add_edges_from_no_data([(index[i], index[j]) for i, j in edges])
    if len(sites) > MOST_BY_DISTANCE:
        spots = rx.spring_layout(graph, seed=1)
        scale = np.sqrt(len(sites))
        return {site: (scale * float(spots[k][0]), scale * float(spots[k][1])) for site, k in index.items()}
    distances = np.array(rx.distance_matrix(graph, null_value=np.inf))
    distances[~np.isfinite(distances)] = 1.0 + float(np.max(distances, where=np.isfinite(distances), initial=1.0))
    plane = _majorised(distances, _scaled(distances))
    return {site: (float(x), float(y)) for site, (x, y) in zip(sites, plane, strict=True)}


def _scaled(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return positions by classical multidimensional scaling (Torgerson 1952)."""
    squares = distances**2
    centred = -0.5 * (squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean())
    values, vectors = np.linalg.eigh(centred)
    return np.asarray(vectors[:, -2:][:, ::-1] * np.sqrt(np.maximum(values[-2:][::-1], 0.0)))


def _majorised(distances: NDArray[np.float64], plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return positions of small stress, by majorization with weights 1/d² (Gansner, Koren and North 2004)."""
    weights = 1.0 / np.where(distances > 0, distances, np.inf) ** 2
    inverse = np.linalg.pinv(np.diag(weights.sum(axis=1)) - weights)
    for _ in range(STEPS):
        apart = np.linalg.norm(plane[:, None] - plane, axis=2)
        pull = -weights * distances / np.maximum(apart, 1e-6)
        np.fill_diagonal(pull, 0.0)
        np.fill_diagonal(pull, -pull.sum(axis=1))
        plane = inverse @ pull @ plane
    return plane


def _turned(placed: Places, inputs: Collection[int], outputs: Collection[int]) -> Places:
    """Return the drawing wider than high, with the inputs to the left of the outputs."""
    spots = np.array(list(placed.values()))
    _, axes = np.linalg.eigh(np.cov(spots.T)) if len(spots) > 2 else (None, np.eye(2))
    spots = (spots - spots.mean(axis=0)) @ axes[:, ::-1]
    spots *= np.where(spots[np.argmax(np.abs(spots), axis=0), [0, 1]] < 0, -1.0, 1.0)
    turned = dict(zip(placed, spots.tolist(), strict=True))
    left, right = ([turned[s][0] for s in group if s in turned] for group in (inputs, outputs))
    sign = -1.0 if left and right and np.mean(left) > np.mean(right) else 1.0
    return {site: (sign * x, y) for site, (x, y) in turned.items()}
