"""Rotations about Pauli strings, and an order of them that keeps circuits shallow."""

from __future__ import annotations

import itertools
import re
from typing import TypeAlias

import numpy as np
import rustworkx as rx
from numpy.typing import NDArray
from qiskit.circuit import ParameterExpression, QuantumCircuit
from qiskit.quantum_info import PauliList

Packing: TypeAlias = tuple[tuple[tuple[int, ...], ...], ...]
"""Groups of commuting strings, divided into slices on disjoint qubits; a string is represented by its row number."""


def evolve(circuit: QuantumCircuit, label: str, angle: float | ParameterExpression) -> None:
    """Append exp(−i angle/2 P) for one Pauli string P.

    One letter becomes rx, ry or rz, and two equal letters become rxx, ryy or rzz. Longer or mixed strings become a change
    of basis, a ladder of CX and an rz, followed by the inverse ladder and change of basis. For the identity, nothing is
    appended (its effect is a global phase).

    Parameters
    ----------
    circuit : QuantumCircuit
        Changed in place.
    label : str
        One letter per qubit in Qiskit's order: the rightmost is qubit 0.
    angle : float or ParameterExpression
        In radians.

    Examples
    --------
    >>> circuit = QuantumCircuit(3)
    >>> evolve(circuit, "ZIZ", 0.1)
    >>> dict(circuit.count_ops())
    {'rzz': 1}
    """
    letters = {found.start(): found[0] for found in re.finditer("[XYZ]", label[::-1])}
    qubits = list(letters)
    kinds = set(letters.values())
    if len(qubits) == 1:
        {"X": circuit.rx, "Y": circuit.ry, "Z": circuit.rz}[kinds.pop()](angle, qubits[0])
    elif len(qubits) == 2 and len(kinds) == 1:
        {"X": circuit.rxx, "Y": circuit.ryy, "Z": circuit.rzz}[kinds.pop()](angle, *qubits)
    elif qubits:
        _ladder(circuit, letters, angle)


def _ladder(circuit: QuantumCircuit, letters: dict[int, str], angle: float | ParameterExpression) -> None:
    qubits = list(letters)
    for qubit, letter in letters.items():
        if letter == "Y":
            circuit.sdg(qubit)
        if letter in "XY":
            circuit.h(qubit)
    for a, b in itertools.pairwise(qubits):
        circuit.cx(a, b)
    circuit.rz(angle, qubits[-1])
    for a, b in reversed(list(itertools.pairwise(qubits))):
        circuit.cx(a, b)
    for qubit, letter in letters.items():
        if letter in "XY":
            circuit.h(qubit)
        if letter == "Y":
            circuit.s(qubit)


def pack(paulis: PauliList) -> Packing:
    """Sort Pauli strings into groups of commuting strings, and each group into slices on disjoint qubits.

    The groups are the diagonal strings, strings of X only, strings of Y only, and greedily chosen groups of the rest. Within
    a group, the two-qubit strings are the edges of a graph, and an edge colouring gives the slices. The number of slices is
    the largest degree (or one more if the graph is not bipartite), whatever the number of edges. The identity is omitted.

    Parameters
    ----------
    paulis : PauliList of length L

    Returns
    -------
    tuple of tuple of tuple of int
        ``pack(paulis)[group][slice]`` is a tuple of row numbers of `paulis`.

    Notes
    -----
    The edge colouring uses rustworkx: Kőnig's algorithm for bipartite graphs, otherwise that of Misra and Gries (1992).

    Examples
    --------
    >>> pack(PauliList(["IIZZ", "IZZI", "ZZII", "IIIX", "XIII"]))
    (((0, 2), (1,)), ((3, 4),))
    """
    active = (paulis.x | paulis.z).any(axis=1)
    kind = np.where(~paulis.x.any(axis=1), 0, np.where(~paulis.z.any(axis=1), 1, 2))
    kind[(kind == 2) & (paulis.x != paulis.z).any(axis=1)] = 3
    groups = [np.flatnonzero(active & (kind == k)) for k in range(3)]
    groups += _commuting_groups(paulis, np.flatnonzero(active & (kind == 3)))
    return tuple(_slices(paulis, group) for group in groups if group.size)


def _commuting_groups(paulis: PauliList, members: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    x, z = paulis.x.astype(np.int64), paulis.z.astype(np.int64)
    groups: list[list[int]] = []
    for row in members:
        for group in groups:
            if not np.any((x[group] @ z[row] + z[group] @ x[row]) % 2):
                group.append(int(row))
                break
        else:
            groups.append([int(row)])
    return [np.array(group) for group in groups]


def _slices(paulis: PauliList, group: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    qubits = {int(row): frozenset(np.flatnonzero(paulis.x[row] | paulis.z[row]).tolist()) for row in group}
    edges: dict[frozenset[int], int] = {}
    for row, acted in qubits.items():
        if len(acted) == 2:
            edges.setdefault(acted, row)
    on_edges = set(edges.values())
    wide = _edge_colours(edges)
    _fill(wide, [row for row, acted in qubits.items() if len(acted) > 1 and row not in on_edges], qubits)
    narrow: list[list[int]] = []
    _fill(narrow, [row for row, acted in qubits.items() if len(acted) == 1], qubits)
    return tuple(tuple(sorted(piece)) for piece in wide + narrow)


def _edge_colours(edges: dict[frozenset[int], int]) -> list[list[int]]:
    if not edges:
        return []
    graph: rx.PyGraph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(max(max(edge) for edge in edges) + 1))
    row_of = {graph.add_edge(min(edge), max(edge), None): row for edge, row in edges.items()}
    try:
        colours = rx.graph_bipartite_edge_color(graph)
    except rx.GraphNotBipartite:
        colours = rx.graph_misra_gries_edge_color(graph)
    pieces: dict[int, list[int]] = {}
    for edge, row in row_of.items():
        pieces.setdefault(colours[edge], []).append(row)
    return list(pieces.values())


def _fill(pieces: list[list[int]], rows: list[int], qubits: dict[int, frozenset[int]]) -> None:
    """Add every row to the first piece with disjoint qubits, or to a new piece."""
    taken = [set().union(*(qubits[row] for row in piece)) for piece in pieces]
    for row in rows:
        for piece, used in zip(pieces, taken, strict=True):
            if not used & qubits[row]:
                piece.append(row)
                used |= qubits[row]
                break
        else:
            pieces.append([row])
            taken.append(set(qubits[row]))
