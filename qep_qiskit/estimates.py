"""A number with its error bar, and how it is printed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeGuard

MISSING = "–"


@dataclass(frozen=True)
class Estimate:
    """A value and one standard deviation of it; None where it is exact.

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

    def __format__(self, style: str) -> str:
        if not style:
            return str(self)
        return format(self.value, style) + ("" if self.stderr is None else f" ± {format(self.stderr, style)}")


def finite(value: object) -> TypeGuard[float]:
    """Return whether `value` is a finite number (None, NaN, infinities and anything else are not)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def with_error(value: float | None, error: float | None) -> str:
    """Return ``value ± error`` with two significant digits of the error.

    Parameters
    ----------
    value : float or None
    error : float or None
        One standard deviation. Without one (None, zero or not finite) the value stands alone with four digits.

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
    """Return a printed number without the sign, where all of its digits are zero.

    Examples
    --------
    >>> [unsigned_zero(text) for text in ("-0.000", "+0.0", "-0.001", "-0.0000e+00")]
    ['0.000', '0.0', '-0.001', '0.0000e+00']
    """
    return text if text.lstrip("+-").split("e")[0].strip("0.") else text.lstrip("+-")


def _pair(value: float, error: float) -> str:
    exponent = int(f"{error:.1e}".split("e")[1])
    decimals = 1 - exponent
    if decimals >= 0:
        return f"{unsigned_zero(f'{value:.{decimals}f}')} ± {error:.{decimals}f}"
    return f"{unsigned_zero(f'{round(value, decimals):.0f}')} ± {round(error, decimals):.0f}"
