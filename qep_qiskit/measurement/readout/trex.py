"""Twirled readout error extinction (E. van den Berg et al., PRA 105, 032620), unbiased, with its whole error bar.

Behind random flips that are undone in the bits (`measurement/twirling.py`), a readout error of any kind, also one that is
correlated between qubits or depends on the state of others, leaves of a string S only λ_S ⟨Z_S⟩. The same flips on |0…0⟩ give
λ_S itself, as the mean of the string's own parity over the calibration's shots: not as a function of single-qubit rates.

The parameters are the frequencies of the calibration's outcomes. A corrected mean m = raw/λ̂ depends on them by
∂m/∂f_u = −(m/λ̂) parity_S(u), and their covariance is the multinomial one, so two strings share as much of the calibration's error
as their parities are correlated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.measurement.readout.mitigator import CalibrationSamples, parities, signs_of
from qep_qiskit.measurement.samples import Samples, factor_of_means

Matrix = NDArray[np.float64]
LEAST_SIGNAL = 0.02


@dataclass(frozen=True)
class Trex:
    """The attenuation of every string, from |0…0⟩ behind random flips; one block of parameters a calibration."""

    calibrations: tuple[CalibrationSamples, ...]

    @property
    def num_parameters(self) -> int:
        """One a distinct outcome of the calibration."""
        return sum(len(part.zeros.weights) for part in self.calibrations)

    def correct(self, samples: Samples, supports: NDArray[np.bool_], qubits: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Return parities over λ_S, and ∂(mean)/∂(frequencies of the calibration's outcomes)."""
        places = [self._places(qubits, row) for row in supports]
        raw = parities(signs_of(samples), supports)
        per_outcome = np.empty_like(raw)
        sensitivity = np.zeros((len(supports), self.num_parameters))
        signs = [signs_of(part.zeros) for part in self.calibrations]
        starts = np.cumsum([0, *(len(part.zeros.weights) for part in self.calibrations)])
        for s, place in enumerate(places):
            factors = []
            for block, columns in place.items():
                parity = signs[block][:, columns].prod(axis=1)
                found = float(self.calibrations[block].zeros.weights @ parity)
                self._check(block, columns, found)
                factors.append((block, parity, found))
            per_outcome[:, s] = raw[:, s] / np.prod([found for _, _, found in factors])
            mean = float(samples.weights @ per_outcome[:, s])
            for block, parity, found in factors:
                sensitivity[s, starts[block] : starts[block + 1]] = -mean / found * parity
        return per_outcome, sensitivity

    def share(self, jacobian: Matrix) -> Matrix:
        """Return J F with F Fᵀ the multinomial covariance of the calibrations' frequencies."""
        columns = []
        start = 0
        for part in self.calibrations:
            weights, shots = part.zeros.weights, part.zeros.shots
            block = jacobian[:, start : start + len(weights)]
            start += len(weights)
            if shots is None:
                continue
            found = factor_of_means(block.T, part.zeros).T
            # a parity that never flipped in N shots is known to about 2/N, not exactly
            floor = 2.0 * np.abs(block).max(axis=1, initial=0.0) / (shots + 2)
            columns += [found, np.diag(np.where(np.linalg.norm(found, axis=1) < floor, floor, 0.0))]
        return np.hstack(columns) if columns else np.zeros((len(jacobian), 0))

    def report(self) -> list[dict[str, object]]:
        """Return what is left of ⟨Z⟩ of every qubit."""
        return [
            {"qubit": q, "attenuation": float(value)}
            for part in self.calibrations
            for q, value in zip(part.qubits, part.zeros.weights @ signs_of(part.zeros), strict=True)
        ]

    def _places(self, qubits: Sequence[int], row: NDArray[np.bool_]) -> dict[int, list[int]]:
        """Return which columns of which calibrations a string is calibrated by: of one, if one has all of its qubits.

        Those that were calibrated at different times are taken as independent of each other.
        """
        wanted = [qubits[int(q)] for q in np.flatnonzero(row)]
        for block, part in enumerate(self.calibrations):
            if set(wanted) <= set(part.qubits):
                return {block: [part.qubits.index(q) for q in wanted]}
        found: dict[int, list[int]] = {}
        for q in wanted:
            home = next((b for b, part in enumerate(self.calibrations) if q in part.qubits), None)
            if home is None:
                known = [k for part in self.calibrations for k in part.qubits]
                raise InputError(f"mitigation: qubit {q} was not calibrated; calibrated are {known}")
            found.setdefault(home, []).append(self.calibrations[home].qubits.index(q))
        return found

    def _check(self, block: int, columns: list[int], found: float) -> None:
        part = self.calibrations[block]
        spread = 0.0 if part.zeros.shots is None else np.sqrt(max(1.0 - found**2, 0.0) / part.zeros.shots)
        if found < max(LEAST_SIGNAL, 4.0 * spread):
            names = ", ".join(str(part.qubits[c]) for c in columns)
            raise InputError(
                f"mitigation: the parity of qubits {names} carries no signal (attenuation {found:.3f} ± {spread:.3f}); "
                "give more calibration_shots, or choose other qubits"
            )


def trex(calibrations: Sequence[CalibrationSamples]) -> Trex:
    """Return the mitigator from what |0…0⟩ gave behind random flips, these undone."""
    return Trex(tuple(calibrations))
