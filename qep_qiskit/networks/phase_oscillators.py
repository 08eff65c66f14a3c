"""Networks of coupled phase oscillators, represented by qubits with couplings XX + ZZ."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.kinds import NETWORKS
from qep_qiskit.networks.edges import Edges
from qep_qiskit.networks.graph import Side, Sites, SpinCount
from qep_qiskit.networks.ising import CLAMP, ising
from qep_qiskit.networks.network import Network, Term

SCALES = {"J": (-1.0, 1.0), "h": (-0.5, 0.5), "g": (-0.5, 0.5)}


@NETWORKS.register("phase_oscillators")
def phase_oscillators(
    *,
    sites: SpinCount = None,
    edges: Edges = "chain",
    inputs: Sites = (),
    outputs: Sites,
    clamp: Annotated[bool, CLAMP] = False,
    rows: Side = None,
    columns: Side = None,
) -> Network:
    """Return the network H = −Σ J_ij (Z_i Z_j + X_i X_j) − Σ h_i Z_i − Σ g_i X_i − Σ x_i Z_i.

    Its mean field (``preparer=MeanField()``) is a network of classical phase oscillators, Z = cos φ and X = sin φ:
    E = −Σ J_ij cos(φ_i − φ_j) − Σ h_i cos φ_i − Σ g_i sin φ_i − Σ x_i cos φ_i. Any other preparer makes it a quantum XY network.

    Parameters
    ----------
    sites, edges, inputs, rows, columns
        See :func:`ising`.
    outputs : sequence of int
        The sites whose cos φ are the predictions.
    clamp : bool
        If False, x_i pulls its oscillator towards phase 0 (x_i > 0) or π (x_i < 0). If True, the input sites have phase 0 and
        amplitude x_i, so that x_i = −1 is the phase π; an edge to such a site is the term −J x_i Z_j = −J x_i cos φ_j.

    Returns
    -------
    Network
        The network, with the weights ``J[i,j]`` per edge, then ``h[i]``, then ``g[i]`` per free site.

    Raises
    ------
    InputError
        See :func:`ising`.

    Notes
    -----
    h_i and g_i together are a bias of strength √(h_i² + g_i²) towards the phase atan2(g_i, h_i); g also decides between φ and −φ.
    States in the XZ plane have the lowest energy, since a spin outside that plane only loses coupling energy. Wang, Wanjura &
    Marquardt (2024), arXiv:2402.08579, trained such networks with EP.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.phase_oscillators(sites=2, outputs=[1])
    >>> network.terms[0].operator.to_list()
    [('ZZ', (-1+0j)), ('XX', (-1+0j))]
    """
    network = ising(sites=sites, edges=edges, inputs=inputs, outputs=outputs, clamp=clamp, rows=rows, columns=columns)
    return replace(
        network,
        terms=tuple(_turned(term) for term in network.terms),
        scales=SCALES,
        description={**network.description, "kind": "phase_oscillators"},
    )


def _turned(term: Term) -> Term:
    """Return a coupling −ZZ with −XX added, and any other term unchanged."""
    (label,) = term.operator.paulis.to_labels()
    if label.count("Z") != 2:
        return term
    return replace(term, operator=SparsePauliOp([label, label.replace("Z", "X")], [-1.0, -1.0]))
