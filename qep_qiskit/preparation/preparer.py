"""The protocol of preparers, and the result of a preparation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NoReturn, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.preparation.arguments import check_arguments
from qep_qiskit.preparation.capabilities import Capabilities
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.response import Responsive
from qep_qiskit.progress import Progress, one_of, silent
from qep_qiskit.samples import Samples

Vector = NDArray[np.float64]
Start = NDArray[np.float64] | NDArray[np.complex128]

NEAR = 0.2
"""The largest relative distance between a Hamiltonian and another one whose state it starts from."""
MOST_PICKLED = 2**26
"""The largest size, in bytes, of states that are kept when a gradient is pickled."""


def each(starts: Sequence[Prepared | None] | None, count: int) -> Sequence[Prepared | None]:
    """Return one start for each of several families, None for each if there are none at all."""
    return (None,) * count if starts is None else starts


@dataclass(frozen=True)
class Phase:
    """The quality of one phase's state.

    Attributes
    ----------
    beta, energy : float
        The nudge, and ⟨H + βC⟩ of the prepared state without noise.
    residual : float or None
        |∂_θ(⟨H + βC⟩ + ½μ|θ|²)| for a variational state, less the tilt of a nudged phase; ‖(H + βC − E)ψ‖ for an exact one; None
        if it does not apply.
    variance : float or None
        ⟨(H + βC)²⟩ − ⟨H + βC⟩², which is zero for an eigenstate.
    gap : float or None
        The gap above the ground state of H + βC, if it was computed.
    truncation : float or None
        The largest weight discarded from a matrix product state.
    bond_dimension : int or None
        The bond dimension of a matrix product state.
    error_bound : float or None
        A bound on the error of ⟨P⟩ for any Pauli string P, if one is known.
    curvature : float or None
        The smallest curvature of the energy in the angles of a mean-field state; the counterpart of a gap.
    gradient_error : float or None
        The estimated relative error of the gradient due to the residual of a variational state.
    residual_noise : float or None
        The root mean square length of the noise in a measured gradient, whose length is the residual.
    overlap : float or None
        |⟨ψ_0|ψ_β⟩|², the probability to find a nudged state in the free one, if it was computed.
    """

    beta: float
    energy: float
    residual: float | None = None
    variance: float | None = None
    gap: float | None = None
    truncation: float | None = None
    bond_dimension: int | None = None
    error_bound: float | None = None
    curvature: float | None = None
    gradient_error: float | None = None
    residual_noise: float | None = None
    overlap: float | None = None


@dataclass(frozen=True)
class StateCircuit:
    """One circuit structure and the phases it prepares.

    Attributes
    ----------
    circuit : QuantumCircuit
        The circuit without measurements; its parameters are bound by name.
    phases : tuple of int
        The phases of the family that it prepares.
    values : ndarray of shape (len(phases), num_parameters)
        The parameter values, in the order of ``circuit.parameters``.
    """

    circuit: QuantumCircuit
    phases: tuple[int, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Held:
    """State vectors in memory, for use as the `states` of a preparation."""

    rows: NDArray[np.complex128]

    def __call__(self) -> NDArray[np.complex128]:
        """Return the state vectors, shape (P, 2**n)."""
        return self.rows


@dataclass(frozen=True)
class Forgotten:
    """Stand-in for a part of a result that is dropped by pickling."""

    what: str

    def __call__(self, *unused: object) -> NoReturn:
        """Raise InputError, since this part is not available."""
        raise InputError(f"{self.what}: not kept when a result is pickled or stored; compute it again, or leave out warm_start=")


@dataclass(frozen=True)
class Prepared:
    """The states of all phases of a family.

    Pickling keeps the report and the start of another preparation: angles, product or matrix product states, or state vectors
    in memory that are not too large. Circuits and expectations are lost.

    Attributes
    ----------
    phases : tuple of Phase
    states : callable
        () → ndarray of shape (P, 2**n): the noiseless states, computed on demand.
    circuits : callable
        () → tuple of StateCircuit: the circuits that prepare the states, with as few structures as possible.
    expectations : callable
        PauliList of length L → ndarray of shape (P, L): noiseless expectations.
    angles : ndarray of shape (P, parameters) or None
        The angles of variational states.
    draw : callable or None
        (phase, axes, shots, rng) → Samples: noiseless shots of states that are too large for `states`.
    probabilities : callable or None
        (phase, axes, qubits) → ndarray of shape (2**k,): the joint distribution of the outcomes of k qubits, if that takes less
        than the whole state. The first qubit is the least significant bit.
    carried : object or None
        The start for other phases if it is neither angles nor state vectors: product or matrix product states, or sectors.
    computable : bool
        Whether `states` or `expectations` can be computed; False for circuits of many qubits.
    response : callable or None
        A function for the response of the first phase, the free one, to a nudge.
    silence : str
        The reason why `response`, even if present, does not give the limit β → 0 of these states; empty if it does.
    slopes : callable or None
        () → ndarray of shape (L,) over the frame: d⟨P⟩/dβ for the family's own nudge, from additional states at nudges close to
        zero.
    phase_slope : callable or None
        () → float or None: by how many radians a unit of β turns the phase that a ramp leaves between ground and excited states.
    details : mapping
        Method, options, iterations and warnings, for reports.
    """

    phases: tuple[Phase, ...]
    states: Callable[[], NDArray[np.complex128]]
    circuits: Callable[[], tuple[StateCircuit, ...]]
    expectations: Callable[[PauliList], NDArray[np.float64]]
    angles: NDArray[np.float64] | None = None
    draw: Callable[[int, str, int, np.random.Generator], Samples] | None = None
    probabilities: Callable[[int, str, tuple[int, ...]], NDArray[np.float64]] | None = None
    carried: object = None
    details: Mapping[str, object] = field(default_factory=dict)
    computable: bool = True
    response: Responsive | None = None
    silence: str = ""
    slopes: Callable[[], NDArray[np.float64]] | None = None
    phase_slope: Callable[[], float | None] | None = None

    def __getstate__(self) -> dict[str, object]:
        state: dict[str, object] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            small = isinstance(value, Held) and value.rows.nbytes <= MOST_PICKLED
            if callable(value) and not small:
                value = None if f.default is None else Forgotten(f.name)
            state[f.name] = value
        return state

    def __copy__(self) -> Prepared:
        return self

    def __deepcopy__(self, memo: object) -> Prepared:
        return self

    def start(self, kind: str) -> Start | None:
        """Return a warm start for a later preparation: an array with the ``"angles"`` or the ``"state"`` of the first phase."""
        if kind == "angles":
            return None if self.angles is None else np.array(self.angles[0], dtype=float)
        if kind == "state" and isinstance(self.states, Held):
            state = self.states.rows[0]
            return np.array(state if np.any(np.imag(state)) else state.real)
        return None


def started(kind: str, start: Start) -> Prepared:
    """Return a result that contains only a stored start; the inverse of :meth:`Prepared.start`."""
    rows: NDArray[Any] = np.asarray(start)[None, :]
    gone = Forgotten("what a training step started from")
    return Prepared((), Held(rows) if kind == "state" else gone, gone, gone, angles=rows if kind == "angles" else None)


@runtime_checkable
class Preparer(Protocol):
    """A method to prepare the states of all phases.

    A preparer is a frozen value with options but no state. It gets a whole family, because warm starts and ramps link the phases,
    and may get its own result for the free phase, from which nudged phases can start. A derived class defines `describe` and one
    of `prepare` and `prepare_all`, each of which calls the other by default; `supports` and `reference` have defaults. In a
    dataclass, numbers are checked against the keys of their fields.
    """

    supports: ClassVar[Capabilities] = Capabilities()

    def __post_init__(self) -> None:
        check_arguments(self)

    @property
    def reference(self) -> Preparer | None:
        """The exact preparer for the same states; None if these are ground states, for which it is ``Exact()``."""
        return None

    def prepare(
        self,
        family: Family,
        *,
        free: Prepared | None = None,
        warm_start: Prepared | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Prepared:
        """Prepare the states of ``family.betas``.

        Parameters
        ----------
        family : Family
        free : Prepared, optional
            The result for β = 0 of the same H, from which to start.
        warm_start : Prepared, optional
            The result for a similar H, with its free phase first: of another sample, or of the last training step. It changes the
            states by no more than the preparer's tolerance, except that a variational search ends in a nearby minimum.
        seed : int
            The seed of random starts.
        progress : callable
        """
        return self.prepare_all([family], free=[free], warm_start=[warm_start], seed=seed, progress=progress)[0]

    def prepare_all(
        self,
        families: Sequence[Family],
        *,
        free: Sequence[Prepared | None] | None = None,
        warm_start: Sequence[Prepared | None] | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> list[Prepared]:
        """Prepare several families, as :meth:`prepare` does for one.

        Parameters
        ----------
        families : sequence of Family
        free, warm_start : sequence of Prepared or None, optional
            One for each family, None for a family that has none.
        seed : int
            The seed of the random starts of every family.
        progress : callable
        """
        count = len(families)
        starts = zip(families, each(free, count), each(warm_start, count), strict=True)
        return [
            self.prepare(family, free=first, warm_start=near, seed=seed, progress=one_of(count, number, progress))
            for number, (family, first, near) in enumerate(starts)
        ]

    def describe(self) -> dict[str, object]:
        """Return the method and its options, for reports."""
        ...


def prepare_in_turn(preparer: Preparer, families: Sequence[Family], *, seed: int, progress: Progress = silent) -> list[Prepared]:
    """Prepare several families one by one, each from the states of the nearest earlier one, if one is near enough."""
    prepared: list[Prepared] = []
    for number, family in enumerate(families):
        start, report = nearest(family, families[:number], prepared), one_of(len(families), number, progress)
        prepared.append(preparer.prepare(family, warm_start=start, seed=seed, progress=report))
    return prepared


def nearest(family: Family, others: Sequence[Family], prepared: Sequence[Prepared]) -> Prepared | None:
    """Return the states of the nearest of some families; None if the relative 1-norm distance exceeds `NEAR`."""
    labels, busy = family.frame.labels, family.frame.busy
    same = [other.frame is family.frame or other.frame.labels == labels for other in others]
    distances = [
        float(np.abs(o.free - family.free)[busy].sum()) if alike else np.inf for o, alike in zip(others, same, strict=True)
    ]
    if not distances or min(distances) > NEAR * np.abs(family.free[busy]).sum():
        return None
    return prepared[int(np.argmin(distances))]
