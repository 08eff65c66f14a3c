"""Evaluation of trees of messages: forward for expectations, backward for the slopes of all angles.

Arrays have the paths first and the columns last; a path has four values per step at which the qubit is coupled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from qep_qiskit.simulation.cones.chains import Chain, Complex, Real, Uses, closed, doubled, halved, opened
from qep_qiskit.simulation.cones.children import children_of, scatter
from qep_qiskit.simulation.cones.trees import Kind, Message


@dataclass
class Held:
    """Values of the forward pass that the backward pass needs.

    Attributes
    ----------
    columns : int
        N · R, for N messages and R rows of angles.
    kets, steps : list
        The gates of each segment, and the values that their slopes need.
    factors, weights : list of ndarray
        The gates' factors for both states, and the products of these factors up to each slot.
    received : list of list of ndarray
        The children's messages of each set of slots in turn, followed by their product.
    paths, sums : ndarray
        The sum over the subtree below for every path, and its Walsh transform for the couplings with the parent.
    edges, edge_kets : list of ndarray
        The products of the couplings' factors up to each coupling, and the factors of the state alone.
    closing : tuple of ndarray
        The factor of the letter on the qubit, and the values that its slopes need.
    """

    columns: int
    kets: list[Complex] = field(default_factory=list)
    steps: list[list[Complex]] = field(default_factory=list)
    factors: list[Complex] = field(default_factory=list)
    weights: list[Complex] = field(default_factory=list)
    received: list[list[Complex]] = field(default_factory=list)
    paths: Complex = field(default_factory=lambda: np.empty(0, dtype=np.complex128))
    sums: Complex = field(default_factory=lambda: np.empty(0, dtype=np.complex128))
    edges: list[Complex] = field(default_factory=list)
    edge_kets: list[Complex] = field(default_factory=list)
    closing: tuple[Complex, Complex] | None = None


class MessageGroup:
    """Messages of one kind.

    Parameters
    ----------
    kind
        The kind of the messages.
    members
        The messages.
    where
        A mapping from the number of each child to its group and its position in the group.
    sizes
        The numbers of messages of the earlier groups.
    uses
        The register in which rows for the slopes are claimed.
    """

    def __init__(
        self, kind: Kind, members: Sequence[Message], where: Mapping[int, tuple[int, int]], sizes: Sequence[int], uses: Uses
    ) -> None:
        self.kind, self.size = kind, len(members)
        phases = np.array([message.phases for message in members], dtype=np.intp).reshape(self.size, -1).T
        couplings = np.array([message.couplings for message in members], dtype=np.intp).reshape(self.size, -1).T
        self._chains, used = [], 0
        for number, gates in enumerate(kind.segments):
            count = gates.count("P")
            angles = list(phases[used : used + count])
            self._chains.append(Chain(gates, angles, uses, from_zero=number == 0 and kind.slots > 0))
            used += count
        self._couplings = [(index, uses.claim(index)) for index in couplings]
        self._is_diagonal = bool(kind.coupled) and not kind.letter
        dimensions = [4] * kind.slots
        if self._is_diagonal:
            dimensions[-1] = 2
        self._dimensions = tuple(dimensions)
        self._children = children_of(dimensions, members, where, sizes)
        self._is_root = not kind.coupled
        if not self._is_root:
            self._summing, self._expanding = _signs(kind.coupled, self._dimensions)

    def forward(self, exponentials: Complex, outputs: list[Complex]) -> tuple[Complex, Held]:
        """Return the messages, shape (paths of the parent, columns), or for roots the sums, (4, columns), before the last gates.

        Parameters
        ----------
        exponentials : ndarray, shape (angles, R)
            The values of exp(-i angle).
        outputs
            The messages of the groups before, shape (paths, messages + 1, R), the last of which is 1.
        """
        held = Held(self.size * exponentials.shape[1])
        for chain in self._chains:
            ket, steps = chain.forward(exponentials)
            held.kets.append(ket)
            held.steps.append(steps)
        if not self.kind.slots:
            return np.repeat([[1.0 + 0j], [0.0], [0.0], [0.0]], held.columns, axis=1), held
        self._grow(held)
        self._gather(held, outputs)
        paths = held.weights[-1].reshape(*self._dimensions, -1)
        for *_, product in held.received:
            paths = paths * product
        held.paths = np.broadcast_to(paths, (*self._dimensions, held.columns))
        if self._is_root:
            return np.asarray(held.paths.reshape(-1, 4, held.columns).sum(axis=0)), held
        held.sums = _product(self._summing, held.paths.reshape(self._summing.shape[1], -1))
        self._couple(held, exponentials)
        return _product(self._expanding, held.sums * held.edges[-1]), held

    def backward(self, adjoint: Complex, held: Held, adjoints: list[Complex], slopes: Real) -> None:
        """Write the slopes of all angles of the messages, and add to the adjoints of their children.

        Parameters
        ----------
        adjoint : ndarray
            The adjoint of the messages returned by `forward`.
        held
            The values returned by `forward`.
        adjoints
            The adjoints of the messages of earlier groups, shape (paths, messages, R).
        slopes : ndarray, shape (uses, R)
        """
        if not self.kind.slots:
            return
        if self._is_root:
            paths = np.broadcast_to(adjoint, (held.paths.size // adjoint.size, *adjoint.shape))
        else:
            sums = _product(self._expanding.T, adjoint)
            self._couple_backward(sums * held.sums, held, slopes)
            paths = _product(self._summing.T, sums * held.edges[-1])
        self._gather_backward(paths.reshape(*self._dimensions, held.columns), held, adjoints, slopes)

    def closing(self, letter: int, held: Held) -> tuple[Complex, Complex]:
        """Return the factor of a letter at a root, shape (4, columns), and the values that `close_backward` needs."""
        return closed(held.kets[-1], letter)

    def close_backward(self, adjoint: Complex, held: Held, slopes: Real) -> None:
        """Write the slopes of the last gates, given the adjoint of their matrix (2, 2, columns)."""
        self._chains[-1].backward(adjoint, held.steps[-1], slopes)

    def _grow(self, held: Held) -> None:
        for slot in range(self.kind.slots):
            factor = doubled(held.kets[slot])
            if self._is_diagonal and slot == self.kind.slots - 1:
                factor = factor[::3]
            held.factors.append(factor)
            held.weights.append(_appended(held.weights[-1], factor.swapaxes(0, 1)) if slot else factor)
        if self.kind.letter:
            held.closing = self.closing(self.kind.letter, held)
            last = held.weights[-1]
            held.weights.append((last.reshape(-1, 4, last.shape[-1]) * held.closing[0]).reshape(len(last), -1))

    def _gather(self, held: Held, outputs: Sequence[Complex]) -> None:
        messages: dict[tuple[int, ...], list[Complex]] = {}
        for child in self._children:
            message = np.take(outputs[child.group][child.paths], child.index, axis=1).reshape(*child.shape, held.columns)
            messages.setdefault(child.shape, []).append(message)
        held.received = [[*each, reduce(np.multiply, each)] for each in messages.values()]

    def _couple(self, held: Held, exponentials: Complex) -> None:
        for index, _ in self._couplings:
            values = exponentials[index].reshape(-1)
            ket = np.stack([values.real + 0j, 1j * values.imag])
            held.edge_kets.append(ket)
            factor = doubled(ket)
            held.edges.append((held.edges[-1][:, None] * factor).reshape(-1, held.columns) if held.edges else factor)

    def _couple_backward(self, adjoint: Complex, held: Held, slopes: Real) -> None:
        for number in range(len(self._couplings) - 1, -1, -1):
            ket = held.edge_kets[number]
            grid = adjoint.reshape(-1, 4, held.columns)
            factor = (grid * held.edges[number - 1][:, None]).sum(axis=0) if number else grid[0]
            half = halved(factor, ket)
            rows = slopes[self._couplings[number][1]]
            rows[:] = 2.0 * (half[0].real * ket[1].imag + half[1].imag * ket[0].real).reshape(rows.shape)
            adjoint = (grid * doubled(ket)).sum(axis=1)

    def _gather_backward(self, adjoint: Complex, held: Held, adjoints: list[Complex], slopes: Real) -> None:
        for position, messages in enumerate(held.received):
            rest = adjoint * held.weights[-1].reshape(*self._dimensions, -1)
            for other in (*held.received[:position], *held.received[position + 1 :]):
                rest = rest * other[-1]
            shape = messages[-1].shape[:-1]
            rest = rest.sum(axis=tuple(axis for axis, size in enumerate(shape) if size == 1), keepdims=True)
            for number, child in enumerate(child for child in self._children if child.shape == shape):
                others = (*messages[:number], *messages[number + 1 : -1])
                scatter(child, reduce(np.multiply, others, rest), adjoints[child.group])
        for *_, product in held.received:
            adjoint = adjoint * product
        self._grow_backward(adjoint.reshape(-1, held.columns), held, slopes)

    def _grow_backward(self, adjoint: Complex, held: Held, slopes: Real) -> None:
        if held.closing is not None:
            grid = adjoint.reshape(-1, 4, held.columns)
            before = held.weights[-2].reshape(-1, 4, held.weights[-2].shape[-1])
            self.close_backward(opened((grid * before).sum(axis=0), held.closing[1]), held, slopes)
            adjoint = (grid * held.closing[0]).reshape(-1, held.columns)
        for slot in range(self.kind.slots - 1, -1, -1):
            factor, change = held.factors[slot], adjoint
            if slot:
                turned, before = factor.swapaxes(0, 1), held.weights[slot - 1]
                grid = adjoint.reshape(-1, *turned.shape[:2], held.columns)
                change = (grid * before.reshape(-1, 4, 1, before.shape[-1])).sum(axis=0).swapaxes(0, 1)
                adjoint = (grid * turned).sum(axis=2).reshape(-1, held.columns)
            if len(factor) == 2:
                whole = np.zeros((4, *change.shape[1:]), dtype=np.complex128)
                whole[::3] = change
                change = whole
            self._chains[slot].backward(halved(change, held.kets[slot]), held.steps[slot], slopes)


def _appended(weights: Complex, factor: Complex) -> Complex:
    """Return weights (paths, columns) multiplied by a factor (4, d, columns) that connects the last slot with a new one."""
    grown = weights.reshape(-1, 4, 1, weights.shape[-1]) * factor
    return np.asarray(grown.reshape(-1, grown.shape[-1]))


def _signs(coupled: tuple[int, ...], dimensions: Sequence[int]) -> tuple[Real, Real]:
    """Return two matrices of signs: from the paths of a qubit to its couplings with the parent, and to the parent's paths."""
    size = int(np.prod(dimensions))
    digits = np.stack(np.unravel_index(np.arange(size), tuple(dimensions)))
    if dimensions[-1] == 2:
        digits[-1] *= 3
    seen = np.zeros(size, dtype=np.int64)
    for slot in coupled:
        seen = 4 * seen + digits[slot]
    couplings = np.arange(4 ** len(coupled))
    walsh = np.asarray(1.0 - 2.0 * (np.bitwise_count(couplings[:, None] & couplings[None, :]) & 1))
    return np.ascontiguousarray(walsh[:, seen]), walsh


def _product(matrix: Real, values: Complex) -> Complex:
    """Return the product of a real matrix and complex columns."""
    result = matrix @ np.ascontiguousarray(values).view(np.float64)
    return result.view(np.complex128)
