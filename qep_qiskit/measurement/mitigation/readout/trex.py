"""Twirled readout error extinction (E. van den Berg et al., PRA 105, 032620), unbiased, with its whole error bar.

Behind random flips that are undone in the bits (`measurement/twirling.py`), a readout error of any kind, also one that is
correlated between qubits or depends on the state of others, leaves of a string S only λ_S ⟨Z_S⟩. The same flips on |0…0⟩ give
λ_S itself, as the mean of the string's own parity over the calibration's shots: not as a function of single-qubit rates.

The parameters are the frequencies of the calibration's outcomes. A corrected mean m = raw/λ̂ depends on them by
∂m/∂f_u = −(m/λ̂) parity_S(u), and their covariance is the multinomial one, so two strings share as much of the calibration's error
as their parities are correlated. Outcomes that were not seen have a part too: two pseudo-shots of the maximally mixed state
(`measurement/covariance.py`), the mixed state as a sum over `MIXED` fixed random outcomes, over which parities are uncorrelated.
They are added, so that the share stays linear in ∂m/∂f and circuits and samples add up what they have in common.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.covariance import PSEUDO_SHOTS
from qep_qiskit.measurement.mitigation.readout.method import ReadoutMethod
from qep_qiskit.measurement.mitigator import CalibrationSamples, parities, signs_of
from qep_qiskit.samples import Samples, factor_of_means
from qep_qiskit.seeds import stream

Matrix = NDArray[np.float64]
LEAST_SIGNAL = 0.02
MIXED = 256
"""Outcomes that stand for the maximally mixed state. Every parity has its exact variance, and two of them correlate by 6 %."""


@dataclass(frozen=True)
class Trex:
    """The attenuation of every string, from |0…0⟩ behind random flips; one block of parameters a calibration."""

    calibrations: tuple[CalibrationSamples, ...]

    @property
    def num_parameters(self) -> int:
        """One per distinct outcome of each calibration, and one per outcome that stands for the maximally mixed state."""
        return sum(len(signs) for signs in self._signs)

    @functools.cached_property
    def _signs(self) -> list[Matrix]:
        """The signs of the outcomes that were seen, then those of the mixed state, of each calibration."""
        return [np.vstack([signs_of(part.zeros), _mixed(part.qubits)]) for part in self.calibrations]

    def correct(self, samples: Samples, supports: NDArray[np.bool_], qubits: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Return parities over λ_S, and ∂(mean)/∂(frequencies of the calibration's outcomes)."""
        places = [self._places(qubits, row) for row in supports]
        raw = parities(signs_of(samples), supports)
        per_outcome = np.empty_like(raw)
        sensitivity = np.zeros((len(supports), self.num_parameters))
        starts = np.cumsum([0, *(len(signs) for signs in self._signs)])
        for s, place in enumerate(places):
            factors = []
            for block, columns in place.items():
                parity = self._signs[block][:, columns].prod(axis=1)
                attenuation = float(self.calibrations[block].zeros.weights @ parity[:-MIXED])
                self._check(block, columns, attenuation)
                factors.append((block, parity, attenuation))
            per_outcome[:, s] = raw[:, s] / np.prod([attenuation for _, _, attenuation in factors])
            mean = float(samples.weights @ per_outcome[:, s])
            for block, parity, attenuation in factors:
                sensitivity[s, starts[block] : starts[block + 1]] = -mean / attenuation * parity
        return per_outcome, sensitivity

    def share(self, jacobian: Matrix) -> Matrix:
        """Return J F with F Fᵀ the covariance of the calibrations' frequencies: the multinomial one, and the pseudo-shots'."""
        columns = [np.zeros((len(jacobian), 0))]
        start = 0
        for part in self.calibrations:
            samples, count = part.zeros, len(part.zeros.weights)
            observed, mixed = jacobian[:, start : start + count], jacobian[:, start + count : start + count + MIXED]
            start += count + MIXED
            if samples.shots is not None:
                unseen = np.column_stack([observed @ samples.weights, mixed / np.sqrt(MIXED)])
                columns += [factor_of_means(observed.T, samples).T, np.sqrt(PSEUDO_SHOTS) / samples.shots * unseen]
        return np.hstack(columns)

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
        support = [qubits[int(q)] for q in np.flatnonzero(row)]
        for block, part in enumerate(self.calibrations):
            if set(support) <= set(part.qubits):
                return {block: [part.qubits.index(q) for q in support]}
        places: dict[int, list[int]] = {}
        for q in support:
            home = next((b for b, part in enumerate(self.calibrations) if q in part.qubits), None)
            if home is None:
                calibrated = [k for part in self.calibrations for k in part.qubits]
                raise InputError(f"mitigation: qubit {q} was not calibrated; calibrated are {calibrated}")
            places.setdefault(home, []).append(self.calibrations[home].qubits.index(q))
        return places

    def _check(self, block: int, columns: list[int], attenuation: float) -> None:
        part = self.calibrations[block]
        spread = 0.0 if part.zeros.shots is None else np.sqrt(max(1.0 - attenuation**2, 0.0) / part.zeros.shots)
        if attenuation < max(LEAST_SIGNAL, 4.0 * spread):
            names = ", ".join(str(part.qubits[c]) for c in columns)
            raise InputError(
                f"mitigation: the parity of qubits {names} carries no signal (attenuation {attenuation:.3f} ± {spread:.3f}); "
                "give more calibration_shots, or choose other qubits"
            )


def _mixed(qubits: Sequence[int]) -> Matrix:
    """Return random signs of every device qubit, shape (MIXED, n): the same for a qubit in every calibration."""
    return np.column_stack([1.0 - 2.0 * stream(0, "maximally mixed", qubit).integers(0, 2, size=MIXED) for qubit in qubits])


def combine(calibrations: Sequence[CalibrationSamples]) -> Trex:
    """Return the mitigator from the outcomes of |0…0⟩ behind random flips, the flips undone."""
    return Trex(tuple(calibrations))


MITIGATIONS.register("trex")(ReadoutMethod(combine, twirled=True))
