"""The section of a page about the network: its graph, the legend of its letters, and a circuit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from qep_qiskit.drawing.graph_svg import graph_svg
from qep_qiskit.drawing.sketch import sketch_of
from qep_qiskit.networks.network import Network
from qep_qiskit.networks.sketch import network_sketch
from qep_qiskit.report.circuit_text import Drawing
from qep_qiskit.report.letters import Letters, letters_of


@dataclass(frozen=True)
class NetworkView:
    """The content of the section; the graph is SVG."""

    letters: Letters
    graph: Markup | None = None
    circuit: Drawing | None = None


def network_view(
    names: Sequence[str],
    *,
    description: object = None,
    weights: Mapping[str, float] | None = None,
    network: Network | None = None,
    circuit: Drawing | None = None,
) -> NetworkView:
    """Return the section for a network.

    Parameters
    ----------
    names : sequence of str
        The names of the weights.
    description : mapping, or anything else if it is not known
        The network's description.
    weights : mapping of str to float, optional
        The weights, for the colours of the edges.
    network : Network, optional
        The network itself; without it, the graph and the legend follow from the names and the description.
    circuit : Drawing, optional
    """
    sketch = sketch_of(names, description, weights) if network is None else network_sketch(network, weights)
    graph = None if sketch is None else Markup(graph_svg(sketch))
    return NetworkView(letters_of(names, description, network), graph, circuit)
