"""The order of a state's wires in memory, and the moves that make the wires of a pair neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_AHEAD = 24
"""Number of following blocks considered when choosing which wire of a pair to move."""


class Move(NamedTuple):
    """A change of the order of wires: the shape in which to view each state, and the new order of its axes."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]


class Stop(NamedTuple):
    """The place in memory where a block acts, with states seen as arrays of shape (…, outer, 4 or 16, inner).

    Attributes
    ----------
    move : Move or None
        The move before the block acts.
    swapped : bool
        Whether the block's wires are in the opposite order in memory.
    inner : int
    """

    move: Move | None
    swapped: bool
    inner: int


def route(num_wires: int, blocks: Sequence[tuple[int, ...]]) -> tuple[list[Stop], list[int]]:
    """Return the stop of each block, and the final order of the wires, the slowest first."""
    order = line(num_wires, [tuple(b) for b in blocks if len(b) == 2])
    stops = []
    for number, wires in enumerate(blocks):
        places = sorted(order.index(wire) for wire in wires)
        move = None
        if places[-1] - places[0] > 1:
            move, order = _brought_together(order, places, blocks[number + 1 : number + 1 + _AHEAD])
            places = sorted(order.index(wire) for wire in wires)
        stops.append(Stop(move, order[places[0]] != wires[0], 4 ** (num_wires - 1 - places[-1])))
    return stops, order


def _brought_together(order: list[int], places: list[int], ahead: Sequence[tuple[int, ...]]) -> tuple[Move, list[int]]:
    low, high = places
    down, up = list(order), list(order)
    down.insert(low + 1, down.pop(high))
    up.insert(high - 1, up.pop(low))
    outer, middle, inner = 4**low, 4 ** (high - low - 1), 4 ** (len(order) - 1 - high)
    shape = (outer, 4, middle, 4, inner)
    if _distance(down, ahead) <= _distance(up, ahead):
        return Move(shape, (0, 1, 3, 2, 4)), down
    return Move(shape, (0, 2, 1, 3, 4)), up


def _distance(order: Sequence[int], pairs: Sequence[tuple[int, ...]]) -> int:
    place = {wire: i for i, wire in enumerate(order)}
    return sum(abs(place[a] - place[b]) > 1 for a, b in (pair for pair in pairs if len(pair) == 2))


def line(num_wires: int, pairs: Sequence[tuple[int, ...]]) -> list[int]:
    """Return an order of the wires in which the most frequent pairs are neighbours.

    Wires are joined to paths at their ends, the most frequent pair first. If the pairs form a chain, the result is that chain.
    """
    paths = {wire: [wire] for wire in range(num_wires)}
    for pair, _ in sorted(Counter(tuple(sorted(p)) for p in pairs).items(), key=lambda item: (-item[1], item[0])):
        one, two = (paths[wire] for wire in pair)
        if one is two or any(wire not in (path[0], path[-1]) for wire, path in zip(pair, (one, two), strict=True)):
            continue
        joined = (one if one[-1] == pair[0] else one[::-1]) + (two if two[0] == pair[1] else two[::-1])
        for wire in joined:
            paths[wire] = joined
    order: list[int] = []
    for wire in range(num_wires):
        if wire not in order:
            order += paths[wire]
    return order
