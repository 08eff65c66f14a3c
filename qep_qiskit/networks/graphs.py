"""Edges of a network by name, or any list of pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import rustworkx as rx

from qep_qiskit.errors import InputError, nearest

Edge = tuple[int, int]
NAMED = ("chain", "ring", "complete", "heavy-hex")


def edges_of(kind: str | Iterable[Sequence[int]], sites: int) -> tuple[Edge, ...]:
    """Return the edges (i, j), i < j, of a named graph or of a list.

    Parameters
    ----------
    kind : {"chain", "ring", "complete", "heavy-hex"} or iterable of pairs
        ``"heavy-hex"`` takes the first `sites` sites, breadth first, of the smallest heavy-hex lattice that holds them,
        so any number of sites gives a connected graph of degree three at most.
    sites : int

    Raises
    ------
    InputError
        For an unknown name, a site out of range, a loop, or an edge given twice.
    """
    if isinstance(kind, str):
        if kind == "chain":
            return tuple((i, i + 1) for i in range(sites - 1))
        if kind == "ring":
            closing = [(0, sites - 1)] if sites > 2 else []
            return tuple([(i, i + 1) for i in range(sites - 1)] + closing)
        if kind == "complete":
            return tuple((i, j) for i in range(sites) for j in range(i + 1, sites))
        if kind == "heavy-hex":
            return _heavy_hex(sites)
        known = ", ".join(NAMED)
        raise InputError(f"edges: unknown graph {kind!r}; allowed: {known}, or a list of pairs{nearest(kind, NAMED)}")
    return _listed(kind, sites)


def _listed(pairs: Iterable[Sequence[int]], sites: int) -> tuple[Edge, ...]:
    edges: dict[Edge, None] = {}
    for pair in pairs:
        try:
            i, j = (int(site) for site in pair)
            exact = [i, j] == list(pair)
        except (TypeError, ValueError):
            exact = False
        if not exact:
            raise InputError(f"edges: {pair!r} is no pair of sites such as [0, 1]")
        for site in (i, j):
            if not 0 <= site < sites:
                raise InputError(f"edges: site {site} of edge [{i}, {j}] is out of range; sites are 0 to {sites - 1}")
        if i == j:
            raise InputError(f"edges: [{i}, {j}] joins a site to itself")
        edge = (min(i, j), max(i, j))
        if edge in edges:
            raise InputError(f"edges: [{i}, {j}] is given twice")
        edges[edge] = None
    return tuple(edges)


def _heavy_hex(sites: int) -> tuple[Edge, ...]:
    distance = 1
    while rx.generators.heavy_hex_graph(distance).num_nodes() < sites:
        distance += 2
    graph = rx.generators.heavy_hex_graph(distance)
    # heavy_hex_graph numbers data, syndrome and flag nodes apart; a breadth-first order keeps every prefix connected
    order: list[int] = []
    seen = {0}
    queue = [0]
    while queue:
        node = queue.pop(0)
        order.append(node)
        for neighbour in sorted(graph.neighbors(node)):
            if neighbour not in seen:
                seen.add(neighbour)
                queue.append(neighbour)
    site_of = {node: site for site, node in enumerate(order[:sites])}
    pairs = {
        (min(site_of[a], site_of[b]), max(site_of[a], site_of[b])) for a, b in graph.edge_list() if a in site_of and b in site_of
    }
    return tuple(sorted(pairs))


def connected_to(start: Iterable[int], edges: Iterable[Edge], sites: int) -> set[int]:
    """Return the sites that are joined to a start site by edges, the start sites included."""
    graph: rx.PyGraph = rx.PyGraph()
    graph.add_nodes_from(range(sites))
    graph.add_edges_from_no_data(list(edges))
    reached: set[int] = set()
    for site in start:
        reached |= {site} | set(rx.descendants(graph.to_directed(), site))
    return reached


def sites_of(name: str, chosen: Sequence[int], sites: int) -> tuple[int, ...]:
    """Return a list of different sites; `name` names it in errors."""
    if isinstance(chosen, int | str) or not hasattr(chosen, "__iter__"):
        raise InputError(f"{name}: {chosen!r} is no list of sites such as [0, 1]")
    for site in chosen:
        if isinstance(site, bool) or not hasattr(site, "__index__"):
            raise InputError(f"{name}: {site!r} is no site; give whole numbers")
        if not 0 <= site < sites:
            raise InputError(f"{name}: site {site} is out of range; sites are 0 to {sites - 1}")
    if len(set(chosen)) != len(chosen):
        raise InputError(f"{name}: {list(chosen)!r} names a site twice")
    return tuple(int(site) for site in chosen)
