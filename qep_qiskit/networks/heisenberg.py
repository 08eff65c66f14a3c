"""Isotropic Heisenberg networks."""

from __future__ import annotations

from dataclasses import replace

from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.kinds import NETWORKS
from qep_qiskit.networks.edges import Edges
from qep_qiskit.networks.graph import Side, Sites, SpinCount
from qep_qiskit.networks.ising import ising
from qep_qiskit.networks.network import Network, Term


@NETWORKS.register("heisenberg")
def heisenberg(
    *,
    sites: SpinCount = None,
    edges: Edges = "chain",
    inputs: Sites = (),
    outputs: Sites,
    rows: Side = None,
    columns: Side = None,
) -> Network:
    """Return the network H = −Σ J_ij (X_i X_j + Y_i Y_j + Z_i Z_j) − Σ h_i Z_i − Σ g_i X_i − Σ x_i Z_i.

    Parameters
    ----------
    sites, edges, inputs, outputs, rows, columns
        As of :func:`ising`.

    Returns
    -------
    Network
        Weights ``J[i,j]`` per edge, then ``h[i]``, then ``g[i]`` per site.
    """
    network = ising(sites=sites, edges=edges, inputs=inputs, outputs=outputs, rows=rows, columns=columns)
    described = {key: value for key, value in network.description.items() if key != "clamp"}
    description = {**described, "kind": "heisenberg"}
    return replace(network, terms=tuple(map(_isotropic, network.terms)), description=description)


def _isotropic(term: Term) -> Term:
    (label,) = term.operator.paulis.to_labels()
    if label.count("Z") != 2:
        return term
    return replace(term, operator=SparsePauliOp([label.replace("Z", axis) for axis in "XYZ"], [-1.0, -1.0, -1.0]))
