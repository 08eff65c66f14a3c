"""Classical networks with a quadratic energy: springs at rest, and linear resistors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from qep_qiskit.checks import flag
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import NETWORKS, Key
from qep_qiskit.networks.edges import Edge, Edges, connected_to
from qep_qiskit.networks.graph import Side, SiteCount, Sites, graph_of, sites_of
from qep_qiskit.networks.network import Network, Term, Vector
from qep_qiskit.networks.polynomial import MOMENTUM, PRODUCT, Monomial, Polynomial, constant, position
from qep_qiskit.networks.quadratic.network import QuadraticNetwork
from qep_qiskit.networks.quadratic.oscillators import oscillators, spring

LARGEST_VOLTAGE = 1e100


@NETWORKS.register("elastic")
def elastic(
    *,
    sites: SiteCount = None,
    edges: Edges = "chain",
    inputs: Sites = (),
    outputs: Sites,
    biases: Annotated[bool, Key("whether forces b on the sites are weights")] = False,
    rows: Side = None,
    columns: Side = None,
) -> Network:
    """Return the network E = ½ Σ a_i r_i² + ½ Σ k_ij (r_i − r_j)² − Σ b_i r_i − Σ x_i r_i of springs at rest.

    This is the classical limit ħ → 0 of :func:`oscillators`: the state is the point of lowest energy, with the oscillators' means
    but without their spread. The two differ if the cost depends on the spread, as ``SquaredError(y).observable()`` does.

    Parameters
    ----------
    sites, edges, inputs, outputs, biases, rows, columns
        See :func:`oscillators`. There are no masses, since they have no effect at rest.

    Returns
    -------
    Network
        The network, with the weights ``k[i,j]`` per edge, then ``a[i]`` per site, then ``b[i]`` per site with `biases`.

    Notes
    -----
    The network is linear, so EP with a squared error of expectations and the symmetric stencil is exact at any β. See Scellier &
    Bengio (2017), arXiv:1602.05179, for EP; Stern et al. (2021), doi:10.1103/PhysRevX.11.021045, for learning spring networks.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.elastic(sites=2, inputs=[0], outputs=[1])
    >>> problem = qep.Problem(network, [1.0, 1.0, 1.0], x=[3.0], cost=qep.SquaredError([0.0]).observable())
    >>> round(qep.exact_gradient(problem).loss, 6)
    1.0
    """
    network = oscillators(sites=sites, edges=edges, inputs=inputs, outputs=outputs, biases=biases, rows=rows, columns=columns)
    assert isinstance(network, QuadraticNetwork)
    described = {k: v for k, v in network.description.items() if k not in ("masses", "levels", "encoding")}
    return replace(network, quantum=False, description={**described, "kind": "elastic"})


@NETWORKS.register("resistors")
def resistors(
    *,
    sites: SiteCount = None,
    edges: Edges = "chain",
    inputs: Sites = (),
    outputs: Sites,
    ground: Sites = (),
    clamp: Annotated[bool, Key("true if inputs are voltages, false if they are currents")] = True,
    rows: Side = None,
    columns: Side = None,
) -> Network:
    """Return a network of linear resistors with P/2 = ½ Σ g_ij (v_i − v_j)² − Σ I_i v_i, lowest at Kirchhoff's node voltages.

    Parameters
    ----------
    sites, edges, inputs, rows, columns
        See :func:`ising`; an edge is a resistor.
    outputs : sequence of int
        The nodes whose voltages are the predictions.
    ground : sequence of int
        Nodes held at 0 V.
    clamp : bool
        If True, x_i are fixed voltages of the input nodes; if False, x_i are currents into them.

    Returns
    -------
    Network
        The network, with one conductance ``g[i,j]`` above 0 per edge. Use volts, siemens and amperes, or any consistent units.

    Raises
    ------
    InputError
        If a node has no path to a node of fixed voltage (so its voltage is not defined), an output has a fixed voltage, a
        resistor joins two nodes of fixed voltage, or a conductance is not above 0.

    Notes
    -----
    The energy of EP is half the dissipated power (the co-content of Millar 1951); its derivative with respect to g_ij is half the
    squared voltage across the resistor. A nudge is a current into the outputs. Kendall et al. (2020), arXiv:2006.01981.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> divider = qep.resistors(sites=3, edges="chain", inputs=[0], outputs=[1], ground=[2])
    >>> problem = qep.Problem(divider, [1.0, 3.0], x=[8.0], cost=qep.SquaredError([1.0]))
    >>> print(qep.exact_gradient(problem).predictions.round(6))
    [2.]
    """
    graph = graph_of(sites, edges, inputs, outputs, rows, columns, least=2)
    grounded, clamp = sites_of("ground", ground, graph.sites), flag("clamp", clamp)
    fixed = set(grounded) | (set(graph.inputs) if clamp else set())
    for node in graph.inputs:
        if node in grounded:
            raise InputError(f"inputs: node {node} is on the ground; use another node or leave it out of ground")
    for node in graph.outputs:
        if node in fixed:
            raise InputError(f"outputs: the voltage of node {node} is fixed, so it cannot answer; take a free node")
    for i, j in graph.edges:
        if {i, j} <= fixed:
            raise InputError(f"edges: [{i}, {j}] joins two nodes of fixed voltages and changes nothing; leave it out")
    reached = connected_to(fixed, graph.edges, graph.sites)
    for node in range(graph.sites):
        if node not in reached:
            raise InputError(
                f"ground: node {node} is joined to no node of fixed voltage, so its voltage floats; join or ground one"
            )
    place = {node: k for k, node in enumerate(n for n in range(graph.sites) if n not in fixed)}
    number = {node: k for k, node in enumerate(graph.inputs)} if clamp else {}
    return ResistorNetwork(
        num_qubits=0,
        terms=tuple(Term(f"g[{i},{j}]", _resistor(i, j, place, number, None)) for i, j in graph.edges),
        fixed=Polynomial({Monomial(MOMENTUM, k, k): 0.5 for k in place.values()}),
        inputs=tuple(None if clamp else position(place[node], -1.0) for node in graph.inputs),
        outputs=tuple(position(place[node]) for node in graph.outputs),
        output_names=tuple(f"v[{node}]" for node in graph.outputs),
        scales={"g": (0.5, 1.5)},
        description={"kind": "resistors", **graph.description, "ground": list(grounded), "clamp": clamp},
        sites=len(place),
        quantum=False,
        pairs=graph.edges,
        place=place,
        number=number,
    )


@dataclass(frozen=True, eq=False, repr=False)
class ResistorNetwork(QuadraticNetwork):
    """A resistor network. Its energy is also quadratic in the clamped voltages, so its terms are constructed for each x.

    Attributes
    ----------
    pairs : tuple of (int, int)
        The resistors.
    place : mapping of int to int
        The index of the coordinate of every free node.
    number : mapping of int to int
        The index of the input of every clamped node.
    """

    pairs: tuple[Edge, ...] = ()
    place: Mapping[int, int] = field(default_factory=dict)
    number: Mapping[int, int] = field(default_factory=dict)

    def at(self, weights: Vector, x: Vector) -> Network:
        """Return the network with its clamped voltages inserted; conductances must be above 0."""
        for name, value in zip(self.names, weights, strict=True):
            if value <= 0:
                raise InputError(
                    f"weights: {name} is {value:g}; a conductance must be above 0 (train with bounds = {{'g': (0.001, None)}})"
                )
        if not self.number:
            return self
        if max(map(abs, x)) > LARGEST_VOLTAGE:
            raise InputError(f"x: {max(x, key=abs):g} is too large: its square overflows; scale the inputs")
        operators = [_resistor(i, j, self.place, self.number, x) for i, j in self.pairs]
        terms = tuple(replace(term, operator=op) for term, op in zip(self.terms, operators, strict=True))
        return replace(self, terms=terms)

    def input_slopes(self, weights: Vector, x: Vector) -> tuple[Polynomial, ...]:
        """Return Σ_j g_ij (x_i − v_j) for every clamped voltage x_i."""
        slopes = [Polynomial() for _ in self.number]
        for g, pair in zip(weights, self.pairs, strict=True):
            for clamped, free in (pair, pair[::-1]):
                if clamped in self.number:
                    slope = constant(g * x[self.number[clamped]]) + position(self.place[free], -g)
                    slopes[self.number[clamped]] = slopes[self.number[clamped]] + slope
        return tuple(slopes)


def _resistor(i: int, j: int, place: Mapping[int, int], number: Mapping[int, int], x: Vector | None) -> Polynomial:
    """Return ½ (v_i − v_j)² in the free voltages; if x is None, clamped nodes are at 0."""
    if i in place and j in place:
        return spring(place[i], place[j])
    free, fixed = (place[i], j) if i in place else (place[j], i)
    volts = float(x[number[fixed]]) if x is not None and fixed in number else 0.0
    square = Polynomial({Monomial(PRODUCT, free, free): 0.5})
    return square if volts == 0.0 else square + position(free, -volts) + constant(0.5 * volts**2)
