"""Warnings if the bias of a readout mitigation is large compared with its error bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.measurement.mitigation.readout.correlations import Correlation
from qep_qiskit.samples import Samples

Vector = NDArray[np.float64]
LARGE = 0.5
"""The smallest bias that is reported, in error bars. Half an error bar makes the total error a tenth larger than the bar."""
SINGLE = 5
"""If at least this many outcomes were seen exactly once, others were missed. Their total probability is about the number of
outcomes seen once divided by the shots (Good and Turing)."""


def few_shots(
    method: str, samples: Iterable[Samples], strings: Vector, parts: Sequence[tuple[str, Vector, Vector]]
) -> tuple[str, ...]:
    """Return a warning that states the bias due to few shots; an empty tuple if it is small compared with the error bars.

    Parameters
    ----------
    method : str
    samples : iterable of Samples
    strings : ndarray
        The deviations of all Pauli strings from the unbiased method, in units of their error bars.
    parts : sequence of (str, ndarray, ndarray)
        Each quantity: its name, its differences from the unbiased method, and its error bars.

    Notes
    -----
    Both methods use the same shots, so most of the noise cancels in the differences, which therefore show the bias. Its size is
    measured by their root mean square over all strings. With readout-flip probabilities of 3 % and 9 %, the bias is half an error
    bar at 8 qubits and one at 12 (4000 shots), and ten at 40 qubits (2000 shots).
    """
    if not strings.size or float(np.sqrt(np.mean(strings**2))) <= LARGE:
        return ()
    single, worst = max(((_seen_once(counts), counts) for counts in samples), key=lambda pair: pair[0])
    biased = _large(parts)
    if single < SINGLE or not biased:
        return ()
    return (
        f"mitigation: {method!r} is biased with few shots and many outcomes ({worst.shots} shots saw {len(worst.weights)}, "
        f"{single} of them once): it differs from the unbiased 'tensored' in the {biased}, which the error "
        "bars do not hold; take 'tensored', or more shots",
    )


def correlated(method: str, found: Correlation | None, parts: Sequence[tuple[str, Vector, Vector]]) -> tuple[str, ...]:
    """Return a warning that states the bias due to correlated flips; an empty tuple if it is small compared with the error bars.

    Parameters
    ----------
    method : str
    found : Correlation or None
        The most significant correlation.
    parts : sequence of (str, ndarray, ndarray)
        Each quantity: its name, its estimated bias, and its error bars.
    """
    biased = _large(parts)
    if found is None or not biased:
        return ()
    return (
        f"mitigation: the calibration shows that readout errors of qubits {' and '.join(map(str, found.qubits))} are correlated "
        f"({found.deviations:.0f} standard deviations), but {method!r} takes them as independent: this biases the {biased}, "
        "which the error bars do not hold; take 'trex'",
    )


def _large(parts: Sequence[tuple[str, Vector, Vector]]) -> str:
    """Return words for the largest bias of each quantity in which it is large; empty if there is none."""
    biased = []
    for name, difference, stderr in parts:
        size = np.divide(np.abs(difference), stderr, out=np.zeros_like(stderr), where=stderr > 0)
        k = int(size.argmax())
        if size[k] > LARGE:
            biased.append(f"{name} by up to {abs(difference[k]):.2g} ({size[k]:.1f} error bars)")
    return " and the ".join(biased)


def _seen_once(samples: Samples) -> int:
    return int(np.sum(np.rint(samples.weights * (samples.shots or 0)) == 1))
