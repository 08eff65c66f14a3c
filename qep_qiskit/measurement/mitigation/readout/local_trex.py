"""Attenuations of strings from exact calibration distributions that are too large to list; see `trex.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.local_samples import LocalSamples, Support
from qep_qiskit.measurement.covariance import covariance_of_strings
from qep_qiskit.measurement.local_readings import LocalReadings, read_locally
from qep_qiskit.measurement.mitigation.readout.attenuations import LEAST_SIGNAL, Attenuations
from qep_qiskit.measurement.mitigator import CalibrationSamples, parities, signs_of
from qep_qiskit.samples import Samples

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class LocalTrex(Attenuations["_Block"]):
    """A mitigator that divides by the attenuation of each string, computed from the distribution of the string's own qubits.

    The parameters are the attenuations of single qubits and of the strings in the calibrations' `supports`.
    """

    def block(self, part: CalibrationSamples) -> _Block:
        """Return the attenuations of single qubits and of the strings in the calibration's `supports`."""
        samples, n = part.zeros, len(part.qubits)
        named = samples.supports if isinstance(samples, LocalSamples) else ()
        every = list(dict.fromkeys([*((q,) for q in range(n)), *(tuple(sorted(support)) for support in named)]))
        supports = np.array([[q in support for q in range(n)] for support in every])
        if isinstance(samples, LocalSamples):
            attenuations = _read(samples, supports).means
        else:
            attenuations = samples.weights @ parities(signs_of(samples), supports)
        place = {tuple(sorted(part.qubits[q] for q in support)): i for i, support in enumerate(every)}
        return _Block(samples, supports, place, attenuations)

    def correct(self, samples: Samples, supports: NDArray[np.bool_], qubits: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Return the parities divided by the attenuations, and the derivatives of the means by the attenuations."""
        per_outcome = parities(signs_of(samples), supports)
        sensitivity = np.zeros((len(supports), self.num_parameters))
        starts = self._starts
        for s, row in enumerate(supports):
            places = self._places(tuple(qubits[int(q)] for q in np.flatnonzero(row)))
            factors = [self._blocks[block].attenuations[place] for block, place in places]
            per_outcome[:, s] /= np.prod(factors)
            mean = float(samples.weights @ per_outcome[:, s])
            for (block, place), factor in zip(places, factors, strict=True):
                sensitivity[s, starts[block] + place] = -mean / factor
        return per_outcome, sensitivity

    def share(self, jacobian: Matrix) -> Matrix:
        """Return a diagonal matrix of the standard deviations due to the calibration; correlations are left out."""
        variances = np.zeros(len(jacobian))
        for block, (start, end) in zip(self._blocks, pairwise(self._starts), strict=True):
            variances += block.variances(jacobian[:, start:end])
        return np.diag(np.sqrt(np.clip(variances, 0.0, None)))

    def report(self) -> list[dict[str, object]]:
        """Return the attenuation of ⟨Z⟩ for every qubit, for reports."""
        return [
            {"qubit": q, "attenuation": float(block.attenuations[place]), **({"circuit": part.circuit} if part.circuit else {})}
            for part, block in zip(self.calibrations, self._blocks, strict=True)
            for (q, *more), place in block.place.items()
            if not more
        ]

    def _places(self, support: Support) -> list[tuple[int, int]]:
        """Return the (calibration, parameter) pairs for a string: one pair if the string is calibrated, else one per qubit."""
        parts = enumerate(zip(self.calibrations, self._blocks, strict=True))
        blocks = [(number, block) for number, (part, block) in parts if part.circuit == self.circuit]
        whole = tuple(sorted(support))
        for number, block in blocks:
            if whole in block.place:
                return [self._checked(number, whole)]
        places = []
        for q in whole:
            home = next((number for number, block in blocks if (q,) in block.place), None)
            if home is None:
                calibrated = [k for _, block in blocks for k, *more in block.place if not more]
                raise InputError(f"mitigation: qubit {q} was not calibrated; calibrated are {calibrated}")
            places.append(self._checked(home, (q,)))
        return places

    def _checked(self, number: int, support: Support) -> tuple[int, int]:
        place = self._blocks[number].place[support]
        attenuation = self._blocks[number].attenuations[place]
        if attenuation < LEAST_SIGNAL:
            raise InputError(
                f"mitigation: the parity of qubits {', '.join(map(str, support))} carries no clear signal (attenuation "
                f"{attenuation:.3f}); choose other qubits"
            )
        return number, place


@dataclass(frozen=True, eq=False)
class _Block:
    """The attenuations in one calibration.

    Attributes
    ----------
    place : dict of tuple of int to int
        The parameter of each string, by its device qubits in ascending order.
    attenuations : ndarray of shape (S,)
    """

    samples: Samples
    supports: NDArray[np.bool_]
    place: dict[Support, int]
    attenuations: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.attenuations)

    def variances(self, jacobian: Matrix) -> NDArray[np.float64]:
        if self.samples.shots is None:
            return np.zeros(len(jacobian))
        if isinstance(self.samples, LocalSamples):
            return _read(self.samples, self.supports).variances(jacobian)
        covariance = covariance_of_strings(parities(signs_of(self.samples), self.supports), self.samples)
        return np.einsum("ra,ab,rb->r", jacobian, covariance, jacobian)


def _read(samples: LocalSamples, supports: NDArray[np.bool_]) -> LocalReadings:
    return read_locally(samples, tuple(range(len(supports))), supports, range(supports.shape[1]), None)
