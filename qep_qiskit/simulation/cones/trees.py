"""Light cones that are trees, evaluated by messages from the leaves to the root, which many cones share.

If the phases of a cone couple at most two qubits, every expectation is a sum over the paths of all qubits. The path of a qubit is
its bit at each of its couplings, for the state and for its adjoint. If the couplings form a tree, the sum over everything beyond
an edge depends only on the path of the qubit on this side of the edge. This function is a message. A message does not depend on
the string to be evaluated, so the cones of neighbouring strings share most of their messages. The work grows with the number of
edges and as 4 to the number of layers. On regular trees with equal angles this is the recursion of Basso et al. (2021),
arXiv:2110.14206.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from qep_qiskit.simulation.adjoint.layers import bits
from qep_qiskit.simulation.cones.groups import Group
from qep_qiskit.simulation.cones.walk import Cone, Moved, Turned

NONE = -1
"""The index of an angle that is zero."""
_MOST_SLOTS = 6


class Kind(NamedTuple):
    """Properties that messages computed together have in common.

    Attributes
    ----------
    segments : tuple of str
        The gates on the qubit before its first coupling, between couplings, and after the last, as letters H and P.
    coupled : tuple of int
        The positions of the qubit's couplings with its parent among all of its couplings; empty for the root of a tree.
    letter : int
        The letter of the operator on the qubit; 0 if there is none, or if it is the root.
    """

    segments: tuple[str, ...]
    coupled: tuple[int, ...]
    letter: int

    @property
    def slots(self) -> int:
        """The number of steps at which the qubit is coupled."""
        return len(self.segments) - 1

    @property
    def paths(self) -> int:
        """The number of paths; the last bit of a qubit without an operator is the same in the state and its adjoint."""
        return 4**self.slots if self.letter or not self.coupled else 4**self.slots // 2


class Message(NamedTuple):
    """A message or the sum at a root, given by the indices of its angles and by its children with the slots that they see."""

    kind: Kind
    phases: tuple[int, ...]
    couplings: tuple[int, ...]
    children: tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Reading:
    """A string that is read at a root: the index of the root's message, the letter there, the string's index and its sign."""

    root: int
    letter: int
    index: int
    sign: float


@dataclass
class Forest:
    """All messages of some cones, each computed once.

    Attributes
    ----------
    messages : list of Message
        Children stand before their parents.
    readings : list of Reading
        What is read at the roots.
    cones, largest, paths : int
        The number of cones, of qubits of the largest one, and of paths of all messages.
    """

    messages: list[Message] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    cones: int = 0
    largest: int = 0
    paths: int = 0
    _places: dict[Message, int] = field(default_factory=dict)

    def add(self, group: Group) -> bool:
        """Add the cone of strings that act on the same qubits if it is a tree. Return whether it is one."""
        tree = _Tree.of(group.cone)
        if tree is None or len(tree.slots[0]) > _MOST_SLOTS:
            return False
        self.cones += 1
        self.largest = max(self.largest, group.cone.form.qubits)
        for string in group.strings:
            letters = [string.letters[qubit] for qubit in group.strings[0].letters]
            root = self._message(tree, 0, None, [0, *letters[1:]])
            self.readings.append(Reading(root, letters[0], string.index, string.sign))
        return True

    def _message(self, tree: _Tree, wire: int, parent: int | None, letters: Sequence[int]) -> int:
        slots = tree.slots[wire]
        children = tuple(
            sorted(
                (self._message(tree, other, wire, letters), tuple(slots.index(place) for place in tree.couplings[wire][other]))
                for other in tree.couplings[wire]
                if other != parent
            )
        )
        letter = letters[wire] if wire < len(letters) else 0
        segments, phases = tree.chain(wire, to_the_end=letter > 0 or parent is None)
        with_parent = tree.couplings[wire][parent] if parent is not None else {}
        kind = Kind(segments, tuple(slots.index(place) for place in with_parent), letter)
        message = Message(kind, phases, tuple(with_parent.values()), children)
        if message not in self._places:
            self._places[message] = len(self.messages)
            self.messages.append(message)
            self.paths += kind.paths
        return self._places[message]

    def generations(self) -> list[list[int]]:
        """Return the messages in groups of one kind, children before parents."""
        for key in (self._kind, self._kind_and_height()):
            groups: dict[Any, list[int]] = {}
            before: dict[Any, set[Any]] = {}
            for number, message in enumerate(self.messages):
                groups.setdefault(key(number), []).append(number)
                before.setdefault(key(number), set()).update(key(child) for child, _ in message.children)
            try:
                return [groups[each] for each in TopologicalSorter(before).static_order()]
            except CycleError:
                continue
        raise AssertionError("a tree has no cycles")

    def _kind(self, number: int) -> Kind:
        return self.messages[number].kind

    def _kind_and_height(self) -> Any:
        heights: list[int] = []
        for message in self.messages:  # children stand before their parents
            heights.append(1 + max((heights[child] for child, _ in message.children), default=0))
        return lambda number: (self.messages[number].kind, heights[number])


@dataclass
class _Tree:
    """A cone by its wires: gates, the places of couplings, and for each neighbour the couplings' angles by place."""

    gates: list[list[tuple[int, str, int]]]
    couplings: list[dict[int, dict[int, int]]]
    slots: list[list[int]]

    @classmethod
    def of(cls, cone: Cone) -> _Tree | None:
        """Return the tree of a cone, or None if it is not one."""
        count = cone.form.qubits
        gates: list[list[tuple[int, str, int]]] = [[] for _ in range(count)]
        couplings: list[dict[int, dict[int, int]]] = [{} for _ in range(count)]
        angles = iter(cone.angles)
        for step in cone.form.steps:
            if isinstance(step, Moved):
                return None
            if isinstance(step, Turned):
                for wire in bits(step.wires):
                    gates[wire].append((step.place, "H", NONE))
                continue
            singles = [NONE] * count
            for mask, angle in zip(step.masks, angles, strict=False):
                wires = list(bits(mask))
                if len(wires) > 2:
                    return None
                if len(wires) == 1:
                    singles[wires[0]] = angle
                else:
                    for one, other in (wires, wires[::-1]):
                        couplings[one].setdefault(other, {})[step.place] = angle
            for wire, angle in enumerate(singles):
                gates[wire].append((step.place, "P", angle))
        if sum(map(len, couplings)) != 2 * (count - 1) or not _connected(couplings):
            return None
        return cls(gates, couplings, [sorted({place for each in around.values() for place in each}) for around in couplings])

    def chain(self, wire: int, *, to_the_end: bool) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the gates of a wire in segments, and the angles of the phases among them.

        The phase at the step of a coupling is the last gate of the segment before it.
        """
        ends = iter([*self.slots[wire], None])
        segments: list[str] = []
        phases: list[int] = []
        end, segment = next(ends), ""
        for place, gate, angle in self.gates[wire]:
            if gate == "H" or segment or segments:
                segment += gate
                if gate == "P":
                    phases.append(angle)
            if place == end:
                segments.append(segment)
                segment, end = "", next(ends)
                if end is None and not to_the_end:
                    break
        return (*segments, segment), tuple(phases)


def _connected(couplings: Sequence[Iterable[int]]) -> bool:
    reached, front = {0}, [0]
    while front:
        front = [other for wire in front for other in couplings[wire] if other not in reached]
        reached.update(front)
    return len(reached) == len(couplings)
