"""A part of a device's own coupling graph, chosen by calibration, on which a network needs no SWAPs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.named import as_device
from qep_qiskit.errors import InputError

WORST = 0.999
"""A qubit or a pair with at least this error counts as broken."""


@dataclass(frozen=True)
class NativeGraph:
    """A set of connected qubits of a device.

    Attributes
    ----------
    qubits : tuple of int
        The device qubit of each site, in breadth-first order from a qubit at the edge of the set.
    edges : tuple of (int, int)
        Every working coupling between the qubits, as a pair of sites i < j.
    score : float
        Π(1 − error) over the readout of every qubit and one two-qubit gate per edge, from the calibration.
    """

    qubits: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    score: float


def native_graph(device: object, sites: int) -> NativeGraph:
    """Return connected qubits of a device with a small expected error.

    Parameters
    ----------
    device : Device, str or BackendV2
        A device with a coupling graph, such as ``qep.fake("brisbane")`` or ``qep.ibm("ibm_torino")``.

    Notes
    -----
    Starting from every working qubit, a set grows by the neighbour with the lowest cost. The cost is −ln(1 − error), summed
    over the readout of the neighbour and its best coupling to the set. The best of these sets is returned. Finding the
    optimal set is NP-hard.

    Raises
    ------
    InputError
        If the device has no coupling graph, or no connected set of this size.
    """
    backend = backend_of(as_device(device))
    if backend is None or backend.coupling_map is None:
        raise InputError('edges: "native" needs a device with a coupling graph, such as fake_brisbane or ibm_torino')
    target = backend.target
    readout = {q: _error(target["measure"].get((q,))) for q in range(backend.num_qubits)}
    couplings: dict[tuple[int, int], float] = {}
    for name in target.operation_names:
        for pair, instruction in (target[name] or {}).items():
            if pair is not None and len(pair) == 2:
                edge = (min(pair), max(pair))
                couplings[edge] = min(couplings.get(edge, 1.0), _error(instruction))
    good = {q for q, error in readout.items() if error < WORST}
    costs = {e: -math.log1p(-error) for e, error in couplings.items() if error < WORST and set(e) <= good}
    cost_of = {q: -math.log1p(-readout[q]) for q in good}
    neighbours: dict[int, set[int]] = {q: set() for q in good}
    for a, b in costs:
        neighbours[a].add(b)
        neighbours[b].add(a)
    parts = [part for start in sorted(good) if (part := _grown(start, sites, neighbours, cost_of, costs)) is not None]
    if not parts:
        raise InputError(f"network.sites: {sites} connected working qubits are not found on {backend.name}; give fewer sites")

    def cost(part: frozenset[int]) -> float:
        return sum(cost_of[q] for q in part) + sum(c for (a, b), c in costs.items() if a in part and b in part)

    best = min(parts, key=lambda part: (cost(part), sorted(part)))
    farthest = _breadth_first(min(best), best, neighbours)[-1]
    order = _breadth_first(farthest, best, neighbours)
    site = {q: s for s, q in enumerate(order)}
    edges = sorted((min(site[a], site[b]), max(site[a], site[b])) for a, b in costs if a in best and b in best)
    return NativeGraph(tuple(order), tuple(edges), math.exp(-cost(best)))


def _error(properties: object) -> float:
    error = getattr(properties, "error", None)
    return 0.0 if error is None else float(error)


def _grown(
    start: int, sites: int, neighbours: dict[int, set[int]], nodes: dict[int, float], edges: dict[tuple[int, int], float]
) -> frozenset[int] | None:
    part = {start}
    while len(part) < sites:
        rim = {(nodes[b] + edges[min(a, b), max(a, b)], b) for a in part for b in neighbours[a] - part}
        if not rim:
            return None
        part.add(min(rim)[1])
    return frozenset(part)


def _breadth_first(start: int, part: frozenset[int], neighbours: dict[int, set[int]]) -> list[int]:
    order, seen = [start], {start}
    for q in order:
        fresh = sorted((neighbours[q] & part) - seen)
        seen.update(fresh)
        order += fresh
    return order
