"""Twirled readout error extinction (E. van den Berg et al., PRA 105, 032620), unbiased and with complete error bars.

Random flips before the measurement are undone in the recorded bits (`mitigation/twirling.py`). Readout errors of any kind,
also correlated ones, then only attenuate the expectation of a string S to λ_S ⟨Z_S⟩. With the same flips on |0…0⟩, the mean
parity of the string over the calibration's shots is λ_S itself, without a model of single-qubit rates.

The parameters are the frequencies f_u of the calibration's outcomes u. A corrected mean m = raw/λ̂ depends on them by
∂m/∂f_u = −(m/λ̂) parity_S(u), and their covariance is multinomial. The calibration's errors of two strings are therefore as
correlated as their parities. Outcomes that were not observed also contribute, as two pseudo-shots of the maximally mixed state
(`measurement/covariance.py`), which is represented by `MIXED` fixed random outcomes with nearly uncorrelated parities. The
pseudo-shots are added to the covariance, so that the calibration's share stays linear in ∂m/∂f. The shares of several circuits
and samples can then be added.

`clifford` measures the attenuations on the data's own circuits at Clifford angles instead: one division then corrects gates,
relaxation and readout. Each data circuit runs once per basis at angles at which its outcomes are certain
(`mitigation/clifford_angles.py`), with the same gates in the same order and with random flips. The mean parity of a string,
relative to its certain outcome, is the factor λ_S by which the circuit's noise damps the string. All phases, samples and stencils
of a round are divided by the same factors. The correction needs neither the data's expectations nor a noise model. It is exact if
noise damps a string by the same factor at all angles, as readout errors and global depolarising noise do. Two errors remain: the
damping changes with the angles, and coherent errors shift expectations rather than damp them; docs/mitigation.md has numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.measurement.covariance import PSEUDO_SHOTS
from qep_qiskit.measurement.mitigation.readout.attenuations import LEAST_DEVIATIONS, LEAST_SIGNAL, NO_SIGNAL, Attenuations
from qep_qiskit.measurement.mitigation.readout.local_trex import LocalTrex
from qep_qiskit.measurement.mitigator import CalibrationSamples, Mitigator, ReadoutMethod, parities, signs_of
from qep_qiskit.samples import Samples, factor_of_means
from qep_qiskit.seeds import stream

Matrix = NDArray[np.float64]
MIXED = 256
"""Number of outcomes that represent the maximally mixed state. Parities have their exact variances and correlate by 6 %."""


@dataclass(frozen=True)
class Trex(Attenuations[Matrix]):
    """A mitigator that divides by the attenuation of each string, measured on |0…0⟩ after random flips.

    A calibration has one parameter per distinct outcome, and one per outcome that represents the maximally mixed state.
    """

    def block(self, part: CalibrationSamples) -> Matrix:
        """Return the signs of the observed outcomes, followed by those of the mixed state."""
        return np.vstack([signs_of(part.zeros), _mixed(part.qubits)])

    def correct(self, samples: Samples, supports: NDArray[np.bool_], qubits: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Return the parities divided by the attenuations λ_S, and the derivatives of the means by the frequencies."""
        places = [self._places(qubits, row) for row in supports]
        raw = parities(signs_of(samples), supports)
        per_outcome = np.empty_like(raw)
        sensitivity = np.zeros((len(supports), self.num_parameters))
        starts = self._starts
        for s, place in enumerate(places):
            factors = []
            for block, columns in place.items():
                parity = self._blocks[block][:, columns].prod(axis=1)
                attenuation = float(self.calibrations[block].zeros.weights @ parity[:-MIXED])
                self._check(block, columns, attenuation)
                factors.append((block, parity, attenuation))
            per_outcome[:, s] = raw[:, s] / np.prod([attenuation for _, _, attenuation in factors])
            mean = float(samples.weights @ per_outcome[:, s])
            for block, parity, attenuation in factors:
                sensitivity[s, starts[block] : starts[block + 1]] = -mean / attenuation * parity
        return per_outcome, sensitivity

    def share(self, jacobian: Matrix) -> Matrix:
        """Return J F, where F Fᵀ is the covariance of the calibrations' frequencies, including the pseudo-shots."""
        columns = [np.zeros((len(jacobian), 0))]
        for part, (start, end) in zip(self.calibrations, pairwise(self._starts), strict=True):
            samples, observed, mixed = part.zeros, jacobian[:, start : end - MIXED], jacobian[:, end - MIXED : end]
            if samples.shots is not None:
                unseen = np.column_stack([observed @ samples.weights, mixed / np.sqrt(MIXED)])
                columns += [factor_of_means(observed.T, samples).T, np.sqrt(PSEUDO_SHOTS) / samples.shots * unseen]
        return np.hstack(columns)

    def report(self) -> list[dict[str, object]]:
        """Return the attenuation of ⟨Z⟩ for every qubit, for reports."""
        return [
            {"qubit": q, "attenuation": float(value), **({"circuit": part.circuit} if part.circuit else {})}
            for part in self.calibrations
            for q, value in zip(part.qubits, part.zeros.weights @ signs_of(part.zeros), strict=True)
        ]

    def _places(self, qubits: Sequence[int], row: NDArray[np.bool_]) -> dict[int, list[int]]:
        """Return the calibrations of a string with their columns; a single calibration if it has all qubits of the string.

        Different calibrations count as independent of each other.
        """
        support = [qubits[int(q)] for q in np.flatnonzero(row)]
        candidates = [(block, part) for block, part in enumerate(self.calibrations) if part.circuit == self.circuit]
        for block, part in candidates:
            if set(support) <= set(part.qubits):
                return {block: [part.qubits.index(q) for q in support]}
        places: dict[int, list[int]] = {}
        for q in support:
            home = next((block for block, part in candidates if q in part.qubits), None)
            if home is None:
                calibrated = [k for _, part in candidates for k in part.qubits]
                raise InputError(f"mitigation: qubit {q} was not calibrated; calibrated are {calibrated}")
            places.setdefault(home, []).append(self.calibrations[home].qubits.index(q))
        return places

    def _check(self, block: int, columns: list[int], attenuation: float) -> None:
        part = self.calibrations[block]
        spread = 0.0 if part.zeros.shots is None else np.sqrt(max(1.0 - attenuation**2, 0.0) / part.zeros.shots)
        if attenuation < max(LEAST_SIGNAL, LEAST_DEVIATIONS * spread):
            names = ", ".join(str(part.qubits[c]) for c in columns)
            raise InputError(
                f"mitigation: the parity of qubits {names} carries no clear signal (attenuation {attenuation:.3f} "
                f"± {spread:.3f}); {NO_SIGNAL}"
            )


def _mixed(qubits: Sequence[int]) -> Matrix:
    """Return random signs for every device qubit, shape (MIXED, n). A qubit has the same signs in every calibration."""
    return np.column_stack([1.0 - 2.0 * stream(0, "maximally mixed", qubit).integers(0, 2, size=MIXED) for qubit in qubits])


def combine(calibrations: Sequence[CalibrationSamples]) -> Mitigator:
    """Return the mitigator, given the outcomes of |0…0⟩ after random flips, with the flips undone."""
    if any(isinstance(part.zeros, LocalSamples) for part in calibrations):
        return LocalTrex(tuple(calibrations))
    return Trex(tuple(calibrations))


MITIGATIONS.register("trex")(
    ReadoutMethod(combine, twirled=True, about="flips qubits at random, and divides every string by its measured attenuation")
)
MITIGATIONS.register("clifford")(
    ReadoutMethod(
        combine, twirled=True, on_circuits=True, about="as trex, with attenuations of the data's own circuits at Clifford angles"
    )
)
