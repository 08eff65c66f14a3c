"""Sketches: the graph of a network as plain data for drawing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from qep_qiskit.drawing.places import Places, places

Edge = tuple[int, int]
EDGE, SITE = re.compile(r"^\w+\[(\d+),(\d+)\]$"), re.compile(r"^\w+\[(\d+)\]$")


@dataclass(frozen=True)
class Sketch:
    """Sites and edges, with inputs and outputs, and weights for colours.

    Attributes
    ----------
    sites : tuple of int
    edges : mapping of (int, int) to str
        The name of each edge.
    inputs, outputs : tuple of int
    clamped : tuple of int
        Inputs that are numbers instead of sites with a state of their own.
    weights : mapping of str to float
        Weights by name; an edge without one is drawn in the colour of the text.
    """

    sites: tuple[int, ...]
    edges: Mapping[Edge, str]
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    clamped: tuple[int, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def places(self) -> Places:
        """The position of every site, with y upwards and edges of length about 1."""
        return places(self.sites, tuple(self.edges), self.inputs, self.outputs, self.clamped)

    @cached_property
    def largest(self) -> float:
        """The largest absolute weight of an edge; 0 without weights."""
        return max((abs(self.weights[name]) for name in self.edges.values() if name in self.weights), default=0.0)

    def strength(self, edge: Edge) -> float | None:
        """Return the weight of an edge as a share of the largest, from −1 to 1; None if it is not known."""
        weight = self.weights.get(self.edges[edge])
        return None if weight is None else weight / (self.largest or 1.0)

    @property
    def weak_first(self) -> list[Edge]:
        """The edges in the order of drawing: weak ones first, so that strong ones are on top."""
        return sorted(self.edges, key=lambda edge: abs(self.strength(edge) or 0.0))

    @property
    def legend(self) -> dict[str, str]:
        """The texts of the legend, where they occur: ``clamped``, ``input``, ``output``, ``positive`` and ``negative``."""
        return {
            **({"clamped": "clamped input"} if self.clamped else {}),
            **({"input": "input"} if set(self.inputs) - set(self.clamped) else {}),
            **({"output": "output"} if self.outputs else {}),
            **({"positive": "positive weight", "negative": f"negative (largest {self.largest:.2g})"} if self.largest else {}),
        }

    def note(self, site: int) -> str:
        """Return what there is to know about a site in words."""
        roles = ["clamped input"] if site in self.clamped else ["input"] if site in self.inputs else []
        roles += ["output"] if site in self.outputs else []
        weights = [
            f"{name} = {value:.4g}" for name, value in self.weights.items() if (m := SITE.match(name)) and int(m[1]) == site
        ]
        return "; ".join([f"site {site}" + (f", {' and '.join(roles)}" if roles else ""), *weights])


def sketch_of(names: Iterable[str], description: object = None, weights: Mapping[str, float] | None = None) -> Sketch | None:
    """Return the sketch of a network whose weights are named by site and edge; None if no weight has the name of an edge.

    Parameters
    ----------
    names : iterable of str
        The names of the weights. Weights of edges are named like ``J[i,j]``, weights of single sites like ``h[i]``.
    description : mapping, or anything else if it is not known
        The network's description, possibly with lists of sites as ``inputs`` and ``outputs``.
    weights : mapping of str to float, optional
    """
    names = list(names)
    edges = {(int(m[1]), int(m[2])): name for name in names if (m := EDGE.match(name))}
    if not edges:
        return None
    facts = description if isinstance(description, Mapping) else {}
    inputs, outputs = (_listed(facts.get(key)) for key in ("inputs", "outputs"))
    sites = {site for edge in edges for site in edge} | {int(m[1]) for name in names if (m := SITE.match(name))}
    clamped = inputs if facts.get("clamp") is True else ()
    return Sketch(tuple(sorted(sites | {*inputs, *outputs})), edges, inputs, outputs, clamped, dict(weights or {}))


def _listed(given: object) -> tuple[int, ...]:
    return tuple(s for s in given if isinstance(s, int)) if isinstance(given, Collection) and not isinstance(given, str) else ()
