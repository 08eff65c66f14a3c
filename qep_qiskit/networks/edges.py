"""Edges of a network, given by a name, as pairs of sites, or as a graph of another library."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Annotated, Any, TypeAlias

import numpy as np
import rustworkx as rx
from numpy.typing import NDArray
from scipy.sparse import issparse

from qep_qiskit.checks import shown, whole
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.kinds import Key
from qep_qiskit.memory import require

Edge = tuple[int, int]
WEIGHTED = "edges: the weights of the graph's edges are not used; give values for J to qep.Problem or qep.train as weights"
NAMED = ("chain", "ring", "complete", "heavy-hex", "square")
EDGES = '"chain", "ring", "complete", "heavy-hex", "square" (with rows and columns), or a list of pairs such as [[0, 1], [1, 2]]'
Edges: TypeAlias = Annotated[str | Iterable[Sequence[int]] | NDArray[Any] | Any, Key(EDGES, form=str | list[list[int]])]
"""A name, a list or array of pairs of sites, or a graph of NetworkX, rustworkx or Qiskit (a coupling map)."""


def edges_of(kind: Edges, sites: int, rows: object = None, columns: object = None) -> tuple[Edge, ...]:
    """Return the edges (i, j), i < j, of a named graph, of pairs of sites, or of another library's graph.

    Parameters
    ----------
    kind : {"chain", "ring", "complete", "heavy-hex", "square"}, pairs, or graph
        ``"heavy-hex"`` is the first `sites` sites, in breadth-first order, of the smallest heavy-hex lattice with that many, so
        any number of sites gives a connected graph of degree three at most. ``"square"`` is the lattice of rows × columns with
        open ends; site r · columns + c is in row r and column c. The nodes of a graph are the sites 0, 1, 2, …; weights on its
        edges are not used, and a warning says so.
    rows, columns : int, optional
        The sides of a square lattice.

    Raises
    ------
    InputError
        If the name is unknown, a site is out of range, an edge joins a site to itself, or an edge is given twice.
    """
    square = isinstance(kind, str) and kind == "square"
    if not square and (rows is not None or columns is not None):
        name = "rows" if rows is not None else "columns"
        raise InputError(f"{name}: goes with edges = 'square' only; leave it out")
    if isinstance(kind, str):
        if kind == "chain":
            return tuple((i, i + 1) for i in range(sites - 1))
        if kind == "ring":
            closing = [(0, sites - 1)] if sites > 2 else []
            return tuple([(i, i + 1) for i in range(sites - 1)] + closing)
        if kind == "complete":
            require(
                120.0 * sites**2, f"network.sites: {sites} sites, each joined to all others,", "take fewer, or a sparser graph"
            )
            return tuple((i, j) for i in range(sites) for j in range(i + 1, sites))
        if kind == "heavy-hex":
            return _heavy_hex(sites)
        if kind == "square":
            return _square(rows, columns)
        names = ", ".join(NAMED)
        raise InputError(f"edges: unknown graph {shown(kind)}; allowed: {names}, or a list of pairs{nearest(kind, NAMED)}")
    pairs, twice = _pairs(kind)
    return _listed(pairs, sites, twice=twice)


def _pairs(kind: Any) -> tuple[list[Any], bool]:
    """Return the pairs of a list, an array, a table or a graph, and whether a pair is allowed to appear twice."""
    if issparse(kind):
        remedy = "np.argwhere(np.triu(A.toarray()))"
        raise InputError(f"edges: a sparse matrix does not hold pairs of sites; of an adjacency matrix A give {remedy}")
    if hasattr(kind, "get_edges"):  # a coupling map of Qiskit, with both directions
        return [tuple(pair) for pair in kind.get_edges()], True
    if hasattr(kind, "edge_list"):  # rustworkx
        if any(isinstance(weight, Real) and not isinstance(weight, bool) for weight in kind.edges()):
            warnings.warn(WEIGHTED, stacklevel=2)
        return [tuple(pair) for pair in kind.edge_list()], isinstance(kind, rx.PyDiGraph)
    if hasattr(kind, "nodes") and hasattr(kind, "edges") and hasattr(kind, "is_directed"):  # NetworkX
        for node in kind.nodes:
            if isinstance(node, bool) or not hasattr(node, "__index__"):
                raise InputError(
                    f"edges: node {shown(node)} of the graph is not a site; number its nodes from 0, for instance by "
                    "networkx.convert_node_labels_to_integers(graph)"
                )
        if hasattr(kind.edges, "data") and any(weight is not None for *_, weight in kind.edges.data("weight")):
            warnings.warn(WEIGHTED, stacklevel=2)
        return [tuple(edge)[:2] for edge in kind.edges], bool(kind.is_directed())
    if hasattr(kind, "to_numpy"):
        kind = kind.to_numpy()
    if isinstance(kind, np.ndarray) and (kind.ndim != 2 or kind.shape[1] != 2) and kind.size:
        remedy = "; of an adjacency matrix A give np.argwhere(np.triu(A))" if kind.ndim == 2 else ""
        raise InputError(f"edges: an array of shape {kind.shape} does not hold pairs of sites, one per row{remedy}")
    if isinstance(kind, Mapping | bytes) or not isinstance(kind, Iterable):
        names = ", ".join(NAMED)
        raise InputError(f"edges: {shown(kind)} is not allowed; give one of {names}, pairs such as [[0, 1], [1, 2]], or a graph")
    pairs = list(kind)
    return (sorted(pairs, key=str) if isinstance(kind, set | frozenset) else pairs), False


def number_of_nodes(kind: Any) -> int | None:
    """Return the number of nodes of a graph; None for anything else."""
    if hasattr(kind, "get_edges"):
        return int(kind.size())
    if hasattr(kind, "edge_list"):
        return int(kind.num_nodes())
    return len(kind.nodes) if hasattr(kind, "nodes") and hasattr(kind, "is_directed") else None


def _listed(pairs: Iterable[Any], sites: int, *, twice: bool) -> tuple[Edge, ...]:
    edges: dict[Edge, None] = {}
    for pair in pairs:
        try:
            i, j = (whole("site", site, least=-(2**63)) for site in pair)
        except (InputError, TypeError, ValueError):
            raise InputError(f"edges: {_plain(pair)} is not a pair of sites such as [0, 1]") from None
        for site in (i, j):
            if not 0 <= site < sites:
                raise InputError(f"edges: site {site} of edge [{i}, {j}] is out of range; sites are 0 to {sites - 1}")
        if i == j:
            raise InputError(f"edges: [{i}, {j}] joins a site to itself")
        edge = (min(i, j), max(i, j))
        if edge in edges and not twice:
            raise InputError(f"edges: [{i}, {j}] is given twice")
        edges[edge] = None
    return tuple(edges)


def _plain(pair: object) -> str:
    return shown(pair.tolist() if isinstance(pair, np.ndarray | np.generic) else pair)


def _square(rows: object, columns: object) -> tuple[Edge, ...]:
    if rows is None or columns is None:
        missing = "rows" if rows is None else "columns"
        raise InputError(f"{missing}: missing; edges = 'square' takes rows and columns, such as rows = 2 and columns = 3")
    height, width = whole("rows", rows, least=1), whole("columns", columns, least=1)
    across = [(r * width + c, r * width + c + 1) for r in range(height) for c in range(width - 1)]
    down = [(r * width + c, (r + 1) * width + c) for r in range(height - 1) for c in range(width)]
    return tuple(sorted(across + down))


def _heavy_hex(sites: int) -> tuple[Edge, ...]:
    distance = 1
    while rx.generators.heavy_hex_graph(distance).num_nodes() < sites:
        distance += 2
    graph = rx.generators.heavy_hex_graph(distance)
    # heavy_hex_graph numbers data, syndrome and flag nodes separately; in breadth-first order every prefix is connected
    order, seen = [0], {0}
    for node in order:
        fresh = sorted(set(graph.neighbors(node)) - seen)
        seen.update(fresh)
        order += fresh
    site_of = {node: site for site, node in enumerate(order[:sites])}
    pairs = {
        (min(site_of[a], site_of[b]), max(site_of[a], site_of[b])) for a, b in graph.edge_list() if a in site_of and b in site_of
    }
    return tuple(sorted(pairs))


def connected_to(start: Iterable[int], edges: Iterable[Edge], sites: int) -> set[int]:
    """Return all sites with a path to one of the start sites, which are included."""
    graph: rx.PyGraph = rx.PyGraph()
    graph.add_nodes_from(range(sites))
    graph.add_edges_from_no_data(list(edges))
    reached: set[int] = set()
    for site in start:
        reached |= {site} | set(rx.descendants(graph.to_directed(), site))
    return reached
