"""Zero-noise extrapolation: circuits with noise amplified by folding, and values extrapolated to zero noise.

Users write ``zne``, followed by options in any order, each after a colon: the form of the extrapolation (``linear``,
``richardson``, ``exponential``), the kind of folding (``global``, ``two_qubit``), and the noise factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.checks import shown
from qep_qiskit.devices.device import Compiled
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.measurement.expectations import Readings
from qep_qiskit.measurement.local_readings import LocalReadings
from qep_qiskit.measurement.mitigation.extrapolation import extrapolate
from qep_qiskit.measurement.mitigation.folding import folded

EXTRAPOLATIONS = ("linear", "richardson", "exponential")
FOLDINGS = ("global", "two_qubit")
FACTORS = (1, 3, 5)
LARGEST_FACTOR = 99


@dataclass(frozen=True)
class ZeroNoise:
    """Zero-noise extrapolation by folding.

    Attributes
    ----------
    extrapolation : {"linear", "richardson", "exponential"}
    folding : {"global", "two_qubit"}
    factors : tuple of odd int
        The strengths of the noise, relative to the device's own noise, ascending from 1.
    """

    extrapolation: str = "linear"
    folding: str = "global"
    factors: tuple[int, ...] = FACTORS

    def __str__(self) -> str:
        words = ["zne"]
        words += [self.extrapolation] if self.extrapolation != "linear" else []
        words += [self.folding] if self.folding != "global" else []
        words += [",".join(map(str, self.factors))] if self.factors != FACTORS else []
        return ":".join(words)


def construct(compiled: Compiled, zne: ZeroNoise) -> dict[int, Compiled]:
    """Return the circuit at each noise factor."""
    return {factor: folded(compiled, factor, zne.folding) for factor in zne.factors}


def combine(
    readings: Sequence[Readings | LocalReadings], zne: ZeroNoise
) -> tuple[NDArray[np.float64], list[Readings | LocalReadings]]:
    """Return the extrapolated means, and readings multiplied by the derivatives of these means.

    The covariances of the multiplied readings add up to the covariance of the extrapolated means. If the extrapolation is
    linear in the values, their means also add up to the extrapolated means.

    Parameters
    ----------
    readings : sequence of Readings
        The readings at each noise factor.
    """
    means = np.array([reading.means for reading in readings])
    errors = np.array([np.sqrt(reading.variances(np.eye(means.shape[1]))) for reading in readings])
    values, slopes, _ = extrapolate(means, errors, zne.factors, zne.extrapolation)
    return values, [reading.scaled(slope) for reading, slope in zip(readings, slopes, strict=True)]


def parse(text: str, key: str) -> ZeroNoise:
    """Return the extrapolation described by a text such as ``"zne:exponential:1,3"``.

    Raises
    ------
    InputError
        If a word is unknown, an option is given twice, or the factors are not allowed.
    """
    options: dict[str, object] = {}
    for word in text.split(":")[1:]:
        name, value = _option(word, key)
        if name in options:
            raise InputError(f"{key}: {text!r} gives {name} twice; give it once")
        options[name] = value
    zne = ZeroNoise(**options)  # type: ignore[arg-type]
    if len(zne.factors) < 2:
        raise InputError(f"{key}: {text!r} has one factor; extrapolation needs two or more, such as 1,3,5")
    return zne


def _option(word: str, key: str) -> tuple[str, object]:
    if word in EXTRAPOLATIONS:
        return "extrapolation", word
    if word in FOLDINGS:
        return "folding", word
    parts = word.split(",")
    if all(part.isdigit() for part in parts):
        factors = tuple(int(part) for part in parts)
        if factors[0] == 1 and list(factors) == sorted(set(factors)) and all(f % 2 and f <= LARGEST_FACTOR for f in factors):
            return "factors", factors
        raise InputError(
            f"{key}: zne factors {word!r} are not allowed; give odd numbers that rise from 1 to {LARGEST_FACTOR} at most"
        )
    allowed = (*EXTRAPOLATIONS, *FOLDINGS)
    raise InputError(
        f"{key}: unknown {shown(word)} of zne; allowed: {', '.join(allowed)}, or factors such as 1,3,5{nearest(word, allowed)}"
    )


def readable(measured: ZeroNoise | None, wanted: ZeroNoise) -> ZeroNoise:
    """Return the wanted extrapolation, adapted to counts that were measured for another one.

    Default factors are replaced by the measured ones.

    Raises
    ------
    InputError
        If the counts have no folded circuits, or not the wanted ones.
    """
    if measured is None:
        raise InputError(
            f"mitigation: {str(wanted)!r} needs circuits with folded gates, and these counts hold none; measure anew"
        )
    if wanted.factors == FACTORS and not set(FACTORS) <= set(measured.factors):
        wanted = replace(wanted, factors=measured.factors)
    if wanted.folding != measured.folding or not set(wanted.factors) <= set(measured.factors):
        raise InputError(f"mitigation: {str(wanted)!r} cannot be read from counts measured for {str(measured)!r}; measure anew")
    return wanted
