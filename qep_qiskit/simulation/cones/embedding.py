"""Embeddings of a small cone in a larger one. If qubits are missing at a boundary, their gates have zero angles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qep_qiskit.simulation.cones.order import relocated
from qep_qiskit.simulation.cones.walk import Form, Moved, Phased, Turned

_MOST_TRIALS = 2000


def embedding(small: Form, large: Form, letters: Sequence[int], large_letters: Sequence[int]) -> tuple[int, ...] | None:
    """Return a wire of the larger form for every wire of the smaller one, or None if there is no such map.

    A wire goes to one with Hadamards at the same steps, and every phase to a phase of the same step. The phases of the larger
    form to which none goes are meant to get zero angles; the wires that are left over then do nothing.

    Parameters
    ----------
    letters, large_letters : sequence of int
        The letters of the first strings of both on every wire, 0 elsewhere. A wire goes to one with the same letters.
    """
    if small.qubits > large.qubits or any(isinstance(step, Moved) for step in (*small.steps, *large.steps)):
        return None
    return _Search(small, large, letters, large_letters).found()


class _Search:
    def __init__(self, small: Form, large: Form, letters: Sequence[int], large_letters: Sequence[int]) -> None:
        self._masks = {(step.place, mask) for step in large.steps if isinstance(step, Phased) for mask in step.masks}
        kinds = [(_turns(large, wire), large_letters[wire]) for wire in range(large.qubits)]
        self._candidates = [
            [other for other, kind in enumerate(kinds) if kind == (_turns(small, wire), letters[wire])]
            for wire in range(small.qubits)
        ]
        wanted = [(step.place, mask) for step in small.steps if isinstance(step, Phased) for mask in step.masks]
        self._order = _connected_order(small.qubits, [mask for _, mask in wanted])
        seen, self._checks = 0, []
        for wire in self._order:
            seen |= 1 << wire
            self._checks.append([pair for pair in wanted if pair[1] >> wire & 1 and not pair[1] & ~seen])
        self._trials = 0

    def found(self) -> tuple[int, ...] | None:
        image = [0] * len(self._order)
        for _ in self._placed(0, image, 0):
            return tuple(one.bit_length() - 1 for one in image)
        return None

    def _placed(self, depth: int, image: list[int], taken: int) -> Iterator[None]:
        if depth == len(self._order):
            yield
            return
        for other in self._candidates[self._order[depth]]:
            self._trials += 1
            if taken >> other & 1 or self._trials > _MOST_TRIALS:
                continue
            image[self._order[depth]] = 1 << other
            if all((place, relocated(mask, image)) in self._masks for place, mask in self._checks[depth]):
                yield from self._placed(depth + 1, image, taken | 1 << other)


def _turns(form: Form, wire: int) -> tuple[int, ...]:
    return tuple(step.place for step in form.steps if isinstance(step, Turned) and step.wires >> wire & 1)


def _connected_order(qubits: int, masks: Sequence[int]) -> list[int]:
    """Return an order of the wires in which, if possible, each wire shares a phase with an earlier one."""
    order: list[int] = []
    reached = 0
    left = set(range(qubits))
    while left:
        near = [wire for wire in left if reached >> wire & 1]
        wire = min(near or left)
        order.append(wire)
        left.remove(wire)
        for mask in masks:
            if mask >> wire & 1:
                reached |= mask
    return order
