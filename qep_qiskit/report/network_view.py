"""The section of a page about the network: its graph, the legend of its letters, and a circuit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from qiskit.circuit import QuantumCircuit

from qep_qiskit.drawing.graph_svg import graph_svg
from qep_qiskit.drawing.sketch import sketch_of
from qep_qiskit.networks.network import Network
from qep_qiskit.networks.sketch import network_sketch
from qep_qiskit.plain_text import shortened

MOST_INSTRUCTIONS = 600
"""The largest number of instructions of a circuit that is drawn; larger drawings are unreadable."""
BROAD, SLIM = 118, 46
"""The number of characters per line on a screen and on a telephone."""
SHORT = 40
"""The drawing of a circuit with at most this many lines is shown at once; a longer one opens on a click."""
MOST_TERMS = 12
"""The largest number of a Pauli network's terms that the legend lists one by one."""
FORMULAS = {
    "ising": "H = −Σ J ZZ − Σ h Z − Σ g X − Σ x Z",
    "phase_oscillators": "H = −Σ J (ZZ + XX) − Σ h Z − Σ g X − Σ x Z",
    "oscillators": "H = Σ p²/2m + ½ Σ k (rᵢ − rⱼ)² + ½ Σ a r² − Σ b r − Σ x r",
    "elastic": "H = ½ Σ k (rᵢ − rⱼ)² + ½ Σ a r² − Σ b r − Σ x r",
    "resistors": "H = ½ Σ g (vᵢ − vⱼ)² − Σ I v",
}
SPIN = {
    "J": "J[i,j]: the coupling of sites i and j; a positive one aligns them",
    "h": "h[i]: the field on site i along Z; a positive one pulls ⟨Z⟩ towards +1",
    "g": "g[i]: the transverse field on site i, along X; it makes the spin quantum",
}
SPRING = {
    "k": "k[i,j]: the stiffness of the spring between sites i and j",
    "a": "a[i]: the stiffness of the spring that holds site i in its place",
    "b": "b[i]: a constant force on site i",
}
WEIGHTS = {
    "ising": SPIN,
    "phase_oscillators": {**SPIN, "J": "J[i,j]: the coupling of oscillators i and j; a positive one aligns their phases"},
    "oscillators": SPRING,
    "elastic": SPRING,
    "resistors": {"g": "g[i,j]: the conductance of the resistor between nodes i and j; v are voltages"},
}


@dataclass(frozen=True)
class Drawing:
    """A circuit drawn in text twice, for broad and for slim screens, below a title."""

    title: str
    broad: str
    slim: str

    @property
    def short(self) -> bool:
        """Whether the drawing is short enough to be shown at once."""
        return self.broad.count("\n") < SHORT


@dataclass(frozen=True)
class Letters:
    """The formula of the Hamiltonian, if it is known, and the letters with their meanings."""

    formula: str
    rows: Sequence[tuple[str, str]]


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


def letters_of(names: Sequence[str], description: object = None, network: Network | None = None) -> Letters:
    """Return the legend for a network.

    Parameters
    ----------
    names : sequence of str
        The names of the weights.
    description : mapping, or anything else if it is not known
        The network's description.
    network : Network, optional
        The network itself, for the terms of one that is made of Pauli strings.
    """
    kind = str(description.get("kind", "")) if isinstance(description, Mapping) else ""
    groups = dict.fromkeys(name.partition("[")[0] for name in names)
    meanings = WEIGHTS.get(kind, {})
    weights = [(shortened(group, 16), meanings[group]) for group in groups if group in meanings]
    if not weights:
        weights = _terms(network) if network is not None and kind == "pauli" else [("w", "the trainable weights of H")]
    inputs = [("x", "the inputs")] if network is None or network.num_inputs else []
    nothing = "" if kind in FORMULAS else "H(w, x) = Σ w · (its operator) + the parts without weights"
    formula = FORMULAS.get(kind, nothing)
    if "b" not in groups:
        formula = formula.replace(" − Σ b r", "")
    return Letters(
        formula,
        [
            ("H", "the energy (Hamiltonian) of the network; its state of lowest energy is the answer"),
            *weights,
            *inputs,
            ("L", "the loss: how far the answer is from the target. The gradient ∂L/∂w says how each weight changes it"),
            (
                "β",
                "the strength of the nudge: L, as an operator, is added to H with this factor, and the answer changes a little",
            ),
        ],
    )


def _terms(network: Network) -> list[tuple[str, str]]:
    """Return the Pauli strings that each weight multiplies; only their number if there are many."""
    if len(network.terms) > MOST_TERMS:
        return [("w", f"{len(network.terms)} weights; each multiplies the Pauli strings that the spec gives it")]
    return [(shortened(term.name, 16), f"a weight; it multiplies {_sum(term.operator)}") for term in network.terms]


def _sum(operator: object) -> str:
    pairs = list(operator.to_list())[:5]  # type: ignore[attr-defined]
    ending = " …" if len(operator) > 5 else ""  # type: ignore[arg-type]
    strings = [
        f"{'−' if c.real < 0 else '+'} {'' if abs(abs(c.real) - 1) < 1e-12 else f'{abs(c.real):.4g} '}{label}"
        for label, c in pairs
    ]
    return " ".join(strings).removeprefix("+ ") + ending


def drawing(title: str, circuit: QuantumCircuit) -> Drawing:
    """Return a circuit as text for a page."""
    return Drawing(title, circuit_text(circuit, BROAD), circuit_text(circuit, SLIM))


def circuit_text(circuit: QuantumCircuit, width: int = BROAD) -> str:
    """Return the drawing of a circuit, or one line with its size if it is too large to draw.

    Examples
    --------
    >>> bell = QuantumCircuit(2)
    >>> _ = bell.h(0), bell.cx(0, 1)
    >>> "■" in circuit_text(bell)
    True
    """
    count = sum(1 for item in circuit.data if item.operation.name != "barrier")
    if count > MOST_INSTRUCTIONS:
        return f"{count:,} gates on {circuit.num_qubits} qubits: too many to draw (at most {MOST_INSTRUCTIONS})"
    return str(circuit.draw("text", fold=width, idle_wires=False, cregbundle=True))
