"""Ground states as matrix product states: a thin layer over TeNPy, which is imported only when it is used."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.samples import Samples, distinct
from qep_qiskit.simulation.chain_order import chain_order
from qep_qiskit.simulation.threads import single_threaded

Array: TypeAlias = NDArray[Any]
Term: TypeAlias = list[tuple[str, int]]

_NAMES = {"X": "Sigmax", "Y": "Sigmay", "Z": "Sigmaz"}
SMALLEST_SCHMIDT = 1e-10
"""Schmidt values below this are dropped, even if the bond dimension would allow them."""


def require_tenpy() -> None:
    """Raise InputError if TeNPy is not installed."""
    try:
        import tenpy  # noqa: F401
    except ImportError:
        raise InputError("matrix product states need TeNPy; install it by `pip install 'qep-qiskit[tensor]'`") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Use one BLAS thread and silence TeNPy's warnings and log; the state itself reports its energy variance and truncation."""
    with single_threaded(0), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        disabled = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(disabled)


@dataclass(frozen=True, eq=False)
class TensorState:
    """A matrix product state of qubits that are arranged in a chain.

    Attributes
    ----------
    psi : tenpy.networks.mps.MPS
        In canonical form, normalised.
    order : ndarray of shape (n,)
        The qubit at each place of the chain.
    energy, variance : float
        ⟨H⟩ and ⟨H²⟩ − ⟨H⟩² for the Hamiltonian whose ground state this is. The variance includes an allowance for rounding.
    truncation : float
        The largest weight dropped by a truncation in the last sweep.
    sweeps : int
    """

    psi: Any
    order: NDArray[np.int64]
    energy: float
    variance: float
    truncation: float
    sweeps: int

    @property
    def bond_dimension(self) -> int:
        """The largest bond dimension."""
        return int(max(self.psi.chi))

    @cached_property
    def _place(self) -> NDArray[np.int64]:
        return np.argsort(self.order)

    def expectations(self, paulis: PauliList) -> NDArray[np.float64]:
        """Return ⟨P⟩ for every string, shape (L,)."""
        values = np.ones(len(paulis))
        with _quiet():
            for k, term in enumerate(_terms(paulis, self._place)):
                if term:
                    values[k] = np.real(self.psi.expectation_value_term(term, autoJW=False))
        signs: NDArray[np.float64] = np.real((-1j) ** np.asarray(paulis.phase))
        return signs * values

    def dense(self) -> Array:
        """Return the state vector (for few qubits only); qubit 0 is the least significant bit."""
        with _quiet():
            tensor = self.psi.get_theta(0, self.psi.L).to_ndarray().reshape((2,) * self.psi.L)
        state = np.transpose(tensor, [int(self._place[q]) for q in range(self.psi.L)][::-1]).reshape(-1)
        largest = state[np.argmax(np.abs(state))]
        state = state * (np.abs(largest) / largest)
        return np.asarray(state / np.linalg.norm(state))

    def overlap(self, other: TensorState) -> float:
        """Return |⟨ψ|φ⟩| with a state of the same order."""
        with _quiet():
            return float(abs(self.psi.overlap(other.psi)))

    def sample(self, axes: str, shots: int, rng: np.random.Generator) -> Samples:
        """Draw outcomes of a measurement along these axes, one letter per qubit, qubit 0 first; see :func:`draw_chain`."""
        sites = (self.psi.get_B(place, form="B").itranspose(["vL", "p", "vR"]).to_ndarray() for place in range(self.psi.L))
        return draw_chain(sites, self.order, axes, shots, rng)


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
    outcomes = np.empty((shots, len(order)), dtype=bool)
    left = np.ones((shots, 1), dtype=complex)
    with single_threaded(0):
        for qubit, site in zip(order, tensors, strict=True):
            tensor = np.einsum("ap,lpr->lar", _TO_Z[axes[qubit]], np.asarray(site))
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
    energy_tolerance : float
        Sweeps end if the energy changes by less than this and the mean entropy by less than its square root. They also end if a
        whole sweep changes the energy by less than the truncation of a single bond does.
    """

    paulis: PauliList
    bond_dimension: int
    max_sweeps: int = 30
    energy_tolerance: float = 1e-11
    _kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The qubit at each place of the chain; see `chain_order`."""
        return chain_order(self.paulis)

    @cached_property
    def _site(self) -> Any:
        from tenpy.networks.site import SpinHalfSite

        return SpinHalfSite(conserve=None)

    def ground_state(
        self,
        coefficients: NDArray[np.float64],
        *,
        start: TensorState | NDArray[np.float64] | None = None,
        orthogonal_to: TensorState | None = None,
        seed: int = 0,
        loose: bool = False,
    ) -> TensorState:
        """Return the ground state of Σ c_k P_k, or the lowest state orthogonal to a given one.

        Parameters
        ----------
        coefficients : ndarray of shape (L,)
        start : TensorState or ndarray of shape (n, 3), optional
            The first guess, or the Bloch vectors of a product state. Default: a random product state. Sweeps from product states
            begin with a mixer to escape local minima.
        orthogonal_to : TensorState, optional
        seed : int
        loose : bool
            Whether only the energy is needed, to a relative accuracy of about 1e-6.
        """
        require_tenpy()
        with _quiet():
            if len(self.order) == 2:
                return self._measured(self._of_two_sites(coefficients, orthogonal_to), coefficients)
            operator = self._operator(coefficients)
            product = not isinstance(start, TensorState)
            psi = start.psi.copy() if isinstance(start, TensorState) else self._product(start, seed)
            chi = self.bond_dimension
            tolerance = 1e-8 if loose else self.energy_tolerance
            options = {
                "max_trunc_err": None,  # TeNPy must not raise an error: the state reports its truncation
                "trunc_params": {"chi_max": chi, "svd_min": 1e-7 if loose else SMALLEST_SCHMIDT},
                "max_E_err": tolerance,
                "max_S_err": np.sqrt(tolerance),
                "min_sweeps": 2,
                "max_sweeps": self.max_sweeps,
                "N_sweeps_check": 1,
                "mixer": product,
                "mixer_params": {"amplitude": 1e-4, "decay": 4.0, "disable_after": 4},
                "lanczos_params": {"N_max": 12, "N_min": 2, "P_tol": 1e-14},
            }
            others = None if orthogonal_to is None else [orthogonal_to.psi]
            settings = _settings(options)
            engine = _engine()(psi, self._model(operator), settings, orthogonal_to=others)
            energy, psi = engine.run()
            _forget_unused(settings)
            psi.canonical_form()
            dropped = engine.sweep_stats["max_trunc_err"]
            sweeps = int(engine.sweeps)
            state = TensorState(psi, self.order, float(np.real(energy)), np.nan, float(dropped[-1]) if dropped else 0.0, sweeps)
            if loose:
                return state
            return self._measured(state, coefficients)

    def _of_two_sites(self, coefficients: NDArray[np.float64], orthogonal_to: TensorState | None) -> TensorState:
        """Return the ground state of two sites by diagonalisation, since sweeps need more than one bond."""
        import tenpy.linalg.np_conserved as npc
        from qiskit.quantum_info import SparsePauliOp
        from tenpy.networks.mps import MPS

        matrix = SparsePauliOp(self.paulis, coefficients).to_matrix()
        if orthogonal_to is not None:
            excluded = orthogonal_to.dense()
            apart = np.eye(4) - np.outer(excluded, excluded.conj())
            away = 2.0 * float(np.abs(coefficients).sum()) + 1.0
            matrix = apart @ matrix @ apart + away * np.outer(excluded, excluded.conj())
        energies, vectors = np.linalg.eigh(matrix.real if self._dtype is float else matrix)
        tensor = vectors[:, 0].reshape(2, 2).transpose([1 - int(q) for q in self.order])
        full = npc.Array.from_ndarray_trivial(np.ascontiguousarray(tensor), labels=["p0", "p1"])
        psi = MPS.from_full([self._site] * 2, full, bc="finite", form="B")
        return TensorState(psi, self.order, float(energies[0]), np.nan, 0.0, 0)

    def _measured(self, state: TensorState, coefficients: NDArray[np.float64]) -> TensorState:
        """Return the state with its energy, computed term by term, and its variance.

        Each term's mean is subtracted before H is squared. This keeps partial sums small; ⟨H²⟩ − ⟨H⟩² would lose all digits.
        """
        means = state.expectations(self.paulis)
        shifted = self._operator(coefficients, means=means)
        rounding = float(np.finfo(float).eps * (coefficients @ coefficients))
        variance = abs(float(np.real(shifted.variance(state.psi, 0.0)))) + rounding
        return TensorState(state.psi, state.order, float(coefficients @ means), variance, state.truncation, state.sweeps)

    def _product(self, bloch: NDArray[np.float64] | None, seed: int) -> Any:
        """Return a product state with the given Bloch vectors, or a random one."""
        from tenpy.networks.mps import MPS

        if bloch is None:
            turns, phases = np.random.default_rng([seed, 0]).uniform(0.2, np.pi - 0.2, len(self.order)), np.zeros(len(self.order))
        else:
            x, y, z = bloch[self.order].T
            phases = np.arctan2(y, x) if self._dtype is complex else np.zeros(len(self.order))
            turns = np.arctan2(np.hypot(x, y) if self._dtype is complex else x, z)
        ones = np.exp(1j * phases) if self._dtype is complex else 1.0
        states = np.stack([np.cos(turns / 2), ones * np.sin(turns / 2)], axis=1)
        return MPS.from_product_state([self._site] * len(self.order), list(states), bc="finite", dtype=self._dtype)

    @property
    def _dtype(self) -> type:
        odd = np.count_nonzero(self.paulis.x & self.paulis.z, axis=1) % 2
        return complex if odd.any() else float

    def _model(self, operator: Any) -> Any:
        from tenpy.models.lattice import Chain
        from tenpy.models.model import MPOModel

        return MPOModel(Chain(len(self.order), self._site, bc="open", bc_MPS="finite"), operator)

    def _operator(self, coefficients: NDArray[np.float64], *, means: NDArray[np.float64] | None = None) -> Any:
        """Return Σ c_k P_k, or with `means` m_k the sum Σ c_k (P_k − m_k), as a matrix product operator."""
        from tenpy.networks.mpo import MPOGraph
        from tenpy.networks.terms import TermList

        signs = np.real((-1j) ** np.asarray(self.paulis.phase)) * coefficients
        terms: list[Term] = []
        strengths: list[float] = []
        for term, strength, mean in zip(
            _terms(self.paulis, np.argsort(self.order)),
            signs,
            np.zeros(len(signs)) if means is None else coefficients * means,
            strict=True,
        ):
            if strength == 0.0:
                continue
            terms.append(term or [("Id", 0)])
            strengths.append(float(strength))
            if mean:
                terms.append([("Id", term[0][1] if term else 0)])
                strengths.append(-float(mean))
        if not terms:
            terms, strengths = [[("Id", 0)]], [0.0]
        sites = [self._site] * len(self.order)
        return MPOGraph.from_term_list(TermList(terms, strengths), sites, "finite").build_MPO()


