"""The choice between trees and states for the light cones of a circuit, by the shorter time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.cones.groups import String, group_of, refusal
from qep_qiskit.simulation.cones.leaves import simulated_qubits
from qep_qiskit.simulation.cones.sizes import TreeSize, states_seconds
from qep_qiskit.simulation.cones.trees import Forest
from qep_qiskit.simulation.cones.walk import Circuit

_MOST_PATHS = 1 << 17
"""A forest with more paths is divided, so that the arrays of an evaluation fit in memory that the process keeps."""


def planted(circuit: Circuit, strings: Sequence[String], limit: int) -> tuple[list[Forest], list[String]]:
    """Return forests of all cones that are trees, and the remaining strings. If states take less time, there are no forests.

    Raises
    ------
    InputError
        If a cone is not a tree and has more than `limit` qubits.
    """
    if circuit.has_relabellings:
        return [], list(strings)
    together: dict[tuple[int, ...], list[String]] = {}
    for string in sorted(strings, key=lambda string: min(string.letters, default=0)):  # neighbours share messages
        together.setdefault(tuple(string.letters), []).append(string)
    together.pop((), None)
    covered = {qubit for support in together if len(support) > 1 for qubit in support}
    forests, rest, amplitudes = [Forest()], [], 0.0
    for support, members in together.items():
        group = group_of(circuit, members, circuit.num_qubits)
        assert group is not None
        qubits = group.cone.form.qubits
        if forests[-1].paths > _MOST_PATHS:
            forests.append(Forest())
        if forests[-1].add(group):
            if len(support) > 1 or support[0] not in covered:
                small = simulated_qubits(group.cone.form, (1 << len(support)) - 1)
                amplitudes += 2.0**small if qubits <= limit else math.inf
        elif qubits <= limit:
            rest += members
        else:
            raise InputError(refusal(circuit, members[0], limit))
    forests = [forest for forest in forests if forest.messages]
    if forests and states_seconds(circuit.num_steps, amplitudes) < size_of(forests).seconds:
        return [], list(strings)
    return forests, rest


def size_of(forests: Sequence[Forest]) -> TreeSize:
    """Return the size of some forests together."""
    return TreeSize(
        max(forest.largest for forest in forests),
        sum(forest.cones for forest in forests),
        sum(len({message.kind for message in forest.messages}) for forest in forests),
        sum(forest.paths for forest in forests),
    )
