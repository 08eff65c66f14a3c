"""A search for embeddings of a circuit into a device's couplings, without SWAPs and with the least damping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import rustworkx as rx
from numpy.typing import NDArray

from qep_qiskit.devices.calibrated_errors import Errors
from qep_qiskit.devices.layout.exposure import Exposure

Real = NDArray[np.float64]
Integers = NDArray[np.int64]
WIDTHS = (1000, 4000)
"""The number of partial embeddings that the search keeps; the second number is used if the first finds no whole embedding."""
READOUT = 0.5
"""The weight of readout errors relative to gate errors. It is below 1 since most readout errors are corrected. It is the same for
all mitigations, which should be compared on the same qubits."""


@dataclass(frozen=True, eq=False)
class Weighing:
    """The data for predicting the error of a layout: the exposure of a circuit's strings, and a device's errors.

    Attributes
    ----------
    exposure : Exposure
    errors : Errors
    """

    exposure: Exposure
    errors: Errors

    def gates(self, layout: Integers) -> Real:
        """Return the exponents of each string's damping by the gate errors of a layout, shape (K,)."""
        pairs = np.array(self.exposure.pairs, dtype=np.int64).reshape(-1, 2)
        couplings = np.minimum(self.errors.coupling[layout[pairs[:, 0]], layout[pairs[:, 1]]], 1.0)
        return self.exposure.coupling @ couplings + self.exposure.single @ self.errors.single[layout]

    def readouts(self, layout: Integers) -> Real:
        """Return the exponents of each string's damping by the readout errors of a layout, shape (K,)."""
        return self.exposure.readout @ self.errors.readout[layout]

    def error(self, layout: Integers) -> float:
        """Return the predicted relative error due to damping."""
        return float(self.exposure.error(self.gates(layout) + READOUT * self.readouts(layout)))


def embeddings(weighing: Weighing, couplings: NDArray[np.bool_]) -> Integers:
    """Return embeddings into the given couplings, in ascending order of the predicted error; none if the search finds none.

    This is a beam search. Qubits are placed one after another, outwards from the most important one and next to their placed
    neighbours, and the partial embeddings with the least error are kept. No two qubits may be farther apart on the device than in
    the circuit, which leaves few dead ends.

    Returns
    -------
    ndarray of shape (embeddings, n)
        The device qubit of every qubit.
    """
    for width in WIDTHS:
        found, whole = _search(weighing, couplings, width)
        if len(found) or whole:
            break
    return found


def _search(weighing: Weighing, couplings: NDArray[np.bool_], width: int) -> tuple[Integers, bool]:
    """Return the embeddings that were found, and whether every partial embedding was followed."""
    exposure, errors = weighing.exposure, weighing.errors
    graph = _graph(exposure.readout.shape[1], exposure.pairs)
    device = _graph(len(couplings), map(tuple, np.argwhere(np.triu(couplings)).tolist()))
    near, far = _distances(graph), _distances(device)
    degrees = couplings.sum(axis=1)
    beside = np.full((len(couplings), max(1, int(degrees.max(initial=0)))), -1)
    for qubit, row in enumerate(couplings):
        beside[qubit, : degrees[qubit]] = np.flatnonzero(row)
    width = max(50, 4 * width // max(4, beside.shape[1]))  # all-to-all devices have many candidates for each qubit
    column = {pair: number for number, pair in enumerate(exposure.pairs)}
    order = _order(graph, exposure)
    layouts, exponents = np.full((1, len(order)), -1), np.zeros((1, len(exposure.sizes)))
    whole = True
    for step, qubit in enumerate(order):
        placed, neighbours = order[:step], [q for q in order[:step] if graph.has_edge(q, qubit)]
        if neighbours:
            choices = beside[layouts[:, neighbours[0]]]
            rows, columns = np.nonzero(choices >= 0)
            places = choices[rows, columns]
        else:
            rows, places = (part.ravel() for part in np.indices((len(layouts), len(couplings))))
        there = layouts[rows][:, placed]
        apart = far[places[:, None], there]
        fits = (degrees[places] >= graph.degree(qubit)) & (apart > 0).all(axis=1) & (apart <= near[qubit, placed]).all(axis=1)
        rows, places = rows[fits], places[fits]
        if not len(rows):
            return np.empty((0, len(order)), dtype=np.int64), whole
        damped = exponents[rows] + np.outer(errors.single[places], exposure.single[:, qubit])
        damped += np.outer(READOUT * errors.readout[places], exposure.readout[:, qubit])
        for other in neighbours:
            pair = (min(other, qubit), max(other, qubit))
            damped += np.outer(np.minimum(errors.coupling[layouts[rows, other], places], 1.0), exposure.coupling[:, column[pair]])
        best = np.argsort(exposure.error(damped), kind="stable")[:width]
        whole &= len(best) == len(rows)
        layouts, exponents = layouts[rows[best]], damped[best]
        layouts[:, qubit] = places[best]
    return layouts, whole


def _order(graph: rx.PyGraph, exposure: Exposure) -> list[int]:
    """Return the qubits of one connected part after another, breadth first from the qubit with the most important strings."""
    matters = np.square(exposure.sizes) @ (exposure.readout > 0)
    order: list[int] = []
    for first in sorted(graph.node_indices(), key=lambda q: -matters[q]):
        if first in order:
            continue
        order.append(first)
        for qubit in order:  # the list grows while it is read
            fresh = set(graph.neighbors(qubit)) - set(order)
            order += sorted(fresh, key=lambda q: (-len(set(graph.neighbors(q)) & set(order)), -matters[q], q))
    return order


def _graph(size: int, pairs: object) -> rx.PyGraph:
    graph: rx.PyGraph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(size))
    graph.add_edges_from_no_data(list(pairs))  # type: ignore[call-overload]
    return graph


def _distances(graph: rx.PyGraph) -> Real:
    return np.asarray(rx.distance_matrix(graph, null_value=np.inf))
