"""Ground states of Pauli sums as matrix product states, by :mod:`qep_qiskit.simulation.dmrg`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.samples import Samples, distinct, require_shots
from qep_qiskit.simulation import dmrg
from qep_qiskit.simulation.chain_order import chain_order
from qep_qiskit.simulation.threads import single_threaded

Array: TypeAlias = NDArray[Any]
String: TypeAlias = list[tuple[int, str]]

LOOSE = dmrg.Accuracy(smallest=1e-7, energy=1e-8, residual=1e-3)
"""The accuracy of a search that only needs the energy, to a relative accuracy of about 1e-6."""


@dataclass(frozen=True, eq=False)
class TensorState:
    """A matrix product state of qubits that are arranged in a chain.

    Attributes
    ----------
    chain : list of ndarray of shape (left, 2, right)
        The site tensors, in right-canonical form and normalised.
    order : ndarray of shape (n,)
        The qubit at each place of the chain.
    energy, variance : float
        ⟨H⟩ and ⟨H²⟩ − ⟨H⟩², where this is the ground state of H. The variance includes an allowance for rounding.
    truncation : float
        The largest weight dropped by a truncation in the last sweep.
    sweeps : int
    """

    chain: list[Array]
    order: NDArray[np.int64]
    energy: float
    variance: float
    truncation: float
    sweeps: int

    @property
    def bond_dimension(self) -> int:
        """The largest bond dimension."""
        return max(tensor.shape[2] for tensor in self.chain)

    @cached_property
    def _place(self) -> NDArray[np.int64]:
        return np.argsort(self.order)

    def expectations(self, paulis: PauliList) -> NDArray[np.float64]:
        """Return ⟨P⟩ for every string, shape (L,)."""
        with single_threaded(0):
            values = dmrg.expectations(self.chain, _strings(paulis, self._place))
        return _signs(paulis) * values

    def dense(self) -> Array:
        """Return the state vector (for few qubits only); qubit 0 is the least significant bit."""
        tensor = np.ones((1, 1))
        for site in self.chain:
            tensor = np.tensordot(tensor, site, axes=(1, 0)).reshape(-1, site.shape[2])
        n = len(self.chain)
        state = np.transpose(tensor.reshape((2,) * n), [int(self._place[q]) for q in range(n)][::-1]).reshape(-1)
        largest = state[np.argmax(np.abs(state))]
        state = state * (np.abs(largest) / largest)
        return np.asarray(state / np.linalg.norm(state))

    def overlap(self, other: TensorState) -> float:
        """Return |⟨ψ|φ⟩| with a state of the same order."""
        return abs(dmrg.overlap(self.chain, other.chain))

    def sample(self, axes: str, shots: int, rng: np.random.Generator) -> Samples:
        """Draw outcomes of a measurement along these axes, one letter per qubit, qubit 0 first; see :func:`draw_chain`."""
        return draw_chain(self.chain, self.order, axes, shots, rng)


def draw_chain(
    tensors: Iterable[Array], order: Sequence[int] | Array, axes: str, shots: int, rng: np.random.Generator
) -> Samples:
    """Draw outcomes of a matrix product state.

    All shots are drawn together, from the first place of the chain to the last. For each shot, its outcomes so far determine a
    vector on the current bond (Ferris and Vidal 2012, arXiv:1201.3974).

    Parameters
    ----------
    tensors : iterable of ndarray of shape (left, 2, right)
        The right-canonical tensors.
    order : sequence of int
        The qubit at each place of the chain.
    axes : str
        One letter of XYZ per qubit, qubit 0 first.
    shots : int
    rng : Generator
    """
    sites = [np.asarray(tensor) for tensor in tensors]
    require_shots(shots, 100 * max(site.shape[2] for site in sites) + len(order) + 32)
    outcomes = np.empty((shots, len(order)), dtype=bool)
    left = np.ones((shots, 1), dtype=complex)
    with single_threaded(0):
        for qubit, site in zip(order, sites, strict=True):
            tensor = np.einsum("ap,lpr->lar", _TO_Z[axes[qubit]], site)
            both = np.tensordot(left, tensor, axes=1)
            weights = np.einsum("sar,sar->sa", both, both.conj()).real
            one = rng.random(shots) * weights.sum(axis=1) > weights[:, 0]
            branch = np.where(one[:, None], both[:, 1], both[:, 0])
            left = branch / np.sqrt(np.where(one, weights[:, 1], weights[:, 0]))[:, None]
            outcomes[:, qubit] = one
    return distinct(outcomes)


_TO_Z = {
    "Z": np.eye(2),
    "X": np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    "Y": np.array([[1, -1j], [1, 1j]]) / np.sqrt(2),
}


@dataclass(frozen=True)
class TensorSolver:
    """Density-matrix renormalisation group for Pauli sums.

    Attributes
    ----------
    paulis : PauliList
        The strings of all Hamiltonians to be solved.
    bond_dimension : int
        The largest allowed bond dimension.
    max_sweeps : int
    """

    paulis: PauliList
    bond_dimension: int
    max_sweeps: int = 30

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The qubit at each place of the chain; see `chain_order`."""
        return chain_order(self.paulis)

    @cached_property
    def busy(self) -> NDArray[np.bool_]:
        """True for strings that are not the identity, shape (L,)."""
        return np.asarray((self.paulis.x | self.paulis.z).any(axis=1))

    @cached_property
    def _strings(self) -> list[String]:
        return _strings(self.paulis, np.argsort(self.order))

    def ground_state(
        self,
        coefficients: NDArray[np.float64],
        *,
        start: TensorState | NDArray[np.float64] | None = None,
        orthogonal_to: TensorState | None = None,
        seed: int = 0,
        loose: bool = False,
        swept: dmrg.Swept = lambda sweep, energy: None,
    ) -> TensorState:
        """Return the ground state of Σ c_k P_k, or the lowest state orthogonal to a given one.

        Parameters
        ----------
        coefficients : ndarray of shape (L,)
        start : TensorState or ndarray of shape (n, 3), optional
            The initial state, or the Bloch vectors of an initial product state. Default: a random product state. The first
            sweeps from a product state are perturbed, to escape local minima.
        orthogonal_to : TensorState, optional
        seed : int
        loose : bool
            Whether only the energy is needed, to a relative accuracy of about 1e-6.
        swept : callable
            Called after each sweep with its number and the energy.
        """
        constant = float((_signs(self.paulis) * coefficients)[~self.busy].sum())  # added at the end: it would only cost digits
        coefficients = np.where(self.busy, coefficients, 0.0)
        unit = math.ldexp(1.0, int(np.frexp(np.abs(coefficients).max(initial=0.0))[1]))  # a power of two changes no digit
        coefficients = coefficients / unit
        strengths = _signs(self.paulis) * coefficients
        other = None if orthogonal_to is None else orthogonal_to.chain
        n = len(self.order)

        def scaled(sweep: int, energy: float) -> None:
            swept(sweep, constant + unit * energy)

        with single_threaded(0):
            first = start.chain if isinstance(start, TensorState) else self._product(start, seed)
            noisy = not isinstance(start, TensorState)
            mpo = dmrg.operator(self._strings, strengths.tolist(), n)
            chain, energy, truncation, sweeps = dmrg.lowest(
                first,
                mpo,
                bond_dimension=self.bond_dimension,
                max_sweeps=self.max_sweeps,
                accuracy=LOOSE if loose else dmrg.Accuracy(),
                noisy=noisy,
                orthogonal_to=other,
                swept=scaled,
            )
            if loose:
                return TensorState(chain, self.order, constant + unit * energy, np.nan, truncation, sweeps)
            # each term's mean is subtracted before H is squared, since ⟨H²⟩ − ⟨H⟩² would lose all digits
            means = dmrg.expectations(chain, self._strings)
            shifted = dmrg.operator(self._strings, strengths.tolist(), n, shifts=(strengths * means).tolist())
            rounding = float(np.finfo(float).eps * (coefficients @ coefficients))
            variance = abs(dmrg.variance(chain, shifted)) + rounding
        energy = constant + unit * float(strengths @ means)
        return TensorState(chain, self.order, energy, unit**2 * variance, truncation, sweeps)

    def _product(self, bloch: NDArray[np.float64] | None, seed: int) -> list[Array]:
        """Return a product state with the given Bloch vectors, or a random one."""
        if bloch is None:
            return dmrg.product_chain(np.random.default_rng([seed, 0]).uniform(0.2, np.pi - 0.2, len(self.order)))
        x, y, z = bloch[self.order].T
        if not (self.paulis.x & self.paulis.z).any():
            return dmrg.product_chain(np.arctan2(x, z))
        return dmrg.product_chain(np.arctan2(np.hypot(x, y), z), np.arctan2(y, x))


def _signs(paulis: PauliList) -> NDArray[np.float64]:
    return np.asarray(np.real((-1j) ** np.asarray(paulis.phase)))


def _strings(paulis: PauliList, place: NDArray[np.int64]) -> list[String]:
    """Return each string as (place, letter) in the order of the chain, without its sign."""
    strings = []
    for x, z in zip(paulis.x, paulis.z, strict=True):
        qubits = np.flatnonzero(x | z)
        letters = ["Y" if x[q] and z[q] else "X" if x[q] else "Z" for q in qubits]
        strings.append(sorted((int(place[q]), letter) for q, letter in zip(qubits, letters, strict=True)))
    return strings
