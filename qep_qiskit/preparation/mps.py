"""Preparation of true ground states of many qubits as matrix product states."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import DegenerateGroundStateError, InputError
from qep_qiskit.kinds import HIDDEN, PREPARERS, Key
from qep_qiskit.memory import require
from qep_qiskit.preparation.capabilities import Capabilities
from qep_qiskit.preparation.exact import ground_state_response
from qep_qiskit.preparation.family import Family, outwards
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer
from qep_qiskit.preparation.state_loader import loading_circuits
from qep_qiskit.preparation.uniqueness import DEGENERATE_SHARE, ordinary_size
from qep_qiskit.progress import Progress, silent
from qep_qiskit.simulation.mps import TensorSolver, TensorState
from qep_qiskit.values import Brief

MOST_DENSE_QUBITS = 20
MOST_RESPONSE_QUBITS = 16
"""The largest number of qubits for which the response is computed from the state vector, in less time than DMRG takes."""
GAP_BOND_DIMENSION = 48
"""The bond dimension of the first excited state; its energy is needed to only a few digits."""
ATTEMPTS = 3
RESOLUTION = 1e-8
"""The accuracy of the energies of a long chain, as a share of the sum of the energies."""
METASTABLE = (
    "without the gap, DMRG starts from one state only and may end in a metastable one, whose gradient can be entirely wrong; "
    "set preparation.gap = true, or compare the energy with that of another seed"
)


@PREPARERS.register("mps")
@dataclass(frozen=True, repr=False)
class MPS(Brief, Preparer):
    """Ground states by the density-matrix renormalisation group (DMRG), for chains and other graphs with little entanglement.

    Parameters
    ----------
    bond_dimension : int
        The largest allowed bond dimension. A gapped chain needs a few dozen at any length, a two-dimensional graph more.
    max_sweeps : int
        The largest number of sweeps for each phase.
    gap : bool
        Whether to compute the first excited state too, which takes about as long as the ground state. It is needed to detect a
        degenerate ground state and for error bounds. Its further starts can also reveal a metastable state; without them a
        warning says so.
    nudge_share : float
        Ignored, as for :class:`Exact`.

    Raises
    ------
    DegenerateGroundStateError
        If the free ground state is not unique.

    Notes
    -----
    The angle φ between a state of energy E and the ground state is bounded by its variance, sin φ ≤ √(⟨H²⟩ − E²)/(E₁ − E)
    (Davis and Kahan 1970), and the error of a Pauli expectation by 2 sin φ. DMRG gives E₁ for the free phase; in a nudged
    phase it is at most ``|β|‖C‖`` lower (Weyl). The bound is reported with every phase and, combined by the stencil, with every
    gradient; the actual error is usually far smaller. If a nudge may close the gap, only the trivial bound holds, and there is a
    warning. The sweeps are in `simulation/dmrg.py`. White (1992); Schollwöck (2011), arXiv:1008.3477.
    """

    bond_dimension: Annotated[int, Key("the largest bond dimension", least=2, most=100_000)] = 64
    max_sweeps: Annotated[int, Key("the number of DMRG sweeps per phase", least=1, most=100_000)] = 30
    gap: Annotated[bool, Key("whether the gap is computed")] = True
    nudge_share: Annotated[float, HIDDEN] = 0.5
    supports: ClassVar[Capabilities] = Capabilities(loads=True)

    def prepare(
        self,
        family: Family,
        *,
        free: Prepared | None = None,
        warm_start: Prepared | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Prepared:
        """Return the ground states of ``family.betas``; nudged phases start from the free one."""
        if family.num_qubits < 2:
            raise InputError("preparation.method: mps needs two qubits or more; use exact")
        widest = min(float(self.bond_dimension), 2.0 ** (family.num_qubits // 2))
        require(
            16.0 * family.num_qubits * widest**2,
            f"preparation.bond_dimension: {self.bond_dimension} and {family.num_qubits} sites",
            "take a smaller one; 64 to 256 do for most ground states",
        )
        used = _used(family)
        solver = TensorSolver(family.frame.paulis[used], self.bond_dimension, self.max_sweeps)
        coefficients = family.coefficients[:, used]
        starts = _states_of(free) or _states_of(warm_start)
        gap = None if free is None else free.phases[0].gap
        order = outwards(family.betas)
        solved: dict[int, TensorState] = {}
        for done, p in enumerate(order):
            stage, share = f"DMRG at β = {family.betas[p]:g}", done / len(order)
            progress(stage, share)
            start = solved[order[0]] if solved else starts[0] if starts else None
            if start is not None and not np.array_equal(start.order, solver.order):
                start = None
            swept = sweeps_told(progress, stage, share)
            solved[p] = solver.ground_state(coefficients[p], start=start, seed=seed, swept=swept)
            if start is not None and gap is not None and 2 * abs(family.betas[p]) * family.nudge_bound() > gap:
                # the levels may have crossed, and sweeps from the free state would then follow the upper one
                afresh = solver.ground_state(coefficients[p], seed=seed, swept=swept)
                solved[p] = min(solved[p], afresh, key=lambda state: state.energy)
            if self.gap and family.betas[p] == 0.0:
                progress("DMRG of the first excited state", None)
                solved[p], gap = self._with_gap(solver, coefficients[p], solved[p], seed)
        progress("DMRG", 1.0)
        states = [solved[p] for p in range(len(order))]
        ground = solved[order[0]].energy if free is None else free.phases[0].energy
        first = None if gap is None else ground + gap
        phases = tuple(_report(state, p, first, family) for p, state in enumerate(states))

        def dense() -> NDArray[np.complex128]:
            if family.num_qubits > MOST_DENSE_QUBITS:
                raise InputError(
                    f"mps: a state vector of {family.num_qubits} qubits is not computed (at most {MOST_DENSE_QUBITS}); "
                    "leave measurement.shots out for exact expectations, or take device.name = 'statevector' for shots"
                )
            return np.array([state.dense() for state in states])

        return Prepared(
            phases=phases,
            states=dense,
            circuits=lambda: loading_circuits(dense, family.num_qubits),
            expectations=lambda paulis: np.array([state.expectations(paulis) for state in states]),
            draw=lambda phase, axes, shots, rng: states[phase].sample(axes, shots, rng),
            carried=tuple(states),
            details={**self.describe(), "warnings": self._warnings(family, phases, gap)},
            response=ground_state_response(family) if 0.0 in family.betas and family.num_qubits <= MOST_RESPONSE_QUBITS else None,
            silence=""
            if family.num_qubits <= MOST_RESPONSE_QUBITS
            else f"the response of a matrix product state is computed up to {MOST_RESPONSE_QUBITS} qubits",
        )

    def describe(self) -> dict[str, object]:
        """Return the method and its options."""
        return {"method": "mps", "bond_dimension": self.bond_dimension, "max_sweeps": self.max_sweeps}

    def _with_gap(
        self, solver: TensorSolver, coefficients: NDArray[np.float64], ground: TensorState, seed: int
    ) -> tuple[TensorState, float]:
        """Return the ground state and E1 − E0, both from two further starts, which can also reveal a local minimum."""
        rough = TensorSolver(solver.paulis, min(self.bond_dimension, GAP_BOND_DIMENSION), self.max_sweeps)
        resolution = RESOLUTION * float(np.abs(coefficients[solver.busy]).sum())
        for attempt in range(ATTEMPTS):
            starts = [seed + 2 * attempt + 1, seed + 2 * attempt + 2]
            others = [rough.ground_state(coefficients, orthogonal_to=ground, seed=start, loose=True) for start in starts]
            lowest = min(others, key=lambda state: state.energy)
            gap = lowest.energy - ground.energy
            if gap > -resolution:
                break
            ground = solver.ground_state(coefficients, start=lowest)
        if gap <= max(DEGENERATE_SHARE * ordinary_size(coefficients[solver.busy]), resolution):
            raise DegenerateGroundStateError(
                f"the ground state is degenerate as far as DMRG tells (gap {gap:.1e}), so its response to a nudge is not "
                "defined; break the symmetry, for instance by a longitudinal field h or another weight"
            )
        return ground, gap

    def _warnings(self, family: Family, phases: tuple[Phase, ...], gap: float | None) -> list[str]:
        warnings = []
        if not self.gap and 0.0 in family.betas:
            warnings.append(METASTABLE)
        reach = max((abs(b) for b in family.betas), default=0.0) * family.nudge_bound()
        if gap is not None and reach > gap and family.num_qubits > MOST_RESPONSE_QUBITS:
            warnings.append(
                f"|β|·‖C‖ = {reach:.3g} exceeds the gap {gap:.3g}, so that the nudge may have closed it: take a smaller β "
                f"(the bias of β is not computed above {MOST_RESPONSE_QUBITS} qubits)"
            )
        dropped = max((p.truncation or 0.0 for p in phases if p.bond_dimension == self.bond_dimension), default=0.0)
        if dropped > 1e-10:
            warnings.append(
                f"DMRG dropped weights of up to {dropped:.1e} at bond dimension {self.bond_dimension}; "
                "raise preparation.bond_dimension if the error bounds are too wide"
            )
        return warnings


def sweeps_told(progress: Progress, stage: str, share: float | None) -> Callable[[int, float], None]:
    """Return a callback that reports the sweeps of DMRG."""
    return lambda sweep, energy: progress(f"{stage}: sweep {sweep}, energy {energy:.6f}", share)


def _used(family: Family) -> NDArray[np.int64]:
    """Return the strings of all Hamiltonians of both rounds, so that both use the same order of the chain."""
    used = (family.free != 0) | (family.nudge != 0)
    if family.strings is not None:
        used[list(family.strings)] = True
    return np.flatnonzero(used)


def _states_of(prepared: Prepared | None) -> tuple[TensorState, ...]:
    carried = None if prepared is None else prepared.carried
    return carried if isinstance(carried, tuple) else ()


def _report(state: TensorState, p: int, first: float | None, family: Family) -> Phase:
    """Return the report of phase p, given the first excited energy of the free phase, E₁.

    By Weyl's inequality E₁ + β tr C/2ⁿ − |β|‖C‖, with ‖C‖ without the identity, is below the first excited energy of phase p.
    """
    beta, residual = family.betas[p], math.sqrt(state.variance)
    bound = None
    if first is not None:
        shift = beta * float(family.nudge[~family.frame.busy].sum()) - abs(beta) * family.nudge_bound()
        distance = first + shift - state.energy
        bound = min(2.0, 2 * residual / distance) if distance > 0 else 2.0
    return Phase(
        beta=beta,
        energy=state.energy,
        residual=residual,
        variance=state.variance,
        gap=first - state.energy if first is not None and beta == 0.0 else None,
        truncation=state.truncation,
        bond_dimension=state.bond_dimension,
        error_bound=bound,
    )
