"""The choice of measurement bases, products of single-qubit axes, that read all needed Pauli strings from few circuits."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import rustworkx as rx
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

MANY = 600
"""Above this number of strings only first fit is used, since the graph of conflicts grows quadratically."""
_LETTERS = np.array(["I", "X", "Z", "Y"])


@dataclass(frozen=True)
class Basis:
    """A measurement basis: a product of single-qubit axes, and the strings that are read in it.

    Attributes
    ----------
    axes : str
        One letter of XYZ per qubit, qubit 0 first.
    strings : tuple of int
        Positions in the list of Pauli strings.
    """

    axes: str
    strings: tuple[int, ...]

    @property
    def title(self) -> str:
        """A short name: a single letter such as ``"Z"`` if all qubits have the same axis, otherwise all axes."""
        return title_of(self.axes)


def title_of(axes: str) -> str:
    """Return a single letter if all axes are the same, otherwise the axes."""
    return axes[0] if len(set(axes)) == 1 else axes


def choose_bases(paulis: PauliList, needed: Iterable[int]) -> tuple[Basis, ...]:
    """Return bases in which every needed string except the identity is read exactly once.

    If every string has only one kind of letter (only Z, only X or only Y), there is one basis per letter. A transverse-field
    Ising network therefore needs two bases at any size. If there are mixed strings, several methods are compared and the
    smallest set of bases is returned. They are first fit, longest strings first; an extension of the bases of single letters;
    and greedy colourings of the graph of qubit-wise conflicts. For more than 600 strings only first fit is used.

    Examples
    --------
    >>> [b.title for b in choose_bases(PauliList(["IZZ", "IIX", "ZII", "XII"]), range(4))]
    ['Z', 'X']
    """
    x, z = np.ascontiguousarray(paulis.x), np.ascontiguousarray(paulis.z)
    return _chosen(int(paulis.num_qubits), x.tobytes(), z.tobytes(), tuple(int(i) for i in needed))


@functools.lru_cache(maxsize=64)
def _chosen(num_qubits: int, x: bytes, z: bytes, needed: tuple[int, ...]) -> tuple[Basis, ...]:
    """Return the bases from a cache, since batches and training steps need the same bases repeatedly."""
    bits = [np.frombuffer(packed, dtype=bool).reshape(-1, num_qubits).astype(int) for packed in (x, z)]
    letters = _LETTERS[bits[0] + 2 * bits[1]]
    indices = [i for i in needed if (letters[i] != "I").any()]
    pure: dict[str, list[int]] = {}
    mixed: list[int] = []
    for i in indices:
        kinds = set(letters[i]) - {"I"}
        if len(kinds) == 1:
            pure.setdefault(kinds.pop(), []).append(i)
        else:
            mixed.append(i)
    if not mixed:
        return tuple(_basis(letters, members, kind) for kind, members in sorted(pure.items(), reverse=True))
    return _with_mixed(letters, pure, mixed)


def _with_mixed(letters: NDArray[np.str_], pure: dict[str, list[int]], mixed: list[int]) -> tuple[Basis, ...]:
    constructed = [members for _, members in sorted(pure.items(), reverse=True)]
    everything = sorted(i for members in [*constructed, mixed] for i in members)
    candidates = [_first_fit(letters, everything)]
    if len(everything) <= MANY:
        candidates.append(_extended(letters, constructed, mixed))
        candidates += [_coloured(letters, everything, strategy) for strategy in _STRATEGIES]
    best = min(candidates, key=len)
    return tuple(_basis(letters, sorted(members), "Z") for members in best)


_STRATEGIES = (
    rx.ColoringStrategy.Degree,
    rx.ColoringStrategy.Saturation,
    rx.ColoringStrategy.IndependentSet,
)


def _first_fit(letters: NDArray[np.str_], indices: list[int]) -> list[list[int]]:
    """Put every string, longest first, into the first basis that agrees with it on every qubit; return the groups."""
    codes = np.searchsorted(np.array(["I", "X", "Y", "Z"]), letters[indices])
    axes = np.zeros((0, letters.shape[1]), dtype=codes.dtype)
    groups: list[list[int]] = []
    for place in np.argsort(-(codes > 0).sum(axis=1), kind="stable"):
        row = codes[place]
        agreeing = np.flatnonzero(~((axes != row) & (axes > 0) & (row > 0)).any(axis=1))
        if agreeing.size:
            groups[agreeing[0]].append(indices[place])
            axes[agreeing[0]] = np.maximum(axes[agreeing[0]], row)
        else:
            groups.append([indices[place]])
            axes = np.vstack([axes, row])
    return groups


def _coloured(letters: NDArray[np.str_], indices: list[int], strategy: rx.ColoringStrategy) -> list[list[int]]:
    rows = letters[indices]
    busy = rows != "I"
    clash = ((rows[:, None] != rows[None]) & busy[:, None] & busy[None]).any(axis=2)
    graph: rx.PyGraph = rx.PyGraph()
    graph.add_nodes_from(indices)
    graph.add_edges_from_no_data([(int(a), int(b)) for a, b in np.argwhere(np.triu(clash))])
    groups: dict[int, list[int]] = {}
    colours = rx.graph_greedy_color(graph, strategy=strategy)  # type: ignore[arg-type]
    for node, colour in colours.items():
        groups.setdefault(colour, []).append(indices[node])
    return [groups[colour] for colour in sorted(groups)]


def _extended(letters: NDArray[np.str_], constructed: list[list[int]], mixed: list[int]) -> list[list[int]]:
    groups = [list(members) for members in constructed]
    axes = [_axes(letters, members) for members in groups]
    rest = []
    for i in sorted(mixed, key=lambda i: -int((letters[i] != "I").sum())):
        for members, axis in zip(groups, axes, strict=True):
            if not ((axis != letters[i]) & (axis != "I") & (letters[i] != "I")).any():
                members.append(i)
                axis[letters[i] != "I"] = letters[i][letters[i] != "I"]
                break
        else:
            rest.append(i)
    if rest:
        coloured: list[list[list[int]]] = [_coloured(letters, rest, strategy) for strategy in _STRATEGIES]
        groups.extend(sorted(coloured, key=len)[0])
    return groups


def _axes(letters: NDArray[np.str_], members: list[int]) -> NDArray[np.str_]:
    axes = np.full(letters.shape[1], "I")
    for i in members:
        busy = letters[i] != "I"
        axes[busy] = letters[i][busy]
    return axes


def _basis(letters: NDArray[np.str_], members: list[int], default: str) -> Basis:
    axes = _axes(letters, members)
    axes[axes == "I"] = default
    return Basis("".join(axes), tuple(members))
