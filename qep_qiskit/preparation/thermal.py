"""Preparation of thermal states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import PREPARERS, Key
from qep_qiskit.preparation.capabilities import Capabilities
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer
from qep_qiskit.preparation.response import Nudged, Response, Responsive, nothing
from qep_qiskit.preparation.structures import bound, structure_for, structure_of
from qep_qiskit.progress import Progress, silent
from qep_qiskit.simulation.eigen.thermal import GibbsState, gibbs_state
from qep_qiskit.values import Brief

MOST_QUBITS = 12
NO_CIRCUITS = (
    "preparation.method: a thermal state is mixed and is prepared by no circuit here, so it takes no device and no shots; "
    "leave measurement.shots out and use device.name = 'statevector'"
)


@PREPARERS.register("thermal")
@dataclass(frozen=True, repr=False)
class Thermal(Brief, Preparer):
    """Gibbs states exp(−(H + βC)/T)/Z, by full diagonalisation of up to 12 qubits.

    Parameters
    ----------
    temperature : float
        The temperature T with k_B = 1, in units of the Hamiltonian; above 0.

    Raises
    ------
    InputError
        If there are more than 12 qubits, or if circuits or shots are requested: a mixed state has no state vector, so only
        exact expectations are available.

    Notes
    -----
    The free energy F(β) = −T log tr exp(−(H + βC)/T) satisfies dF/dw = ⟨∂H/∂w⟩ and dF/dβ = ⟨C⟩, so that EP's identity
    d⟨C⟩/dw = d⟨∂H/∂w⟩/dβ is the symmetry of its second derivatives. Massar & Mognetti (2024), arXiv:2405.08467, extend EP to
    thermal and excited states. A degenerate ground state is allowed at T > 0. If the ground state is unique, its gradient is the
    limit T → 0.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.pauli(terms={"h": {"Z": -1}}, outputs=[{"Z": 1}])
    >>> problem = qep.Problem(network, [1.0], cost=qep.SquaredError([0.0]))
    >>> print(round(float(qep.gradient(problem, preparer=qep.Thermal(2.0)).predictions[0]), 6))  # tanh(1/2)
    0.462117
    """

    temperature: Annotated[float, Key("the temperature in units of the Hamiltonian", above=0)]
    supports: ClassVar[Capabilities] = Capabilities(quick=True, no_circuits=NO_CIRCUITS)

    def prepare(
        self,
        family: Family,
        *,
        free: Prepared | None = None,
        warm_start: Prepared | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Prepared:
        """Return the Gibbs states for ``family.betas``. Nothing is random, and every phase is computed independently."""
        if family.num_qubits > MOST_QUBITS:
            raise InputError(
                f"preparation.method: thermal states of {family.num_qubits} qubits need a full diagonalisation that does not fit "
                f"(at most {MOST_QUBITS}); use exact ground states"
            )
        structure = structure_of(family)
        states: list[GibbsState] = []
        for p, beta in enumerate(family.betas):
            progress(f"Gibbs state at β = {beta:g}", p / len(family.betas))
            states.append(gibbs_state(bound(structure, family, p), float(self.temperature)))
        progress("Gibbs states", 1.0)
        return Prepared(
            phases=tuple(_report(state, beta) for state, beta in zip(states, family.betas, strict=True)),
            states=_no_state,
            circuits=_no_state,
            expectations=lambda paulis: np.array([state.expectations(structure_for(paulis)) for state in states]),
            details={**self.describe(), "warnings": []},
            response=None if 0.0 not in family.betas else _response(family, states[family.betas.index(0.0)]),
        )

    @property
    def reference(self) -> Preparer:
        """The preparer itself, since its states are exact."""
        return self

    def describe(self) -> dict[str, object]:
        """Return the method and its options."""
        return {"method": "thermal", "temperature": float(self.temperature)}


def _no_state() -> NoReturn:
    raise InputError(NO_CIRCUITS)


def _response(family: Family, state: GibbsState) -> Responsive:
    def response(nudge: NDArray[np.float64], nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        source = structure_for(family.frame.paulis).bind(nudge)
        size = float(np.abs(nudge[family.frame.busy]).sum())
        return Response(
            size / max(state.temperature, state.gap),
            lambda paulis: state.response(structure_for(paulis), source),
            "the Gibbs state",
            details={"free_energy": state.free_energy},
        )

    return response


def _report(state: GibbsState, beta: float) -> Phase:
    return Phase(beta, state.energy, variance=state.variance, gap=state.gap if beta == 0.0 else None)
