"""Numbers with error bars, and the formats of all printed numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeGuard

MISSING = "–"
ROUNDING = 1e-12
"""A smaller share is rounding error."""


@dataclass(frozen=True, repr=False)
class Estimate:
    """A value and its standard deviation, which is None for an exact value.

    Examples
    --------
    >>> print(Estimate(0.12345, 0.0041), Estimate(0.5))
    0.1235 ± 0.0041 0.5000
    >>> float(Estimate(0.5))
    0.5
    """

    value: float
    stderr: float | None = None

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return with_error(self.value, self.stderr)

    __repr__ = __str__

    def __format__(self, style: str) -> str:
        if not style:
            return str(self)
        return format(self.value, style) + ("" if self.stderr is None else f" ± {format(self.stderr, style)}")


def estimates(values: Iterable[float], errors: Iterable[float] | None) -> list[Estimate]:
    """Return values with their error bars; None for exact values.

    Examples
    --------
    >>> [str(estimate) for estimate in estimates([0.5, -2.71828], [0.02, 0.31])]
    ['0.500 ± 0.020', '-2.72 ± 0.31']
    """
    if errors is None:
        return [Estimate(float(value)) for value in values]
    return [Estimate(float(value), float(error)) for value, error in zip(values, errors, strict=True)]


def finite(value: object) -> TypeGuard[float]:
    """Return whether `value` is a finite number (None, NaN, infinities and anything else are not)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def with_error(value: float | None, error: float | None) -> str:
    """Return ``value ± error`` with two significant digits of the error.

    Parameters
    ----------
    value : float or None
    error : float or None
        The standard deviation. If it is None, zero or not finite, the value is printed alone, with four digits.

    Examples
    --------
    >>> with_error(0.12345, 0.0041)
    '0.1235 ± 0.0041'
    >>> with_error(-2.71828, 0.31)
    '-2.72 ± 0.31'
    >>> with_error(1.2345e-9, 3.1e-11)
    '(1.234 ± 0.031)e-09'
    >>> with_error(0.12345, None)
    '0.1235'
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if error is None or not math.isfinite(error) or error <= 0:
        return f"{value:#.4g}".rstrip(".") if value else "0"
    size = max(abs(value), error)
    if 1e-4 <= size < 1e6:
        return _pair(value, error)
    power = math.floor(math.log10(size))
    return f"({_pair(value / 10.0**power, error / 10.0**power)})e{power:+03d}"


def unsigned_zero(text: str) -> str:
    """Return a printed number without its sign if all of its digits are zero.

    Examples
    --------
    >>> [unsigned_zero(text) for text in ("-0.000", "+0.0", "-0.001", "-0.0000e+00")]
    ['0.000', '0.0', '-0.001', '0.0000e+00']
    """
    return text if text.lstrip("+-").split("e")[0].strip("0.") else text.lstrip("+-")


def percent(share: float | None, uncertainty: float = 0.0) -> str:
    """Return a share as a percentage with two significant digits, and its uncertainty after ± if there is one.

    Examples
    --------
    >>> percent(0.1234), percent(0.0123), percent(1.234), percent(2e-8), percent(2e-15), percent(0.0), percent(None)
    ('12 %', '1.2 %', '123 %', '2e-06 %', '< 1e-10 %', '0 %', '–')
    >>> percent(0.1234, 0.0012)
    '12 % ± 0.12 %'
    """
    if uncertainty > 0:
        return f"{percent(share)} ± {percent(uncertainty)}"
    if share is None or not math.isfinite(share):
        return MISSING
    if share == 0:
        return "0 %"
    if abs(share) < ROUNDING:
        return f"< {100 * ROUNDING:.0e} %"
    value = 100 * share
    exponent = int(f"{abs(value):.1e}".split("e")[1])
    if not -3 <= exponent < 5:
        return f"{value:.0e} %"
    return f"{value:.{max(0, 1 - exponent)}f} %"


def cosine(value: float | None) -> str:
    """Return a cosine with all of its leading nines and at least four decimals.

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
    """Return a number with two decimals, or with none if it is at least 10."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def duration(seconds: float | None) -> str:
    """Return a duration in words.

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
    """Return the values of one column with the same number of decimals, chosen for five digits of the largest.

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


def cells(values: Iterable[float], errors: Iterable[float] | None) -> list[str]:
    """Return the values of one column with their error bars, or, for exact values, with the same number of decimals.

    Examples
    --------
    >>> cells([0.5, 0.25], [0.02, 0.013]), cells([0.5, 0.25], None)
    (['0.500 ± 0.020', '0.250 ± 0.013'], ['0.50000', '0.25000'])
    """
    return column(values) if errors is None else [str(estimate) for estimate in estimates(values, errors)]


def _pair(value: float, error: float) -> str:
    exponent = int(f"{error:.1e}".split("e")[1])
    decimals = 1 - exponent
    if decimals >= 0:
        return f"{unsigned_zero(f'{value:.{decimals}f}')} ± {error:.{decimals}f}"
    return f"{unsigned_zero(f'{round(value, decimals):.0f}')} ± {round(error, decimals):.0f}"
