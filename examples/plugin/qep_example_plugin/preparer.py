"""Ground states by evolution in imaginary time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from qiskit.quantum_info import PauliList, Statevector
from scipy.sparse.linalg import expm_multiply

from qep_qiskit.kinds import Key
from qep_qiskit.preparation import Family, Held, Phase, Prepared, Preparer, Progress, loading_circuit, silent


@dataclass(frozen=True)
class ImaginaryTime(Preparer):
    """exp(−t (H + βC)) |+…+⟩, normalised: the ground state up to an amplitude of about exp(−t · gap).

    Parameters
    ----------
    duration : float
        t, in units of 1/H.
    """

    duration: Annotated[float, Key("the imaginary time", above=0)] = 10.0

    def prepare(
        self,
        family: Family,
        *,
        free: Prepared | None = None,
        warm_start: Prepared | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Prepared:
        """Return the states of all phases; nothing is random, and no phase needs another's."""
        size = 2**family.num_qubits
        states, phases = np.empty((len(family.betas), size), dtype=complex), []
        for p, beta in enumerate(family.betas):
            progress("imaginary time", p / len(family.betas))
            hamiltonian = family.hamiltonian(p).to_matrix(sparse=True).tocsr()
            state = expm_multiply(-self.duration * hamiltonian, np.full(size, size**-0.5, dtype=complex))
            states[p] = state / np.linalg.norm(state)
            energy = float(np.vdot(states[p], hamiltonian @ states[p]).real)
            residual = float(np.linalg.norm(hamiltonian @ states[p] - energy * states[p]))
            phases.append(Phase(beta, energy, residual=residual, variance=residual**2))

        def expectations(paulis: PauliList) -> np.ndarray:
            vectors = [Statevector(state) for state in states]
            return np.array([[vector.expectation_value(pauli).real for pauli in paulis] for vector in vectors])

        return Prepared(
            phases=tuple(phases),
            states=Held(states),
            circuits=lambda: (loading_circuit(states),),
            expectations=expectations,
            details={**self.describe(), "warnings": []},
        )

    def describe(self) -> dict[str, object]:
        """Return the method and its options."""
        return {"method": "imaginary_time", **asdict(self)}