@lru_cache(maxsize=1)
def _engine() -> Any:
    from tenpy.algorithms.dmrg import TwoSiteDMRGEngine

    class Engine(TwoSiteDMRGEngine):
        """A DMRG engine that also stops if a sweep gains less energy than truncation loses."""

        def is_converged(self) -> bool:
            gained, lost = abs(self.sweep_stats["Delta_E"][-1]), self.sweep_stats["max_E_trunc"][-1]
            return bool(super().is_converged() or gained < lost)

    return Engine


def _settings(options: dict[str, Any]) -> Any:
    from tenpy.tools.params import Config

    return Config({k: Config(v, k) if isinstance(v, dict) else v for k, v in options.items()}, "DMRG")


def _forget_unused(settings: Any) -> None:
    """Mark all settings as used, so that TeNPy does not warn about unused ones when they are garbage-collected."""
    settings.unused.clear()
    for value in settings.options.values():
        if hasattr(value, "unused"):
            _forget_unused(value)


def _terms(paulis: PauliList, place: NDArray[np.int64]) -> Iterator[Term]:
    """Yield each string in TeNPy's notation, with its letters in the order of the chain and without its sign."""
    for x, z in zip(paulis.x, paulis.z, strict=True):
        qubits = np.flatnonzero(x | z)
        letters = ["Y" if x[q] and z[q] else "X" if x[q] else "Z" for q in qubits]
        yield sorted(((_NAMES[a], int(place[q])) for a, q in zip(letters, qubits, strict=True)), key=lambda pair: pair[1])
