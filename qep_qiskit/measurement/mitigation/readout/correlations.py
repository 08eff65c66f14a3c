"""A test of the assumption that readout errors of different qubits are independent, on the counts of the calibration.

Let v_q be the corrected sign of qubit q in |0…0⟩, or minus that in |1…1⟩, so that its mean is 1. If flips are independent, the
mean of Π_q v_q over the qubits of a string is 1 too. Otherwise the mean over both states is 1 + r, and the corrected expectation
of the string is about 1 + r times too large. For simultaneous flips, which do not depend on the state, this is exact. Flips
that depend on the states of other qubits are not seen in |0…0⟩ and |1…1⟩.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.measurement.mitigation.readout.rates import Calibration
from qep_qiskit.measurement.mitigator import CalibrationSamples, signs_of
from qep_qiskit.samples import Samples

Vector = NDArray[np.float64]
SIGNIFICANT = 5.0
"""The standard deviations from which a correlation counts: many strings are tested, in every step of a training."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Correlation:
    """The readout errors of some device qubits that are correlated with a significance in standard deviations."""

    qubits: tuple[int, ...]
    deviations: float


def excesses(
    rates: Calibration, calibrations: Sequence[CalibrationSamples], supports: Sequence[Sequence[int]], qubits: Sequence[int]
) -> tuple[Vector, Correlation | None]:
    """Return r for every string, shape (S,), and the most significant correlation.

    r is zero for strings without a significant correlation, on a single qubit, or on qubits of several calibrations.

    Parameters
    ----------
    rates : Calibration
        The flip rates by which signs are corrected.
    calibrations : sequence of CalibrationSamples
    supports : sequence of sequence of int
        The logical qubits that each string acts on.
    qubits : sequence of int
        The device qubit of each logical qubit.
    """
    known: dict[tuple[int, ...], tuple[float, float]] = {}
    excess = np.zeros(len(supports))
    for s, logical in enumerate(supports):
        if len(logical) < 2:
            continue
        support = tuple(sorted(qubits[q] for q in logical))
        part = next((part for part in calibrations if set(support) <= set(part.qubits)), None)
        if part is None:
            continue
        if support not in known:
            known[support] = _excess(rates, part, support)
        excess[s] = known[support][0]
    strongest = max(known, key=lambda support: known[support][1], default=None)
    if strongest is None or known[strongest][1] == 0.0:
        return excess, None
    return excess, Correlation(strongest, known[strongest][1])


def _excess(rates: Calibration, part: CalibrationSamples, support: tuple[int, ...]) -> tuple[float, float]:
    """Return r and its significance in standard deviations; both are 0 if it is not significant.

    The standard deviation is the larger one of the scatter of the shots and that of independent flips: the former is too small if
    the shots show no simultaneous flips, the latter if they show one by chance.
    """
    assert part.ones is not None
    columns = rates.columns(support)
    place = tuple(part.qubits.index(q) for q in support)
    mean, variance = 0.0, 0.0
    for sign, samples in ((1.0, part.zeros), (-1.0, part.ones)):
        local = _restricted(samples, place)
        off = sign * rates.inverse(signs_of(local), columns) - 1.0
        # to first order, without what the errors of the rates themselves add
        values = (1.0 + off).prod(axis=1) - 1.0 - off.sum(axis=1)
        here = float(local.weights @ values)
        mean += here / 2.0
        if local.shots is not None:
            scatter = float(local.weights @ (values - here) ** 2)
            each = local.weights @ off**2
            variance += max(scatter, float(np.prod(1.0 + each) - 1.0 - each.sum())) / local.shots / 4.0
    if abs(mean) <= SIGNIFICANT * np.sqrt(variance) + ROUNDING:
        return 0.0, 0.0
    return mean, abs(mean) / float(np.sqrt(variance) + ROUNDING)


def _restricted(samples: Samples, place: tuple[int, ...]) -> Samples:
    if isinstance(samples, LocalSamples):
        return samples.marginal(place)
    return Samples(samples.outcomes[:, place], samples.weights, samples.shots)
