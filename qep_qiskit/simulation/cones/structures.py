"""Cones of equal structure, gathered as columns of one template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from qep_qiskit.simulation.cones.embedding import embedding
from qep_qiskit.simulation.cones.groups import Group
from qep_qiskit.simulation.cones.leaves import simulated_qubits
from qep_qiskit.simulation.cones.order import places_of, rearranged, relocated
from qep_qiskit.simulation.cones.sizes import TemplateSize
from qep_qiskit.simulation.cones.walk import Form, Phased, X, Y, Z


@dataclass
class Column:
    """One cone in a template.

    Attributes
    ----------
    angles : list of int
        For each phase of the template, the index of its angle in the whole circuit, or −1 for a zero angle.
    strings : list of (x, z, index, sign)
        The strings that are read in the cone, as masks of wires, with their index in the list of all strings.
    """

    angles: list[int]
    strings: list[tuple[int, int, int, float]]


@dataclass
class Structure:
    """Cones with the same circuit: the form, the letter of the first string on every wire, and the columns."""

    form: Form
    letters: tuple[int, ...]
    columns: list[Column] = field(default_factory=list)

    @property
    def size(self) -> TemplateSize:
        return self.size_with(0)

    def size_with(self, columns: int) -> TemplateSize:
        """Return the size with more columns."""
        return TemplateSize(self.form.qubits, len(self.form.steps), len(self.columns) + columns, self._simulated)

    @cached_property
    def _simulated(self) -> int:
        return simulated_qubits(self.form, sum(1 << wire for wire, letter in enumerate(self.letters) if letter))


def structures_of(groups: Iterable[Group]) -> list[Structure]:
    """Gather the cones of equal structure, the largest first; small ones join larger ones if that saves time."""
    structures: dict[tuple[object, ...], Structure] = {}
    seen: dict[tuple[Form, tuple[int, ...]], tuple[Structure, tuple[int, ...], tuple[int, ...]]] = {}
    for group in groups:
        form = group.cone.form
        letters = group.strings[0].letters
        key = form, tuple(letters.values())
        if key not in seen:
            places = places_of(form)
            standard, positions = rearranged(form, places)
            everywhere = _everywhere(key[1], places)
            shape = (form.qubits, everywhere, *(_without_place(step) for step in standard.steps))
            seen[key] = structures.setdefault(shape, Structure(standard, everywhere)), places, positions
        structure, places, positions = seen[key]
        column = Column([0] * len(positions), [])
        for position, angle in zip(positions, group.cone.angles, strict=True):
            column.angles[position] = angle
        wires = {qubit: 1 << place for qubit, place in zip(letters, places, strict=False)}
        for string in group.strings:
            x = sum(wires[qubit] for qubit, letter in string.letters.items() if letter & (X | Y))
            z = sum(wires[qubit] for qubit, letter in string.letters.items() if letter & (Y | Z))
            column.strings.append((x, z, string.index, string.sign))
        structure.columns.append(column)
    return _joined(sorted(structures.values(), key=lambda structure: -structure.form.qubits))


def _everywhere(letters: Sequence[int], places: Sequence[int]) -> tuple[int, ...]:
    everywhere = [0] * len(places)
    for place, letter in zip(places, letters, strict=False):
        everywhere[place] = letter
    return tuple(everywhere)


def _without_place(step: object) -> tuple[object, ...]:
    values = vars(step)
    return (type(step).__name__, *(value for name, value in values.items() if name != "place"))


def _joined(structures: Sequence[Structure]) -> list[Structure]:
    kept: list[Structure] = []
    for structure in structures:
        for host in reversed(kept):  # the smallest first
            if host.size_with(len(structure.columns)).seconds > host.size.seconds + structure.size.seconds:
                continue
            image = embedding(structure.form, host.form, structure.letters, host.letters)
            if image is not None:
                _join(structure, host, image)
                break
        else:
            kept.append(structure)
    return kept


def _join(small: Structure, large: Structure, image: Sequence[int]) -> None:
    moved = [1 << wire for wire in image]
    place = {key: position for position, key in enumerate(_phases(large.form))}
    positions = [place[number, relocated(mask, moved)] for number, mask in _phases(small.form)]
    for column in small.columns:
        angles = [-1] * len(place)
        for position, angle in zip(positions, column.angles, strict=True):
            angles[position] = angle
        strings = [(relocated(x, moved), relocated(z, moved), index, sign) for x, z, index, sign in column.strings]
        large.columns.append(Column(angles, strings))


def _phases(form: Form) -> list[tuple[int, int]]:
    return [(step.place, mask) for step in form.steps if isinstance(step, Phased) for mask in step.masks]
