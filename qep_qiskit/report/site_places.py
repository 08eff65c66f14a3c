"""Positions of the sites of a network in a picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

Places = dict[int, tuple[float, float]]
MOST_ROOMY = 24
"""Up to this many sites stand on an ellipse; larger networks are arranged by distances in the graph."""


def places(
    sites: Sequence[int], couplings: Collection[tuple[int, int]], inputs: Collection[int], outputs: Collection[int]
) -> Places:
    """Return the positions of sites: inputs in a column on the left, and all other sites to their right.

    If there are few sites, they stand on an ellipse, with the outputs in a column on the right. In larger networks, distances in
    the picture approximate distances in the graph.
    """
    large = len(sites) > MOST_ROOMY
    left = [s for s in sites if s in inputs and (not large or _clamped(s, couplings))]
    right = [] if large else [s for s in sites if s in outputs and s not in inputs]
    placed = {**_column(left, -2.2), **_column(right, 2.2)}
    rest = [s for s in sites if s not in placed]
    return {**placed, **(_by_distance(rest, couplings) if large else _ellipse(rest))}


def _clamped(site: int, couplings: Collection[tuple[int, int]]) -> bool:
    """Return whether a site has more couplings than a lattice site has; in a large network, such inputs stand apart."""
    return sum(site in pair for pair in couplings) > 4


def _column(group: Sequence[int], x: float) -> Places:
    return {site: (x, 1.0 - 2.0 * (k + 0.5) / len(group)) for k, site in enumerate(group)}


def _ellipse(rest: Sequence[int]) -> Places:
    angles = [2 * np.pi * k / len(rest) + np.pi / 2 for k in range(len(rest))]
    return {site: (1.1 * float(np.cos(a)), float(np.sin(a))) for site, a in zip(rest, angles, strict=True)}


def _by_distance(rest: Sequence[int], couplings: Collection[tuple[int, int]]) -> Places:
    """Return positions by classical multidimensional scaling of the distances in the graph (Torgerson 1952)."""
    index = {site: k for k, site in enumerate(rest)}
    pairs = np.array([(index[i], index[j]) for i, j in couplings if i in index and j in index], dtype=int).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(rest), len(rest)))
    distances = shortest_path(graph.tocsr(), directed=False, unweighted=True)
    distances[~np.isfinite(distances)] = len(rest)
    squares = distances**2
    centred = -0.5 * (squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean())
    values, vectors = np.linalg.eigh(centred)
    plane = vectors[:, -2:][:, ::-1] * np.sqrt(np.maximum(values[-2:][::-1], 0.0))
    plane = (plane - plane.min(axis=0)) / np.maximum(np.ptp(plane, axis=0), 1e-9)
    return {site: (4.2 * float(x) - 1.7, 2.0 * float(y) - 1.0) for site, (x, y) in zip(rest, plane, strict=True)}
