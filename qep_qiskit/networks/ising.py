"""Transverse-field Ising networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.checks import flag
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import NETWORKS, Key
from qep_qiskit.networks.edges import EDGES, Edges
from qep_qiskit.networks.frame import require_terms
from qep_qiskit.networks.graph import Side, Sites, SpinCount, graph_of, sites_for, sites_of
from qep_qiskit.networks.network import Network, Term, pauli_on, zero_operator

LARGEST_QUBIT = 1_000_000
SCALES = {"J": (-1.0, 1.0), "h": (-0.5, 0.5), "g": (0.5, 1.5)}

CLAMP = Key("true if inputs are numbers instead of qubits")


@NETWORKS.register("ising")
def ising(
    *,
    sites: SpinCount = None,
    edges: Annotated[Edges, Key(f'"native" (the coupling graph of the device), {EDGES}', form=str | list[list[int]])] = "chain",
    inputs: Sites = (),
    outputs: Sites,
    rows: Side = None,
    columns: Side = None,
    clamp: Annotated[bool, CLAMP] = False,
    transverse: Annotated[bool, Key("false for a classical network, without the weights g")] = True,
    device: object = None,
    qubits: Annotated[Sequence[int], Key("the device qubit of each site, such as [3, 4, 5]")] = (),
) -> Network:
    """Return the network H = −Σ J_ij Z_i Z_j − Σ h_i Z_i − Σ g_i X_i − Σ x_i Z_i.

    Parameters
    ----------
    sites : int, optional
        The number of spins, including clamped ones. Default: the number of sites of the graph or the square lattice.
    edges : {"chain", "ring", "complete", "heavy-hex", "square", "native"}, pairs, or graph
        Pairs of sites may be a list or an array of shape (edges, 2), and a graph may be of NetworkX, rustworkx or Qiskit, with
        nodes 0, 1, 2, … ``"square"`` requires `rows` and `columns`. ``"native"`` uses all couplings between connected qubits of
        `device`, chosen for a small predicted error near the outputs, so that the circuits need no SWAP.
    inputs : sequence of int
        The sites on which x acts, in the order of x.
    outputs : sequence of int, or one site
        The sites whose ⟨Z⟩ are the predictions.
    rows, columns : int, optional
        The sides of the square lattice; site r · columns + c is in row r and column c.
    clamp : bool
        If False, x_i is a longitudinal field −x_i Z_i on its site. If True, the input sites are the classical values x_i and not
        qubits: an edge to such a site is the term −J x_i Z_j, and the site has no h and no g. The other sites keep their order
        as qubits.
    transverse : bool
        Whether there are fields g_i. Without them it is a classical Ising network with one configuration as its ground state.
    device : Device, str or BackendV2, optional
        The device; allowed only with ``edges="native"``.
    qubits : sequence of int, optional
        The device qubit of each site. Default: the choice of the layout pass.

    Returns
    -------
    Network
        The network, with the weights ``J[i,j]`` per edge, then ``h[i]``, then (if `transverse`) ``g[i]`` per qubit.

    Raises
    ------
    InputError
        If a site is out of range or used twice, an output is clamped or (with inputs) has no path to an input, or an edge joins
        two clamped sites.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2], clamp=True).names
    ('J[0,1]', 'J[1,2]', 'h[1]', 'h[2]', 'g[1]', 'g[2]')
    """
    sites = sites_for(sites, edges, rows, columns)
    clamp, transverse = flag("clamp", clamp), flag("transverse", transverse)
    laid = sites_of("qubits", qubits, LARGEST_QUBIT)
    if isinstance(edges, str) and edges == "native":
        if clamp:
            raise InputError("clamp: true does not go with edges = 'native', whose sites are all qubits")
        if device is None:
            raise InputError("edges: 'native' is the coupling graph of a device; give one, such as device=qep.fake('brisbane')")
        from qep_qiskit.devices.native_graph import native_graph

        native = native_graph(device, sites, sites_of("outputs", outputs, sites))
        edges, laid = native.edges, native.qubits
    if laid and (len(laid) != sites or len(set(laid)) != sites or min(laid) < 0 or clamp):
        raise InputError(f"qubits: {list(laid)} is not allowed; give one device qubit per site, none twice, and no clamped sites")
    graph = graph_of(sites, edges, inputs, outputs, rows, columns)
    require_terms(len(graph.edges) + 2 * sites)
    clamped = set(graph.inputs) if clamp else set()
    for site in graph.outputs:
        if site in clamped:
            raise InputError(f"outputs: site {site} is a clamped input, so it has no expectation to predict with")
    for i, j in graph.edges:
        if {i, j} <= clamped:
            raise InputError(f"edges: [{i}, {j}] joins two clamped inputs and changes nothing; leave it out")
    graph.refuse_disconnected()

    qubit = {site: q for q, site in enumerate(s for s in range(sites) if s not in clamped)}
    n = len(qubit)
    terms = [_coupling(i, j, qubit, graph.inputs, n) for i, j in graph.edges]
    terms += [Term(f"h[{site}]", pauli_on(n, {q: "Z"}, -1.0)) for site, q in qubit.items()]
    if transverse:
        terms += [Term(f"g[{site}]", pauli_on(n, {q: "X"}, -1.0)) for site, q in qubit.items()]
    fields: list[SparsePauliOp | None] = [None if clamp else pauli_on(n, {qubit[site]: "Z"}, -1.0) for site in graph.inputs]
    description = {
        "kind": "ising",
        **graph.description,
        "clamp": clamp,
        **({} if transverse else {"transverse": False}),
        **({"qubits": list(laid)} if laid else {}),
    }
    return Network(
        num_qubits=n,
        terms=tuple(terms),
        fixed=zero_operator(n),
        inputs=tuple(fields),
        outputs=tuple(pauli_on(n, {qubit[site]: "Z"}) for site in graph.outputs),
        output_names=tuple(f"Z[{site}]" for site in graph.outputs),
        scales=SCALES,
        description=description,
        layout=laid or None,
    )


def _coupling(i: int, j: int, qubit: dict[int, int], inputs: Sequence[int], n: int) -> Term:
    name = f"J[{i},{j}]"
    if i in qubit and j in qubit:
        return Term(name, pauli_on(n, {qubit[i]: "Z", qubit[j]: "Z"}, -1.0))
    clamped, free = (i, j) if j in qubit else (j, i)
    return Term(name, pauli_on(n, {qubit[free]: "Z"}, -1.0), input=inputs.index(clamped))
