"""The tensored inverse: every recorded sign is corrected with the flip rates of its qubit.

Let a qubit read 1 in state 0 with probability a, and 0 in state 1 with probability b. The recorded sign z then has the
mean E[z] = (b − a) + (1 − a − b)⟨Z⟩, and the corrected sign w = (z − (b − a)) / (1 − a − b) is unbiased. Products of corrected
signs are unbiased for products of Z on different qubits. Every shot has its own value, so the variance is a sample variance.
The derivatives are ∂w/∂a = (1 + w)/D and ∂w/∂b = (w − 1)/D with D = 1 − a − b.

Flips of different qubits are assumed to be independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.mitigation.readout.rates import RatesMitigator, rates_of
from qep_qiskit.measurement.mitigator import CalibrationSamples, ReadoutMethod, signs_of
from qep_qiskit.samples import Samples

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Tensored(RatesMitigator):
    """A mitigator that inverts independent flips with known rates."""

    def correct(self, samples: Samples, supports: NDArray[np.bool_], qubits: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Return products of corrected signs, and ∂⟨w_S⟩/∂(a, b)."""
        columns = self.rates.columns(qubits)
        inverse = self.rates.inverse(signs_of(samples), columns)
        per_outcome = np.empty((len(inverse), len(supports)))
        sensitivity = np.zeros((len(supports), self.num_parameters))
        for s, row in enumerate(supports):
            support = np.flatnonzero(row)
            per_outcome[:, s] = inverse[:, support].prod(axis=1)
            mean = float(samples.weights @ per_outcome[:, s])
            for q in support:
                others = inverse[:, support[support != q]].prod(axis=1)
                self.rates.add_sensitivity(sensitivity[s], columns[q], float(samples.weights @ others), mean)
        return per_outcome, sensitivity


def combine(calibrations: Sequence[CalibrationSamples]) -> Tensored:
    """Return the mitigator with the rates measured by the calibration circuits."""
    return Tensored(rates_of(calibrations))


MITIGATIONS.register("tensored")(ReadoutMethod(combine, about="corrects every recorded sign by the two flip rates of its qubit"))
