"""A part of a device's own coupling graph, chosen by calibration, on which a network needs no SWAPs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.calibrated_errors import errors_of
from qep_qiskit.devices.layout.embedding import READOUT
from qep_qiskit.devices.layout.exposure import DECAY, PAIR, WRONG_READOUT
from qep_qiskit.devices.named import as_device
from qep_qiskit.errors import InputError

GATES, READOUTS = 4 * PAIR, WRONG_READOUT * READOUT
"""The damping per unit of a coupling's and of a readout's error, for two layers of two gates and mostly corrected readout."""


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


def native_graph(device: object, sites: int, outputs: Sequence[int] = ()) -> NativeGraph:
    """Return connected qubits of a device with a small predicted error of the gradient.

    Parameters
    ----------
    device : Device, str or BackendV2
        A device with a coupling graph, such as ``qep.fake("brisbane")`` or ``qep.ibm("ibm_torino")``.
    outputs : sequence of int
        The sites that are read; errors near them have more weight. Default: all sites have equal weight.

    Notes
    -----
    Starting from every working qubit, a set grows by the neighbour with the lowest cost. The cost is −ln(1 − error), summed
    over the readout of the neighbour and its best coupling to the set. Each set is numbered breadth first from each of the qubits
    at its edge. The numbering with the least Σ (importance × damping)² over all sites is returned. Finding the optimal set is
    NP-hard. Broken qubits and couplings are left out.

    Raises
    ------
    InputError
        If the device has no coupling graph, or no connected set of this size.
    """
    backend = backend_of(as_device(device))
    if backend is None or backend.coupling_map is None:
        raise InputError('edges: "native" needs a device with a coupling graph, such as fake_brisbane or ibm_torino')
    errors = errors_of(backend.target)
    works, broken = errors.working, set(errors.broken_qubits)
    good = [q for q in range(backend.num_qubits) if q not in broken]
    cost_of = {q: -math.log1p(-errors.readout[q]) for q in good}
    neighbours = {q: {b for b in good if works[q, b]} for q in good}
    costs = {(a, b): -math.log1p(-errors.coupling[a, b]) for a in good for b in neighbours[a] if a < b}
    parts = {part for start in good if (part := _grown(start, sites, neighbours, cost_of, costs)) is not None}
    if not parts:
        raise InputError(f"network.sites: {sites} connected working qubits are not found on {backend.name}; give fewer sites")
    read = [site for site in outputs if 0 <= site < sites]

    def damping(order: list[int]) -> float:
        part = frozenset(order)
        distance = _distances([order[site] for site in read] or order, part, neighbours)
        gates = {q: sum(costs[min(q, b), max(q, b)] for b in neighbours[q] & part) for q in part}
        return sum((DECAY ** distance[q] * (GATES * gates[q] + READOUTS * cost_of[q])) ** 2 for q in part)

    orders = [order for part in sorted(parts, key=sorted) for order in _numberings(part, neighbours)]
    order = min(orders, key=lambda each: (damping(each), each))
    best, site = frozenset(order), {q: s for s, q in enumerate(order)}
    pairs = [(a, b) for a, b in costs if a in best and b in best]
    score = math.exp(-sum(cost_of[q] for q in best) - sum(costs[pair] for pair in pairs))
    edges = sorted((min(site[a], site[b]), max(site[a], site[b])) for a, b in pairs)
    return NativeGraph(tuple(order), tuple(edges), score)


def _numberings(part: frozenset[int], neighbours: dict[int, set[int]]) -> list[list[int]]:
    """Return numberings of a set of qubits: breadth first from each qubit with the fewest neighbours in the set."""
    degrees = {q: len(neighbours[q] & part) for q in part}
    return [_breadth_first(q, part, neighbours) for q in sorted(part) if degrees[q] == min(degrees.values())]


def _distances(origins: Sequence[int], part: frozenset[int], neighbours: dict[int, set[int]]) -> dict[int, int]:
    distance, reached = dict.fromkeys(origins, 0), list(origins)
    for q in reached:  # the list grows while it is read
        for b in neighbours[q] & part - distance.keys():
            distance[b] = distance[q] + 1
            reached.append(b)
    return distance


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
