"""A standard order of a cone's wires, which makes translated and reflected copies of a cone identical.

Wires are distinguished by what happens to them and, repeatedly, to the wires that they share phases with (colour refinement).
If that leaves a choice, one wire is singled out and the refinement continues. If two wires could be exchanged, either choice
gives the same result; otherwise copies may get different orders, which only costs time.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from qep_qiskit.simulation.adjoint.layers import bits
from qep_qiskit.simulation.cones.walk import Form, Moved, Phased, Turned


def standard_order(form: Form, letters: Sequence[int]) -> tuple[int, ...]:
    """Return the place of each wire.

    Wires with many Hadamards come first, so that layers of Hadamards act on neighbours.

    Parameters
    ----------
    form
        The circuit of a cone.
    letters
        The letters of its first string, which act on the first wires.
    """
    edges: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in range(form.qubits)]
    for number, step in enumerate(form.steps):
        if isinstance(step, Phased):
            for mask in step.masks:
                wires = tuple(bits(mask))
                for wire in wires if len(wires) > 1 else ():
                    edges[wire].append((number, tuple(other for other in wires if other != wire)))
    signatures: list[Any] = [_signature(form, wire, letters) for wire in range(form.qubits)]
    colours = _refined(_ranked(signatures), edges)
    while max(colours) + 1 < form.qubits:
        tied = min(colour for colour in colours if colours.count(colour) > 1)
        single = colours.index(tied)
        colours = _refined(_ranked([(colour, wire != single) for wire, colour in enumerate(colours)]), edges)
    return tuple(colours)


def _signature(form: Form, wire: int, letters: Sequence[int]) -> Hashable:
    events: list[tuple[int, int, int]] = []
    turns = 0
    for number, step in enumerate(form.steps):
        if isinstance(step, Turned):
            turns += step.wires >> wire & 1
            events.append((number, step.wires >> wire & 1, 0))
        elif isinstance(step, Phased):
            events.append((number, int(1 << wire in step.masks), 0))
        else:
            column = sum(row >> wire & 1 for row in step.rows)
            events.append((number, step.rows[wire].bit_count(), column))
    return -turns, letters[wire] if wire < len(letters) else 0, tuple(events)


def _ranked(signatures: Sequence[Any]) -> list[int]:
    rank = {signature: place for place, signature in enumerate(sorted(set(signatures)))}
    return [rank[signature] for signature in signatures]


def _refined(colours: list[int], edges: Sequence[Sequence[tuple[int, tuple[int, ...]]]]) -> list[int]:
    while True:
        around = [
            (colour, tuple(sorted((number, tuple(sorted(colours[other] for other in others))) for number, others in own)))
            for colour, own in zip(colours, edges, strict=True)
        ]
        finer = _ranked(around)
        if max(finer) == max(colours):
            return colours
        colours = finer


def rearranged(form: Form, places: Sequence[int]) -> tuple[Form, tuple[int, ...]]:
    """Return a form with its wires moved to other places, and the new position of each of its phases."""
    moved = [1 << place for place in places]
    steps: list[Turned | Phased | Moved] = []
    positions: list[int] = []
    for step in form.steps:
        if isinstance(step, Turned):
            steps.append(Turned(step.place, relocated(step.wires, moved)))
        elif isinstance(step, Phased):
            masks = [relocated(mask, moved) for mask in step.masks]
            rank = {mask: len(positions) + number for number, mask in enumerate(sorted(masks))}
            steps.append(Phased(step.place, tuple(rank)))
            positions += [rank[mask] for mask in masks]
        else:
            rows = [0] * len(places)
            for wire, row in enumerate(step.rows):
                rows[places[wire]] = relocated(row, moved)
            steps.append(Moved(step.place, tuple(rows), relocated(step.flips, moved)))
    return Form(form.qubits, tuple(steps)), tuple(positions)


def relocated(mask: int, moved: Sequence[int]) -> int:
    """Return a mask after each bit has moved to the bit ``moved[bit]``, given as a power of two."""
    return sum(moved[bit] for bit in bits(mask))
