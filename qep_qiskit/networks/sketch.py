"""The graph of a network, for drawings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.drawing.graph_svg import graph_svg
from qep_qiskit.drawing.sketch import Sketch, sketch_of

if TYPE_CHECKING:
    from qep_qiskit.networks.network import Network


def network_sketch(network: Network, weights: Mapping[str, float] | None = None) -> Sketch | None:
    """Return the graph of a network; None if no term couples two sites.

    Networks of sites and edges are drawn by the names of their weights. In any other network on qubits, every string of a term
    on two qubits is an edge.

    Parameters
    ----------
    network : Network
    weights : mapping of str to float, optional
        Weights for the colours of the edges.
    """
    sketch = sketch_of(network.names, network.description, weights)
    if sketch is not None or not network.num_qubits:
        return sketch
    edges = {pair: term.name for term in reversed(network.terms) for pair in _supports(term.operator) if len(pair) == 2}
    if not edges:
        return None
    inputs, outputs = (_sites(group) for group in (network.inputs, network.outputs))
    return Sketch(tuple(range(network.num_qubits)), edges, inputs, outputs, weights=dict(weights or {}))


def network_svg(network: Network, weights: Mapping[str, float] | None = None) -> str:
    """Return the graph of a network as an SVG element; empty if no term couples two sites."""
    sketch = network_sketch(network, weights)
    return "" if sketch is None else graph_svg(sketch)


def _supports(operator: Any) -> list[tuple[int, ...]]:
    if not isinstance(operator, SparsePauliOp):
        return []
    return [tuple(sorted(qubits)) for _, qubits, _ in operator.to_sparse_list()]


def _sites(operators: Iterable[Any]) -> tuple[int, ...]:
    """Return the qubits of operators that act on a single one."""
    sites = {support[0] for operator in operators for support in _supports(operator) if len(support) == 1}
    return tuple(sorted(sites))
