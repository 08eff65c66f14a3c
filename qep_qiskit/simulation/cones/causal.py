"""Causal cones of wires in a circuit of channels, as networks of tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from qep_qiskit.simulation.cones.contraction import Order, order_of
from qep_qiskit.simulation.noise.transfer import Block

TRACED, ZERO = -1, -2
"""Values that replace a leg: for an outgoing wire that is traced out, and for an incoming wire in |0⟩."""
Member: TypeAlias = int | tuple[int, int]
"""The number of a block; with a wire, the block acts on that wire alone, because it is cut there (see `balls`)."""
MOST_BLOCKS = 300
"""The largest number of blocks for which an order of contractions is searched, which takes about a second."""


@dataclass(frozen=True)
class Shape:
    """The form of a cone, with its wires numbered by first occurrence.

    Attributes
    ----------
    blocks : tuple of tuple of int
        The wires of each block.
    support : tuple of int
        The wires that are read.
    """

    blocks: tuple[tuple[int, ...], ...]
    support: tuple[int, ...]


@dataclass(frozen=True)
class Cone:
    """The causal cone of some wires.

    Attributes
    ----------
    blocks : tuple of Member
        The circuit's blocks that belong to it, in the order in which they act.
    shape : Shape
    legs : tuple of tuple of int
        The network's legs that leave and enter each block, wire by wire. `TRACED` or `ZERO` stands for a wire that is traced out
        or starts in |0⟩ there.
    open : tuple of int
        The legs of the wires that are read.
    order : Order
        The order of contractions. With more than 300 blocks, it has no pairs and infinite work.
    """

    blocks: tuple[Member, ...]
    shape: Shape
    legs: tuple[tuple[int, ...], ...]
    open: tuple[int, ...]
    order: Order

    @property
    def num_wires(self) -> int:
        """The number of wires."""
        return len({wire for wires in self.shape.blocks for wire in wires})


def cone_of(support: frozenset[int], blocks: Sequence[Block]) -> Cone:
    """Return the causal cone of some wires at the end of the blocks."""
    wires, members = set(support), []
    for number in range(len(blocks) - 1, -1, -1):
        if not wires.isdisjoint(blocks[number].wires):
            wires |= set(blocks[number].wires)
            members.append((number, blocks[number].wires))
    return joined(support, members[::-1])


def joined(support: frozenset[int], members: Sequence[tuple[Member, tuple[int, ...]]]) -> Cone:
    """Return a cone that consists of these blocks, given with their wires in the order in which they act."""
    names = {wire: i for i, wire in enumerate(sorted(support))}
    for _, wires in reversed(members):
        for wire in wires:
            names.setdefault(wire, len(names))
    shape = Shape(tuple(tuple(names[wire] for wire in wires) for _, wires in members), tuple(range(len(support))))
    legs, ends = _legs(shape)
    blocks = tuple(member for member, _ in members)
    if len(members) > MOST_BLOCKS:
        return Cone(blocks, shape, legs, ends, Order((), len(members), math.inf))
    order = order_of(tuple(sum(1 << leg for leg in each if leg >= 0) for each in legs))
    return Cone(blocks, shape, legs, ends, order)


def _legs(shape: Shape) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    current: dict[int, int] = {}
    last = {wire: number for number, wires in enumerate(shape.blocks) for wire in wires}
    count, legs = 0, []
    for number, wires in enumerate(shape.blocks):
        entering = tuple(current.get(wire, ZERO) for wire in wires)
        leaving = []
        for wire in wires:
            if last[wire] == number and wire not in shape.support:
                leaving.append(TRACED)
                continue
            current[wire] = count
            leaving.append(count)
            count += 1
        legs.append((*leaving, *entering))
    return tuple(legs), tuple(current[wire] for wire in shape.support)


def covering(supports: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Return, for each (non-empty) support, the one of these supports that contains it and from which it is read."""
    largest: list[frozenset[int]] = []
    for support in sorted(set(supports), key=lambda s: (-len(s), sorted(s))):
        if not any(support <= other for other in largest):
            largest.append(support)
    by_wire: dict[int, list[frozenset[int]]] = {}
    for support in largest:
        for wire in support:
            by_wire.setdefault(wire, []).append(support)
    return [next(s for s in by_wire[min(each)] if each <= s) for each in supports]
