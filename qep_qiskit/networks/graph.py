"""Graphs of networks: sites, edges, inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np

from qep_qiskit.checks import shown, whole
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import Key
from qep_qiskit.networks.edges import Edge, Edges, connected_to, edges_of, number_of_nodes
from qep_qiskit.networks.network import check_outputs

Sites: TypeAlias = Annotated[Sequence[int] | int, Key("a list of sites, such as [0, 1]", form=list[int] | int)]
MOST_SPINS, MOST_SITES = 1000, 100_000
"""The largest numbers of spins in a spec, and of sites in any network."""
SpinCount: TypeAlias = Annotated[int | None, Key("the number of sites", least=1, most=MOST_SPINS)]
SiteCount: TypeAlias = Annotated[int | None, Key("the number of sites", least=1, most=MOST_SITES)]
Side: TypeAlias = Annotated[int | None, Key("a side of a square lattice", least=1, most=MOST_SITES)]


@dataclass(frozen=True)
class Graph:
    """A graph of sites and edges, with its input and output sites."""

    sites: int
    edges: tuple[Edge, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    name: str | None = None

    @property
    def description(self) -> dict[str, object]:
        """The part of a network's description about its graph; a square lattice is described by its edges."""
        edges = [list(pair) for pair in self.edges] if self.name in (None, "square") else self.name
        return {"sites": self.sites, "edges": edges, "inputs": list(self.inputs), "outputs": list(self.outputs)}

    def refuse_disconnected(self) -> None:
        """Refuse an output without a path to any input."""
        reached = connected_to(self.inputs, self.edges, self.sites)
        for site in self.outputs:
            if self.inputs and site not in reached:
                raise InputError(
                    f"outputs: site {site} is disconnected from every input, so it cannot answer; add an edge that joins it"
                )


def graph_of(
    sites: object, edges: Edges, inputs: object, outputs: object, rows: object = None, columns: object = None, *, least: int = 1
) -> Graph:
    """Return the graph described by the arguments of a network.

    Raises
    ------
    InputError
        If a number of sites is missing or wrong, an edge or site is out of range or given twice, or the list of outputs is empty.
    """
    number = sites_for(sites, edges, rows, columns, least=least)
    pairs = edges_of(edges, number, rows, columns)
    inputs, outputs = sites_of("inputs", inputs, number), sites_of("outputs", outputs, number)
    check_outputs(outputs)
    return Graph(number, pairs, inputs, outputs, edges if isinstance(edges, str) else None)


def sites_for(sites: object, edges: Edges, rows: object = None, columns: object = None, *, least: int = 1) -> int:
    """Return the given number of sites, or by default that of the graph or the lattice.

    Raises
    ------
    InputError
        If the number is missing, is not a whole number, or contradicts rows × columns.
    """
    counted = None if rows is None or columns is None else whole("rows", rows, least=1) * whole("columns", columns, least=1)
    if sites is None:
        sites = number_of_nodes(edges) if counted is None else counted
        if sites is None:
            remedy = "; a square lattice takes rows and columns" if isinstance(edges, str) and edges == "square" else ""
            raise InputError(f"sites: missing; give the number of sites{remedy}")
    number = whole("sites", sites, least=least, most=MOST_SITES)
    if counted is not None and number != counted:
        raise InputError(f"sites: {number} is not rows × columns = {counted}; leave sites out")
    return number


def sites_of(name: str, nodes: object, sites: int) -> tuple[int, ...]:
    """Return distinct sites from a list, an array or a single site; `name` names the argument in errors."""
    nodes = nodes.tolist() if isinstance(nodes, np.ndarray) else nodes
    if hasattr(nodes, "__index__") or isinstance(nodes, float):
        nodes = [nodes]
    if isinstance(nodes, str | bytes | Mapping) or not isinstance(nodes, Iterable):
        raise InputError(f"{name}: {shown(nodes)} is not a list of sites such as [0, 1]")
    numbers = []
    for site in nodes:
        try:
            number = whole(name, site, least=-(2**63))
        except InputError:
            raise InputError(f"{name}: {shown(site)} is not a site; give whole numbers") from None
        if not 0 <= number < sites:
            raise InputError(f"{name}: site {shown(number)} is out of range; sites are 0 to {sites - 1}")
        numbers.append(number)
    if len(set(numbers)) != len(numbers):
        raise InputError(f"{name}: {shown(numbers)} names a site twice")
    return tuple(numbers)
