"""Joint distributions of a few qubits of circuits of any size under an Aer noise model, from causal cones.

They are exact where the cones fit. Where one does not, it may be cut to a ball, with an estimate of the error.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit_aer.noise import NoiseModel

from qep_qiskit.simulation.cones.balls import Ball, ball_of, carriers_of, reduced
from qep_qiskit.simulation.cones.causal import MOST_BLOCKS, TRACED, ZERO, Cone, Member, Shape, cone_of, covering
from qep_qiskit.simulation.cones.contraction import contract
from qep_qiskit.simulation.noise.aer_model import NoiseMatrices, Unsuited
from qep_qiskit.simulation.noise.circuit import NoisyCircuit
from qep_qiskit.simulation.noise.transfer import Block, Piece, Real, turns_of
from qep_qiskit.simulation.threads import single_threaded

Wires: TypeAlias = frozenset[int]
MOST_LEGS = 12
"""Most legs of a tensor: one with 12 takes 0.13 GB, as much as the density matrix of 12 qubits."""
MOST_WORK = 1e11
"""Most multiplications per row of angles: about a minute."""
WHOLE_WORK = 1e10
"""Most multiplications per row of angles, some seconds, for which cones that may be cut are left whole."""
BALL_WORK = 3e7
"""Most multiplications per row of angles for a cone that is cut to a ball, so that those of many strings take seconds."""
_TOGETHER = 1 << 18
"""Total size, in numbers, of the largest tensors of the networks that are contracted together."""
_ROWS = 32
"""Number of rows whose blocks are in memory together."""


def rotation_to_z(letter: str) -> QuantumCircuit:
    """Return the circuit of h and sdg after which a Z measurement reads the axis X, Y or Z."""
    circuit = QuantumCircuit(1)
    if letter == "Y":
        circuit.sdg(0)
    if letter in "XY":
        circuit.h(0)
    return circuit


class NoisyMarginals:
    """Joint outcome distributions of a few qubits of a noisy circuit, each computed from their causal cone.

    Blocks of channels are followed backwards from the wires. A block that touches the cone belongs to it with all of its errors,
    and adds its wires. All other blocks preserve the trace and drop out exactly. The blocks of a cone form a network of transfer
    matrices, which is contracted in an order that keeps the tensors small. The order need not follow time, so a cone may have
    more wires than a density matrix could hold. Cones of equal shape share one order, and all of their rows are contracted
    together. Channels on one wire after its last block count as part of the reading. Rows that differ only there, for instance
    by random flips before the measurement, share one state.

    Parameters
    ----------
    circuit : QuantumCircuit
        A circuit in the gates that run, without measurements.
    noise : NoiseModel or NoiseMatrices
    wires : sequence of int, optional
        The wire that holds each logical qubit at the end. Default: the wire with the qubit's number.
    basis_change : callable, optional
        A function that takes a letter X, Y or Z and returns the one-qubit circuit after which a Z measurement reads that axis.
        Its gates are noisy. Default: :func:`rotation_to_z`.
    balls : bool
        Whether cones that do not fit are cut.

    Raises
    ------
    Unsuited
        If the circuit or its noise cannot be treated exactly.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        noise: NoiseModel | NoiseMatrices,
        *,
        wires: Sequence[int] | None = None,
        basis_change: Callable[[str], QuantumCircuit] = rotation_to_z,
        balls: bool = False,
    ) -> None:
        matrices = noise if isinstance(noise, NoiseMatrices) else NoiseMatrices(noise)
        self._circuit = NoisyCircuit(circuit, matrices, basis_change, apart=True)
        self._blocks = list(self._circuit.blocks)
        self._acted = {wire for block in self._blocks for wire in block.wires}
        self.wires = tuple(range(circuit.num_qubits)) if wires is None else tuple(wires)
        self._cuts = balls
        self._cones: dict[Wires, Cone] = {}
        self._balls: dict[Wires, Ball | None] = {}

    def cone(self, wires: Wires) -> Cone:
        """Return the whole causal cone of some wires."""
        if wires not in self._cones:
            for wire in sorted(wires - self._acted):  # an identity block on wires without blocks
                self._blocks.append(Block((wire,)))
                self._blocks[-1].append(Piece(np.eye(4)[None]))
                self._acted.add(wire)
            self._cones[wires] = cone_of(wires, self._blocks)
        return self._cones[wires]

    def fits(self, wires: Wires) -> bool:
        """Return whether the cone of some wires is small enough to be contracted."""
        order = self.cone(wires).order
        return order.legs <= MOST_LEGS and order.work <= MOST_WORK

    def ball(self, wires: Wires) -> Ball | None:
        """Return the ball to which the cone of some wires can be cut; None if none fits, or if cones must not be cut."""
        if self._cuts and wires not in self._balls:
            cone = self.cone(wires)
            self._balls[wires] = ball_of(wires, cone, self._blocks, self._carriers, legs=MOST_LEGS, work=BALL_WORK)
        return self._balls.get(wires)

    @functools.cached_property
    def _carriers(self) -> frozenset[int]:
        """The numbers of the blocks that carry states between wires, found at random angles."""
        return carriers_of(self._blocks, turns_of(np.random.default_rng(0).uniform(-np.pi, np.pi, (1, self._circuit.num_angles))))

    def apart(self, one: Wires, two: Wires) -> bool:
        """Return whether the cones of two sets of wires share no block, so that their states are independent."""
        return set(self.cone(one).blocks).isdisjoint(self.cone(two).blocks)

    def cut(self, supports: Iterable[Wires]) -> dict[Wires, Ball]:
        """Return the sets of wires whose cones are cut: those that are too large, and the largest if all together take too long.

        Raises
        ------
        Unsuited
            If a cone is too large, or if all cones together take too long, and cutting does not help or is not allowed.
        """
        work = {each: self.cone(each).order.work for each in dict.fromkeys(supports)}
        total = sum(work.values())
        balls: dict[Wires, Ball] = {}
        for each in sorted(work, key=lambda wires: (-work[wires], sorted(wires))):
            if (not self.fits(each) or total > WHOLE_WORK) and (ball := self.ball(each)) is not None:
                balls[each] = ball
                work[each] = ball.cone.order.work + ball.coarse.order.work
                total = sum(work.values())
        for each in work:
            if each not in balls:
                self._check(self.cone(each))
        if total > MOST_WORK:
            widest = max(self.cone(each).num_wires for each in work)
            raise Unsuited(
                f"noise in light cones of up to {widest} wires, which would take {total:.1e} multiplications per row of angles "
                f"(at most {MOST_WORK:.0e})"
            )
        return balls

    @staticmethod
    def _check(cone: Cone) -> None:
        """Raise Unsuited if a cone is too large."""
        if math.isinf(cone.order.work):
            raise Unsuited(
                f"noise in a light cone of {cone.num_wires} wires, with {len(cone.blocks)} two-qubit blocks "
                f"(at most {MOST_BLOCKS})"
            )
        if cone.order.legs > MOST_LEGS:
            raise Unsuited(
                f"noise in a light cone of {cone.num_wires} wires, whose largest tensor has 4**{cone.order.legs} numbers "
                f"(at most 4**{MOST_LEGS})"
            )

    def chosen(self, supports: Iterable[Wires], balls: Mapping[Wires, Ball], *, coarse: bool = False) -> dict[Wires, Cone]:
        """Return the cone of each set of wires, cut to its ball if it has one; `coarse` if balls have a radius smaller by one."""
        cut = {each: ball.coarse if coarse else ball.cone for each, ball in balls.items()}
        return {each: cut.get(each) or self.cone(each) for each in supports}

    def turns(self, values: Real) -> Real:
        """Return 1, cos and sin of all angles, shape (R, A, 3), for rows of values in the order of the circuit's parameters."""
        return turns_of(self._circuit.angles(np.atleast_2d(np.asarray(values, dtype=float))))

    def states(self, cones: Mapping[Wires, Cone], turns: Real) -> tuple[dict[Wires, Real], NDArray[np.intp]]:
        """Return the distinct states of sets of wires before their last single-qubit channels, and the state of each row.

        Parameters
        ----------
        cones : mapping of frozenset to Cone
            For each set of wires its cone, whole or cut.
        turns : ndarray of shape (R, A, 3)

        Returns
        -------
        dict of frozenset to ndarray of shape (D, 4, …, 4)
            The D distinct states, with the wires in ascending order.
        ndarray of int, shape (R,)
            The number of each row's state.
        """
        shapes: dict[Shape, list[Wires]] = {}
        for support in sorted(cones, key=sorted):
            shapes.setdefault(cones[support].shape, []).append(support)
        cuts = sorted({member for cone in cones.values() for member in cone.blocks if isinstance(member, tuple)})
        used = sorted({number for each in cones for number in self.cone(each).blocks if isinstance(number, int)})
        angles = sorted({angle for number in used for angle in self._blocks[number].angles})
        _, first, place = np.unique(turns[:, angles].reshape(len(turns), -1), axis=0, return_index=True, return_inverse=True)
        parts: dict[Wires, list[Real]] = {each: [] for each in cones}
        with single_threaded(0):
            for start in range(0, len(first), _ROWS):
                rows = turns[first[start : start + _ROWS]]
                whole = {number: self._blocks[number].matrices(rows) for number in used}
                matrices: dict[Member, Real] = dict(whole.items())
                if cuts:
                    matrices |= reduced(cuts, self._blocks, whole, len(rows))
                for members in shapes.values():
                    alike = [cones[each] for each in members]
                    together = max(1, _TOGETHER // (4 ** alike[0].order.legs * len(rows)))
                    for low in range(0, len(alike), together):
                        states = _contracted(alike[low : low + together], matrices, len(rows))
                        for each, state in zip(members[low : low + together], states, strict=True):
                            parts[each].append(state)
        return {each: np.concatenate(states) for each, states in parts.items()}, place.reshape(-1)

    def readings(self, letters: Iterable[tuple[str, int]], turns: Real) -> dict[tuple[str, int], Real]:
        """Return, per letter and wire, the matrix from the wire's state to the probabilities of 0 and 1, shape (R or 1, 2, 4)."""
        return {
            (letter, wire): self._circuit.chances(letter, wire) @ self._circuit.ending(wire, turns) for letter, wire in letters
        }

    def probabilities(self, values: Real, axes: str, supports: Sequence[Sequence[int]], *, coarse: bool = False) -> list[Real]:
        """Return the probabilities of the outcomes of each support, each an array of shape (R, 2**k).

        Parameters
        ----------
        values : ndarray of shape (R, P)
            Rows of values in the order of the circuit's parameters.
        axes : str
            One letter of XYZ per logical qubit.
        supports : sequence of sequence of int
            Sets of k logical qubits; the first is the least significant bit of an outcome.
        coarse : bool
            Whether balls have a radius smaller by one, so that the difference estimates the error of the cut.
        """
        turns, read = self.turns(values), [[self.wires[q] for q in support] for support in supports]
        sources = covering([frozenset(wires) for wires in read])
        states, place = self.states(self.chosen(sources, self.cut(sources), coarse=coarse), turns)
        letters = {(axes[q], self.wires[q]) for support in supports for q in support}
        readings = {wire: matrix for (_, wire), matrix in self.readings(sorted(letters), turns).items()}
        return [
            self._read(states[source], place, sorted(source), wires, readings)
            for source, wires in zip(sources, read, strict=True)
        ]

    def _read(self, states: Real, place: NDArray[np.intp], wires: list[int], read: list[int], readings: dict[int, Real]) -> Real:
        for axis in range(len(wires), 0, -1):
            if wires[axis - 1] not in read:
                states = np.asarray(states.take(0, axis=axis))
        chances: Real = states[place]
        read_wires = [wire for wire in wires if wire in read]
        for wire in read_wires:  # contract the first axis and append the axis of the outcome
            rows = chances.reshape(len(place), 4, -1)
            chances = np.swapaxes(readings[wire] @ rows, 1, 2).reshape(len(place), -1)
        order = [1 + read_wires.index(wire) for wire in reversed(read)]
        return chances.reshape(-1, *(2,) * len(read_wires)).transpose(0, *order).reshape(len(place), -1)


def _contracted(cones: Sequence[Cone], matrices: Mapping[Member, Real], rows: int) -> list[Real]:
    """Contract cones of equal shape together and return one state (rows, 4, …, 4) per cone."""
    first = cones[0]
    tensors, legs = [], []
    for place, each in enumerate(first.legs):
        stack = np.array([np.broadcast_to(m, (rows, *m.shape[1:])) for m in (matrices[cone.blocks[place]] for cone in cones)])
        tensor = stack.reshape(len(cones) * rows, *(4,) * len(each))
        for axis in range(len(each), 0, -1):
            if each[axis - 1] == TRACED:
                tensor = tensor.take(0, axis=axis)
            elif each[axis - 1] == ZERO:
                tensor = tensor.take(0, axis=axis) + tensor.take(3, axis=axis)
        tensors.append(tensor)
        legs.append([leg for leg in each if leg >= 0])
    result = contract(tensors, legs, first.order, first.open)
    return list(result.reshape(len(cones), rows, *result.shape[1:]))
