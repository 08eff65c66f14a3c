"""Networks: Hamiltonians that are linear in named, trainable weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.quantum_info import SparsePauliOp
from scipy.sparse import csr_array

from qep_qiskit.checks import named, numbers, real, seed_of, shown, unnamed
from qep_qiskit.display import MOST_ROWS, counted, short
from qep_qiskit.drawing.card import card
from qep_qiskit.drawing.graph_axes import draw_graph
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.networks.frame import frame_of
from qep_qiskit.networks.polynomial import Polynomial
from qep_qiskit.networks.sketch import network_sketch, network_svg
from qep_qiskit.networks.weights import Weights
from qep_qiskit.plain_text import shortened
from qep_qiskit.seeds import stream
from qep_qiskit.values import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Vector = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Term:
    """One trainable term w · c(x) · A of a Hamiltonian.

    Attributes
    ----------
    name : str
        The weight's name, for instance ``"J[0,1]"``.
    operator : SparsePauliOp
        The Hermitian operator A with its sign (``−Z₀Z₁`` for an Ising coupling).
    input : int or None
        The number of the input that is c(x); None if c(x) = 1.
    """

    name: str
    operator: SparsePauliOp
    input: int | None = None

    def __repr__(self) -> str:
        scaled = "" if self.input is None else f", input={self.input}"
        return f"Term({self.name!r}, {operator_text(self.operator)}{scaled})"


@dataclass(frozen=True, eq=False, repr=False)
class Network(Value):
    """A network H(w, x) = F + Σ_k w_k c_k(x) A_k + Σ_i x_i B_i on `num_qubits` qubits.

    Attributes
    ----------
    num_qubits : int
    terms : tuple of Term
        The trainable terms, in the order of every gradient.
    fixed : SparsePauliOp
        F, the part without weights or inputs.
    inputs : tuple of SparsePauliOp or None
        B_i, one per input; None for an input that only multiplies trainable terms.
    outputs : tuple of SparsePauliOp
        The observables whose expectations are the predictions.
    output_names : tuple of str
    scales : mapping of str to (low, high)
        The range from which :meth:`initial_weights` draws, by the group of a weight (``"J"`` of ``"J[0,1]"``).
    description : mapping
        The construction of the network, for reports.
    layout : tuple of int or None
        The device qubit of each qubit, if the network was laid out on a device.

    Notes
    -----
    Scellier (2024), arXiv:2406.00879, section 3: any Hamiltonian that is linear in its weights can be trained.
    """

    num_qubits: int
    terms: tuple[Term, ...]
    fixed: SparsePauliOp
    inputs: tuple[SparsePauliOp | None, ...]
    outputs: tuple[SparsePauliOp, ...]
    output_names: tuple[str, ...]
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    description: Mapping[str, object] = field(default_factory=dict)
    layout: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not self.terms:
            raise InputError("a network needs at least one trainable term; it has none")
        if len(set(self.names)) != len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise InputError(f"names of weights must differ; used twice: {', '.join(twice)}")

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.num_qubits, self.names, self.output_names))

    def __repr__(self) -> str:
        kind = self.description.get("kind", "network")
        size = counted(self.num_qubits, "qubit") if self.num_qubits else "closed form"
        outputs = f"{counted(self.num_outputs, 'output')} {', '.join(self.output_names[:3])}"
        parts = [size, counted(self.num_weights, "weight"), counted(self.num_inputs, "input"), outputs]
        return f"Network({kind}: {', '.join(parts)}{', …' if self.num_outputs > 3 else ''})"

    def _repr_html_(self) -> str:
        groups: dict[str, list[str]] = {}
        for name in self.names:
            groups.setdefault(name.split("[")[0], []).append(name)
        few = list(groups.items())[:MOST_ROWS]
        rows = [(group, str(len(names)), short(", ".join(names))) for group, names in few]
        rest = [f"… and {len(groups) - len(few)} more groups; network.names has all weights"] if len(groups) > len(few) else []
        return card(repr(self), graph=network_svg(self), headings=("weights", "number", "names"), rows=rows, notes=rest)

    def plot(self, ax: Axes | None = None, *, weights: ArrayLike | Mapping[str, float] | None = None) -> Axes:
        """Draw the network as a graph, with inputs and outputs marked.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
        weights : array_like of shape (num_weights,) or mapping, optional
            Weights for the colour and width of each edge.

        Raises
        ------
        InputError
            If no term of the network couples two sites.
        """
        values = None if weights is None else dict(zip(self.names, self.weight_vector(weights).tolist(), strict=True))
        sketch = network_sketch(self, values)
        if sketch is None:
            raise InputError("plot: no term of this network couples two sites, so no graph can be drawn")
        return draw_graph(sketch, ax)

    def identity(self) -> dict[str, object]:
        """Return the fields that determine the network's computation; output names, scales and description do not count."""
        aside = ("output_names", "scales", "description")
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in aside}

    @property
    def closed_form(self) -> bool:
        """Whether the network's ground states are computed in closed form, without qubits."""
        return False

    @property
    def whole_frame(self) -> bool:
        """Whether ansätze contain all strings of a problem's frame, even those with a zero coefficient."""
        return False

    def at(self, weights: Vector, x: Vector) -> Network:
        """Return the network's representation at these weights and inputs; the network itself if it does not depend on them."""
        return self

    @cached_property
    def frames(self) -> dict[object, Any]:
        """A cache of problem frames on this network, by their additional observables; thousands of samples share one."""
        return {}

    def frame_with(self, observables: Sequence[SparsePauliOp]) -> Any:
        """Return the frame of F, the B_i, the A_k, the outputs and these observables, with one row per operator."""
        key = tuple(
            (op.paulis.x.tobytes(), op.paulis.z.tobytes(), op.paulis.phase.tobytes(), op.coeffs.tobytes()) for op in observables
        )
        if key not in self.frames:
            self.frames[key] = frame_of([*self._rows(self.fixed * 0), *observables])
        return self.frames[key]

    def _rows(self, zero: Any) -> list[Any]:
        inputs = [zero if op is None else op for op in self.inputs]
        return [self.fixed, *inputs, *(term.operator for term in self.terms), *self.outputs]

    def squared_error(self, target: Vector) -> SparsePauliOp:
        """Return the operator Σ_m (O_m − y_m)²."""
        one = SparsePauliOp(["I" * self.num_qubits], [1.0])
        squares = [(o - y * one) @ (o - y * one) for o, y in zip(self.outputs, target, strict=True)]
        return SparsePauliOp.sum(squares).simplify()

    def in_positions(self, operator: Polynomial, where: str) -> Any:
        """Return the network's operator for a polynomial in positions and momenta; `where` names it in errors."""
        first = next(iter(operator.labels()), "1")
        raise InputError(f"{where}: {first!r} is a position or momentum, and this network has none; write labels such as 'XII'")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the weights, in order."""
        return tuple(term.name for term in self.terms)

    @property
    def num_weights(self) -> int:
        """The number of trainable weights."""
        return len(self.terms)

    @property
    def num_inputs(self) -> int:
        """The length of x."""
        return len(self.inputs)

    @property
    def num_outputs(self) -> int:
        """The number of predictions."""
        return len(self.outputs)

    def initial_weights(self, seed: int = 0) -> Weights:
        """Draw weights uniformly from the ranges of their groups (default −1 to 1), each with a seed from `seed` and its name.

        Examples
        --------
        >>> import qep_qiskit as qep
        >>> network = qep.ising(sites=2, edges="chain", outputs=[1])
        >>> list(network.initial_weights(seed=7))
        ['J[0,1]', 'h[0]', 'h[1]', 'g[0]', 'g[1]']
        """
        seed, weights = seed_of(seed), Weights()
        for k, name in enumerate(self.names):
            low, high = self.scales.get(name.split("[")[0], (-1.0, 1.0))
            weights[name] = float(stream(seed, "initial weights " + name, k).uniform(low, high))
        return weights

    def weight_vector(self, weights: ArrayLike | Mapping[str, float]) -> Vector:
        """Return the weights as an array in the order of `names`.

        Parameters
        ----------
        weights : array_like of shape (num_weights,) or mapping of name to number
            Objects with names are read by name, in any order: a mapping, a pandas Series, or one row of a table.

        Raises
        ------
        InputError
            If a name is unknown, missing or given twice, the length is wrong, or a value is not a finite number.
        """
        by_name = named("weights", weights)
        if by_name is None:
            return finite_vector("weights", weights, self.num_weights, "one per weight, in the order of network.names")
        names = set(self.names)
        for name in by_name:
            if name not in names:
                raise InputError(f"weights: this network has no weight {shown(name)}{nearest(name, self.names)}")
        missing = [name for name in self.names if name not in by_name]
        if missing:
            raise InputError(f"weights: {missing[0]!r} is missing ({len(missing)} of {len(self.names)} are)")
        return np.array([real(f"weights: {name}", by_name[name]) for name in self.names])

    def input_vector(self, x: ArrayLike | None) -> Vector:
        """Return x as an array of shape (num_inputs,); None means no inputs."""
        return finite_vector("x", [] if x is None else x, self.num_inputs, "one per input of the network")

    def factors(self, x: Vector) -> Vector:
        """Return c_k(x) for every weight, shape (num_weights,)."""
        factors = np.ones(self.num_weights)
        columns, inputs = self._scaled
        factors[columns] = x[inputs]
        return factors

    @cached_property
    def _scaled(self) -> NDArray[np.int64]:
        """The weights whose terms an input multiplies, and the numbers of these inputs, shape (2, their number)."""
        scaled = [(k, term.input) for k, term in enumerate(self.terms) if term.input is not None]
        return np.array(scaled, dtype=int).reshape(-1, 2).T

    def input_factors(self, weights: Vector) -> Any:
        """Return a sparse matrix of shape (num_inputs, num_weights): w_k where x_i multiplies the term of weight k, else 0."""
        columns, inputs = self._scaled
        return csr_array((weights[columns], (inputs, columns)), shape=(self.num_inputs, self.num_weights))

    def input_slopes(self, weights: Vector, x: Vector) -> tuple[Any, ...]:
        """Return, for each input, what ∂H/∂x_i contains beyond B_i and w_k A_k; () if H is linear in x, as it usually is."""
        return ()

    def hamiltonian(self, weights: ArrayLike | Mapping[str, float], x: ArrayLike | None = None) -> SparsePauliOp:
        """Return H(w, x), simplified; if the network's representation depends on the weights and inputs, in that representation.

        Parameters
        ----------
        weights : array_like of shape (num_weights,) or mapping
        x : array_like of shape (num_inputs,)
        """
        values, inputs = self.weight_vector(weights), self.input_vector(x)
        there = self.at(values, inputs)
        parts = [there.fixed]
        parts += [w * c * term.operator for w, c, term in zip(values, there.factors(inputs), there.terms, strict=True)]
        parts += [v * op for v, op in zip(inputs, there.inputs, strict=True) if op is not None]
        return SparsePauliOp.sum(parts).simplify(atol=0.0)


def operator_text(operator: Any) -> str:
    """Return an operator as {label: coefficient}, with at most three labels.

    Examples
    --------
    >>> operator_text(SparsePauliOp(["ZI", "IX"], [1.0, -0.5]))
    "{'ZI': 1, 'IX': -0.5}"
    """
    if isinstance(operator, Polynomial):
        pairs = list(operator.labels().items())
    else:
        pairs = [(str(label), value.real) for label, value in operator.label_iter()]
    shown_pairs = [f"{shortened(label, 24)!r}: {value:.6g}" for label, value in pairs[:3]]
    rest = f", … {len(pairs) - 3} more" if len(pairs) > 3 else ""
    return f"{{{', '.join(shown_pairs)}{rest}}}"


def finite_vector(name: str, values: object, length: int | None, meaning: str) -> Vector:
    """Return a finite float array of the given length, or raise InputError in one line."""
    array = numbers(unnamed(name, values, meaning))
    if array is None or array.ndim == 0:
        raise InputError(f"{name}: {shown(values)} is not a list of numbers; expected {length or 'numbers'} ({meaning})")
    if array.ndim != 1 or (length is not None and array.shape[0] != length):
        received = f"shape {array.shape}" if array.ndim != 1 else f"{array.shape[0]} values"
        raise InputError(f"{name}: got {received}, expected {'one row of numbers' if length is None else length} ({meaning})")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise InputError(f"{name}: value {bad[0]} is {array[bad[0]]}; all values must be finite numbers")
    return array


def pauli_on(num_qubits: int, letters: Mapping[int, str], coefficient: float = 1.0) -> SparsePauliOp:
    """Return one Pauli string, given as {qubit: letter}, with its coefficient."""
    qubits = list(letters)
    return SparsePauliOp.from_sparse_list([("".join(letters[q] for q in qubits), qubits, coefficient)], num_qubits=num_qubits)


def zero_operator(num_qubits: int) -> SparsePauliOp:
    """Return the zero operator."""
    return SparsePauliOp(["I" * num_qubits], [0.0])


def check_outputs(outputs: Sequence[object]) -> None:
    """Refuse an empty list of outputs."""
    if len(outputs) == 0:
        raise InputError("outputs: a network needs at least one output; got none")
