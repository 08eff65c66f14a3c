"""Leaves: qubits that start in |+⟩, share one phase with one Z string, and are neither turned nor read.

Such a qubit dephases its string M: it applies ``Z_M`` with the probability ``(1 − λ)/2``, where λ is ``cos 2a`` for the phase
``exp(-i a Z_leaf Z_M)``. The λ of several leaves of one string multiply. Together they are equivalent to a single bit, which says
whether ``Z_M`` has been applied and has weights instead of amplitudes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from math import pi
from operator import or_
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.simulation.adjoint.gates import Angle, fixed
from qep_qiskit.simulation.adjoint.layers import Phases, Relabelling, bits
from qep_qiskit.simulation.batched.operations import signs_of
from qep_qiskit.simulation.batched.steps import Hadamards, Step
from qep_qiskit.simulation.batched.strings import String

Real = NDArray[np.float64]

_WORTHWHILE = 6
"""Templates with fewer qubits are not reduced, since they are as fast with their leaves."""


class Mixture(NamedTuple):
    """The doubled angles of J leaves and their cosines (J, B), the products of λ (2**G, B), and the weights of the states.

    The weights have the shape (2**G, 1, 2 B); each stands twice, for real and imaginary parts.
    """

    doubled: Real
    cosines: Real
    products: Real
    weights: Real


class Dephasing:
    """The mixture of states in which some of G strings have been applied; bit g of a state's number says whether string g has.

    With the energies ``e_s`` of the states and their transform ``ê_t = sum_s (-1)^(s·t) e_s``, the energy of the mixture is
    ``sum_t λ_t ê_t``, in which ``λ_t`` is the product of the λ of all strings in t. It is a polynomial, unlike the amplitudes
    of a purification, which have no derivative at zero angles.

    Parameters
    ----------
    leaves
        For each string, the angles of its leaves.
    num_angles
        The number of angles A of the template.
    """

    def __init__(self, leaves: Sequence[Sequence[Angle]], num_angles: int) -> None:
        self.num_strings = len(leaves)
        angles = [angle for group in leaves for angle in group]
        self._starts = np.cumsum([0, *(len(group) for group in leaves[:-1])])
        self._string = np.repeat(np.arange(len(leaves)), [len(group) for group in leaves])
        self._others = [np.flatnonzero((self._string == g) & (np.arange(len(angles)) != i)) for i, g in enumerate(self._string)]
        self._constants = np.array([[2.0 * angle.constant] for angle in angles])
        self._weights = np.zeros((len(angles), num_angles))
        for row, angle in enumerate(angles):
            for k, weight in angle.weights.items():
                self._weights[row, k] = 2.0 * weight
        self._signs = signs_of(len(leaves), range(1 << len(leaves)))

    def mixture(self, angles: Real) -> Mixture:
        """Return the mixture for angles (A, B)."""
        doubled = self._weights @ angles
        doubled += self._constants
        cosines = np.cos(doubled)
        lambdas = np.multiply.reduceat(cosines, self._starts, axis=0)
        products = np.ones((len(self._signs), lambdas.shape[1]))
        for g, each in enumerate(lambdas):
            np.multiply(products[: 1 << g], each, out=products[1 << g : 2 << g])
        weights = np.repeat(self._signs @ products, 2, axis=1)[:, None]
        return Mixture(doubled, cosines, products, weights)

    def energies_and_slopes(self, mixture: Mixture, energies: Real) -> tuple[Real, Real]:
        """Return the energies of mixtures (B,) and their derivatives (A, B), given the energies of the states (2**G, B)."""
        transformed = self._signs @ energies
        rows = np.sin(mixture.doubled)
        np.negative(rows, out=rows)
        for i, others in enumerate(self._others):
            for other in others:
                rows[i] *= mixture.cosines[other]
        slopes = np.empty((self.num_strings, energies.shape[1]))
        for g in range(self.num_strings):
            split = (-1, 2, 1 << g, energies.shape[1])
            slopes[g] = (mixture.products.reshape(split)[:, 0] * transformed.reshape(split)[:, 1]).sum(axis=(0, 1))
        rows *= slopes[self._string]
        return (mixture.products * transformed).sum(axis=0), self._weights.T @ rows


def without_leaves(
    num_qubits: int, steps: Sequence[Step], strings: Sequence[String], num_angles: int
) -> tuple[int, list[Step], list[String], Dephasing | None]:
    """Return the circuit with one qubit for all leaves of a string, if that makes it smaller.

    The qubits that stand for leaves come last, and the returned `Dephasing` belongs to them. The other qubits keep their order.
    """
    unchanged = num_qubits, list(steps), list(strings), None
    if len(steps) < 2 or steps[0] != Hadamards((1 << num_qubits) - 1) or not isinstance(first := steps[1], Phases):
        return unchanged
    others = [step for step in steps[2:] if not isinstance(step, Relabelling)]
    if len(others) < len(steps) - 2:
        return unchanged
    used = [mask for step in others for mask in ([step.qubits] if isinstance(step, Hadamards) else step.angles)]
    used += [string.x | string.z for string in strings]
    leaves = leaves_of(list(first.angles), (1 << num_qubits) - 1 & ~reduce(or_, used, 0))
    groups: dict[int, list[Angle]] = {}
    for mask, angle in first.angles.items():
        if mask & leaves and mask & ~leaves:
            groups.setdefault(mask & ~leaves, []).append(angle)
    core = [qubit for qubit in range(num_qubits) if not leaves >> qubit & 1]
    if not core or len(groups) >= leaves.bit_count() or num_qubits < _WORTHWHILE:
        return unchanged
    place = {qubit: i for i, qubit in enumerate(core)}
    total = len(core) + len(groups)
    signs: dict[int, Angle] = {}
    for bit, string in enumerate(groups, len(core)):
        moved = _renumbered(string, place)
        signs |= {moved: fixed(pi / 4), moved | 1 << bit: fixed(-pi / 4)}
    core_phases = Phases({_renumbered(mask, place): angle for mask, angle in first.angles.items() if not mask & leaves})
    smaller = [Hadamards((1 << total) - 1), Phases(signs), core_phases, *(_renumbered_step(step, place) for step in others)]
    read = [String(s.index, _renumbered(s.x, place), _renumbered(s.z, place), s.factor) for s in strings]
    dephasing = Dephasing(list(groups.values()), num_angles) if groups else None
    return total, [step for step in smaller if not isinstance(step, Phases) or step.angles], read, dephasing


def leaves_of(masks: Sequence[int], candidates: int) -> int:
    """Return candidates that share no mask with each other and share at most one mask with other qubits."""
    while True:
        met = refused = 0
        for mask in masks:
            inside = mask & candidates
            if inside.bit_count() > 1:
                refused |= inside & inside - 1
            elif mask != inside:
                refused |= inside & met
                met |= inside
        if not refused:
            return candidates
        candidates &= ~refused


def _renumbered(mask: int, place: Mapping[int, int]) -> int:
    return sum(1 << place[qubit] for qubit in bits(mask))


def _renumbered_step(step: Hadamards | Phases, place: Mapping[int, int]) -> Step:
    if isinstance(step, Hadamards):
        return Hadamards(_renumbered(step.qubits, place))
    return Phases({_renumbered(mask, place): angle for mask, angle in step.angles.items()})
