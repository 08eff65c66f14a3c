"""Zero-noise extrapolation: circuits whose noise is amplified by folding, and values extrapolated to no noise.

It is written ``zne``, followed by its form (``linear``, ``richardson``, ``exponential``), by what is folded (``global``,
``two_qubit``) and by the strengths of the noise, each after a colon and in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.device import Compiled
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.measurement.expectations import Readings
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
        The strengths of the noise, in units of the device's own, from 1 upwards.
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
    """Return the circuit at each strength of its noise."""
    return {factor: folded(compiled, factor, zne.folding) for factor in zne.factors}


def combine(readings: Sequence[Readings], zne: ZeroNoise) -> tuple[NDArray[np.float64], list[Readings]]:
    """Return extrapolated means, and the readings multiplied by their derivatives, whose covariances add up to the means'.

    If the extrapolation is linear, the means of the multiplied readings add up to the extrapolated ones.

    Parameters
    ----------
    readings : sequence of Readings
        One for each strength of the noise.
    zne : ZeroNoise
    """
    means = np.array([reading.means for reading in readings])
    errors = np.array([np.sqrt(np.diag(reading.covariance(np.eye(means.shape[1])))) for reading in readings])
    values, slopes, _ = extrapolate(means, errors, zne.factors, zne.extrapolation)
    scaled = [
        Readings(r.strings, r.per_outcome * slope, r.samples, r.sensitivity * slope[:, None])
        for r, slope in zip(readings, slopes, strict=True)
    ]
    return values, scaled


def parse(text: str, key: str) -> ZeroNoise:
    """Return the extrapolation that a text such as ``"zne:exponential:1,3"`` describes.

    Raises
    ------
    InputError
        For an unknown word, an option given twice, or factors that are not allowed.
    """
    options: dict[str, object] = {}
    for word in text.split(":")[1:]:
        name, value = _option(word, key)
        if name in options:
            raise InputError(f"{key}: {text!r} says {name} twice; say it once")
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
        f"{key}: unknown {word!r} of zne; allowed: {', '.join(allowed)}, or factors such as 1,3,5{nearest(word, allowed)}"
    )


def readable(measured: ZeroNoise | None, wanted: ZeroNoise) -> ZeroNoise:
    """Return an extrapolation as it can be read from counts that were measured for another one.

    Factors that were left at their default become those that were measured.

    Raises
    ------
    InputError
        If the counts hold no folded circuits, or not the wanted ones.
    """
    if measured is None:
        raise InputError(
            f"mitigation: {str(wanted)!r} needs circuits with folded gates, and these counts hold none; plan with it"
        )
    if wanted.factors == FACTORS and not set(FACTORS) <= set(measured.factors):
        wanted = replace(wanted, factors=measured.factors)
    if wanted.folding != measured.folding or not set(wanted.factors) <= set(measured.factors):
        raise InputError(f"mitigation: {str(wanted)!r} cannot be read from counts measured for {str(measured)!r}; plan with it")
    return wanted
