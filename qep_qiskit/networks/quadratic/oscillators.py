"""Networks of coupled quantum harmonic oscillators."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike

from qep_qiskit.checks import flag
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import NETWORKS, Key
from qep_qiskit.networks.edges import Edges
from qep_qiskit.networks.graph import Side, SiteCount, Sites, graph_of
from qep_qiskit.networks.network import Network, Term, Vector, finite_vector
from qep_qiskit.networks.polynomial import MOMENTUM, PRODUCT, Monomial, Polynomial, position
from qep_qiskit.networks.quadratic.encoded import encoded, unit_reference
from qep_qiskit.networks.quadratic.levels import ENCODINGS, check_levels
from qep_qiskit.networks.quadratic.network import QuadraticNetwork

DEFAULT_SITES = 4
SCALES = {"k": (0.2, 1.0), "a": (0.5, 1.5), "b": (-0.5, 0.5)}


@NETWORKS.register("oscillators")
def oscillators(
    *,
    sites: SiteCount = None,
    edges: Edges = "chain",
    masses: Annotated[float | ArrayLike, Key("a number above 0, or a list with one per site", form=float | list[float])] = 1.0,
    inputs: Sites = (),
    outputs: Sites,
    biases: Annotated[bool, Key("whether forces b on the sites are weights")] = False,
    levels: Annotated[int | None, Key("a power of two from 2 to 64, or leave it out for the closed form")] = None,
    encoding: Annotated[str, Key(words=tuple(ENCODINGS))] = "binary",
    rows: Side = None,
    columns: Side = None,
) -> Network:
    """Return the network H = Σ p_i²/2m_i + ½ Σ a_i r_i² + ½ Σ k_ij (r_i − r_j)² − Σ b_i r_i − Σ x_i r_i.

    Parameters
    ----------
    sites, edges, inputs, rows, columns
        See :func:`ising`; 4 sites by default. The x_i are forces.
    masses : float or array_like of shape (sites,)
        The fixed, positive masses.
    outputs : sequence of int
        The sites whose ⟨r⟩ are the predictions.
    biases : bool
        Whether there are trainable forces b_i, with the sign of the inputs: −b_i r_i.
    levels : int, optional
        If given, a power of two: the number of levels kept of every oscillator, on log₂(levels) qubits. Default: closed form.
    encoding : {"binary", "gray"}
        The code that assigns levels to basis states; Gray codes need fewer measurement bases.

    Returns
    -------
    Network
        The network, with the weights ``k[i,j]`` per edge, then ``a[i]`` per site, then ``b[i]`` per site with `biases`.

    Raises
    ------
    InputError
        If a site is out of range or used twice, a mass is not positive, or an output has no path to an input. Weights with a form
        that is not positive definite are refused when a gradient is computed; the error names the mode.

    Notes
    -----
    The unit of action is ħ = 1. If masses are in units of m₀ and stiffnesses in units of k₀, frequencies and energies are in
    units of ω₀ = √(k₀/m₀), positions in units of √(1/(m₀ω₀)), and forces in units of √(m₀ω₀³).

    On qubits, the levels of an oscillator are those of the network's mean field at the problem's weights and inputs: an
    oscillator with the frequency √(K_ii/m_i) of its own stiffness, centred on its classical position. See
    `EncodedNetwork` in `networks/quadratic/encoded.py`.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.oscillators(sites=2, inputs=[0], outputs=[1])
    >>> network.names
    ('k[0,1]', 'a[0]', 'a[1]')
    >>> problem = qep.Problem(network, [1.0, 1.0, 1.0], x=[3.0], cost=qep.SquaredError([0.0]))
    >>> print(qep.exact_gradient(problem).predictions.round(6))
    [1.]
    """
    graph = graph_of(counted(sites, edges), edges, inputs, outputs, rows, columns)
    sites, biases = graph.sites, flag("biases", biases)
    count, code = check_levels(2 if levels is None else levels, encoding)
    weights = _masses(masses, sites)
    graph.refuse_disconnected()
    terms = [Term(f"k[{i},{j}]", spring(i, j)) for i, j in graph.edges]
    terms += [Term(f"a[{i}]", Polynomial({Monomial(PRODUCT, i, i): 0.5})) for i in range(sites)]
    terms += [Term(f"b[{i}]", position(i, -1.0)) for i in range(sites) if biases]
    options = {"masses": weights.tolist(), "biases": biases, "levels": None}
    network = QuadraticNetwork(
        num_qubits=0,
        terms=tuple(terms),
        fixed=Polynomial({Monomial(MOMENTUM, i, i): 0.5 / m for i, m in enumerate(weights)}),
        inputs=tuple(position(site, -1.0) for site in graph.inputs),
        outputs=tuple(position(site) for site in graph.outputs),
        output_names=tuple(f"r[{site}]" for site in graph.outputs),
        scales=SCALES,
        description={"kind": "oscillators", **graph.description, **options},
        sites=sites,
    )
    return network if levels is None else encoded(network, count, code, unit_reference(network))


def counted(sites: int | None, edges: Edges) -> int | None:
    """Return the given number of sites; 4 if it is omitted and the edges do not determine it."""
    named = isinstance(edges, str) and edges != "square"
    return DEFAULT_SITES if sites is None and (named or isinstance(edges, list | tuple)) else sites


def spring(i: int, j: int) -> Polynomial:
    """Return ½ (r_i − r_j)²."""
    pair = (min(i, j), max(i, j))
    return Polynomial({Monomial(PRODUCT, i, i): 0.5, Monomial(PRODUCT, j, j): 0.5, Monomial(PRODUCT, *pair): -1.0})


def _masses(masses: float | ArrayLike, sites: int) -> Vector:
    one_number = isinstance(masses, int | float | np.number) or (isinstance(masses, np.ndarray) and masses.ndim == 0)
    one_per_site = np.full(sites, masses) if one_number else masses
    values = finite_vector("masses", one_per_site, sites, "one per site, or one number for all")
    for site, value in enumerate(values):
        if value <= 0:
            raise InputError(f"masses: {value:g} of site {site} is not allowed; give positive numbers")
    return values
