"""The order of a cone's wires, in which layers of Hadamards act on neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from qep_qiskit.simulation.adjoint.layers import bits
from qep_qiskit.simulation.cones.walk import Form, Moved, Phased, Turned


def places_of(form: Form) -> tuple[int, ...]:
    """Return the place of each wire: wires with many Hadamards come first, in the order of the walk among equals."""
    turns = [sum(step.wires >> wire & 1 for step in form.steps if isinstance(step, Turned)) for wire in range(form.qubits)]
    order = sorted(range(form.qubits), key=lambda wire: -turns[wire])
    return tuple(order.index(wire) for wire in range(form.qubits))


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
