"""Numbers as they are printed: a value with its error, percentages, and what stands for a missing number."""

from __future__ import annotations

import math
from collections.abc import Iterable

from qep_qiskit.estimates import MISSING as MISSING
from qep_qiskit.estimates import finite as finite
from qep_qiskit.estimates import unsigned_zero as unsigned_zero
from qep_qiskit.estimates import with_error as with_error


def percent(share: float | None) -> str:
    """Return a share as a percentage with two significant digits.

    Examples
    --------
    >>> percent(0.1234), percent(0.0123), percent(1.234), percent(2e-8), percent(0.0), percent(None)
    ('12 %', '1.2 %', '123 %', '2e-06 %', '0 %', '–')
    """
    if share is None or not math.isfinite(share):
        return MISSING
    if share == 0:
        return "0 %"
    value = 100 * share
    exponent = int(f"{abs(value):.1e}".split("e")[1])
    if not -3 <= exponent < 5:
        return f"{value:.0e} %"
    return f"{value:.{max(0, 1 - exponent)}f} %"


def cosine(value: float | None) -> str:
    """Return a cosine with as many nines as it has, four decimals at least.

    Examples
    --------
    >>> cosine(0.98314), cosine(0.9999987), cosine(1.0)
    ('0.9831', '0.9999987', '1.0000')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    short = unsigned_zero(f"{value:.4f}")
    if short != "1.0000" or value >= 1.0 - 1e-12:
        return short
    return f"{value:.{1 - math.floor(math.log10(1.0 - value))}f}"


def score(z: float | None) -> str:
    """Return a z-score with its sign and one decimal.

    Examples
    --------
    >>> score(1.234), score(-0.04), score(None)
    ('+1.2', '0.0', '–')
    """
    return MISSING if z is None or not math.isfinite(z) else unsigned_zero(f"{z:+.1f}")


def ratio(value: float | None) -> str:
    """Return a number near 1 with two decimals, a large one with none."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def duration(seconds: float | None) -> str:
    """Return a duration.

    Examples
    --------
    >>> duration(0.0123), duration(4.2), duration(312.0), duration(None)
    ('0.012 s', '4.2 s', '5 min 12 s', '–')
    """
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds >= 120:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def column(values: Iterable[float | None]) -> list[str]:
    """Return the values of one column with the same number of decimals, five digits for the largest.

    Examples
    --------
    >>> column([0.5, -0.001234, None])
    ['0.50000', '-0.00123', '–']
    """
    cells = list(values)
    largest = max((abs(v) for v in cells if v is not None and math.isfinite(v)), default=0.0)
    exponent = math.floor(math.log10(largest)) if largest > 0 else 0
    style = f".{max(0, 4 - exponent)}f" if -4 <= exponent < 6 else ".4e"
    return [MISSING if v is None or not math.isfinite(v) else unsigned_zero(format(v, style)) for v in cells]
