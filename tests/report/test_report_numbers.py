import math

import pytest

from qep_qiskit.estimates import MISSING, column, finite, percent, with_error


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.12345, 0.0041, "0.1235 ± 0.0041"),
        (0.12345, 0.00996, "0.123 ± 0.010"),
        (-0.5, 0.12, "-0.50 ± 0.12"),
        (0.001, 1.4, "0.0 ± 1.4"),
        (123.456, 21.0, "123 ± 21"),
        (12345.0, 678.0, "12340 ± 680"),
        (1.2345e-9, 3.1e-11, "(1.234 ± 0.031)e-09"),
        (2.5e8, 1.1e6, "(2.500 ± 0.011)e+08"),
        (0.12345, None, "0.1235"),
        (0.12345, 0.0, "0.1235"),
        (0.12345, math.nan, "0.1235"),
        (0.0, None, "0"),
        (7.0, None, "7.000"),
        (None, 0.1, MISSING),
        (math.inf, 0.1, MISSING),
    ],
)
def test_a_value_is_printed_with_two_digits_of_its_error(value, error, expected):
    assert with_error(value, error) == expected


@pytest.mark.parametrize("exponent", range(-12, 9))
@pytest.mark.parametrize("error", [1.0, 3.14, 9.949, 9.96])
def test_printed_numbers_are_right_to_the_last_digit(exponent, error):
    value, sigma = 31.4159 * 10.0**exponent, error * 10.0**exponent
    pair, _, power = with_error(value, sigma).partition("e")
    printed = [float(part) * float(f"1e{power or 0}") for part in pair.strip("()").split(" ± ")]
    assert printed == pytest.approx([value, sigma], abs=0.06 * sigma)


def test_percentages_keep_two_digits_over_ten_decades():
    shares = [1e-9, 1.23e-4, 0.00999, 0.0423, 0.0996, 0.5, 1.0, 12.3]
    for share in shares:
        assert float(percent(share).removesuffix(" %")) == pytest.approx(100 * share, rel=0.06)
    assert percent(math.nan) == percent(None) == MISSING


def test_a_column_has_as_many_decimals_in_every_cell():
    cells = column([1.0, -0.25, 3e-5, None])
    assert cells == ["1.0000", "-0.2500", "0.0000", MISSING]
    assert column([1e-7, 2e-8]) == ["1.0000e-07", "2.0000e-08"]
    assert column([]) == []


def test_finite_is_strict():
    assert finite(1) and finite(-0.5)
    assert not any(finite(v) for v in (None, math.nan, math.inf, "1", True))
