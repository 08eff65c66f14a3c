"""Schedules: the order of wires on a chain, and the sequence of blocks and swaps on neighbouring wires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qep_qiskit.simulation.chain_order import coupling_order


@dataclass(frozen=True)
class Step:
    """A block on two neighbouring places, or a swap of them.

    Attributes
    ----------
    place : int
        The first of the two places.
    block : int or None
        The number of the block; None for a swap.
    reversed : bool
        Whether the block's first wire is on the second place.
    leftwards : bool
        Whether the next step is likely to be at a lower place.
    wires : tuple of int
        The wires on the two places before the step.
    ends : tuple of bool
        Whether this is the last block on each of the two wires.
    """

    place: int
    block: int | None
    reversed: bool
    leftwards: bool
    wires: tuple[int, int]
    ends: tuple[bool, bool]


@dataclass(frozen=True)
class Schedule:
    """Two-wire blocks as steps along a chain.

    Attributes
    ----------
    start : tuple of int
        The wire on each place before the first step.
    steps : tuple of Step
    end : tuple of int
        The wire on each place after the last step.
    """

    start: tuple[int, ...]
    steps: tuple[Step, ...]
    end: tuple[int, ...]


def schedule(num_wires: int, pairs: Sequence[tuple[int, ...]]) -> Schedule:
    """Return the steps for blocks on pairs of wires.

    Blocks on different wires commute. Of the blocks that may act next, the one that needs the fewest swaps is taken; of several,
    the one nearest to the previous step. Consecutive steps are then close together, which saves changes of the canonical form.
    """
    order = coupling_order(num_wires, pairs)
    place = {wire: i for i, wire in enumerate(order)}
    queues: list[list[int]] = [[] for _ in range(num_wires)]
    for number, pair in enumerate(pairs):
        for wire in pair:
            queues[wire].append(number)
    heads = [0] * num_wires
    start, steps, here = tuple(order), list[Step](), 0

    def first(wire: int) -> int | None:
        return queues[wire][heads[wire]] if heads[wire] < len(queues[wire]) else None

    def ready() -> set[int]:
        numbers = {first(wire) for wire in range(num_wires)} - {None}
        return {n for n in numbers if n is not None and all(first(wire) == n for wire in pairs[n])}

    def step(at: int, block: int | None, leftwards: bool) -> None:
        wires = (order[at], order[at + 1])
        ends = (False, False)
        if block is None:
            order[at : at + 2] = wires[::-1]
            place[wires[0]], place[wires[1]] = at + 1, at
        else:
            for wire in pairs[block]:
                heads[wire] += 1
            ends = (first(wires[0]) is None, first(wires[1]) is None)
        steps.append(Step(at, block, block is not None and wires[0] != pairs[block][0], leftwards, wires, ends))

    waiting = ready()
    while waiting:
        number = min(waiting, key=lambda n: (_spread(n, pairs, place), min(abs(place[w] - here) for w in pairs[n]), n))
        low, high = sorted(place[wire] for wire in pairs[number])
        upwards = abs(here - low) <= abs(here - high)
        while high - low > 1:
            if upwards:
                step(low, None, False)
                low += 1
            else:
                step(high - 1, None, True)
                high -= 1
        step(low, number, here > low)
        here = low if here > low else low + 1
        waiting = ready()
    return Schedule(start, tuple(steps), tuple(order))


def _spread(number: int, pairs: Sequence[tuple[int, ...]], place: dict[int, int]) -> int:
    one, two = pairs[number]
    return abs(place[one] - place[two])
