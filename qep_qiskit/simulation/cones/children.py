"""Children of messages: the forward pass gathers their values, and the backward pass sums their adjoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.cones.chains import Complex
from qep_qiskit.simulation.cones.trees import Message

Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Children:
    """The children from one group that have the same position at all parents.

    Attributes
    ----------
    group : int
        The number of the children's group.
    shape : tuple of int
        The parent's number of values for each slot that the children see; 1 for the other slots.
    paths : ndarray
        The paths of the children's messages that occur at the parent: all of them, unless the children see the parent's last bits
        and these are equal in both states.
    index : ndarray
        The child's position in its group for each parent; one more than the last position if a parent has no child.
    order, starts, targets : ndarray
        The parents sorted by child, the position at which each child's parents begin, and the children.
    """

    group: int
    shape: tuple[int, ...]
    paths: Index
    index: Index
    order: Index
    starts: Index
    targets: Index


def scatter(child: Children, values: Complex, out: Complex) -> None:
    """Add each parent's values, (…, columns), to its child's, (paths, messages, R)."""
    if len(child.order):
        each = values.reshape(len(child.paths), -1, out.shape[2])
        out[np.ix_(child.paths, child.targets)] += np.add.reduceat(np.take(each, child.order, axis=1), child.starts, axis=1)


def children_of(
    dimensions: Sequence[int], members: Sequence[Message], where: Mapping[int, tuple[int, int]], sizes: Sequence[int]
) -> list[Children]:
    """Return the children of all members: the first ones of each kind together, then the second ones, and so on.

    Parameters
    ----------
    dimensions
        The number of values of each slot of the members.
    members
        The parents.
    where
        For the number of each child, its group and its position there.
    sizes
        The number of messages of each group.
    """
    lists: dict[tuple[int, tuple[int, ...], int], Index] = {}
    for parent, message in enumerate(members):
        counts: dict[tuple[int, tuple[int, ...]], int] = {}
        for child, seen in message.children:
            group, position = where[child]
            number = counts[group, seen] = counts.get((group, seen), -1) + 1
            if (group, seen, number) not in lists:
                lists[group, seen, number] = np.full(len(members), sizes[group], dtype=np.intp)
            lists[group, seen, number][parent] = position
    children = []
    for (group, seen, _), index in sorted(lists.items(), key=lambda item: item[0]):
        order = np.argsort(index, kind="stable")
        order = order[index[order] < sizes[group]]
        targets, starts = np.unique(index[order], return_index=True)
        shape = tuple(size if slot in seen else 1 for slot, size in enumerate(dimensions))
        paths = np.arange(4 ** len(seen))
        if 2 in shape:  # the parent's last slot is always the last one that is seen
            paths = paths[np.isin(paths % 4, (0, 3))]
        children.append(Children(group, shape, paths, index, order, starts, targets))
    return children
