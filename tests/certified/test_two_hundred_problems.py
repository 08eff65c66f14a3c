"""The true gradient lies inside the certified intervals of 200 random problems, each certified in eight ways.

`python -m pytest tests/certified/test_two_hundred_problems.py -s` prints the table of docs/certified.md.
"""

import warnings

import numpy as np
import pytest
from certified_cases import WAYS, certified, numbers, true_input_gradient
from random_problems import random_problem

import qep_qiskit as qep

FAILING = {"shots": 0.2, "": 0.02}
"""The share of the widths at which some interval would miss the true derivative, with and without shots."""


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_two_hundred_problems(way):
    outcomes = [certified(random_problem(number), way, seed=number) for number in numbers(way, 200)]
    bounded = [outcome for outcome in outcomes if outcome is not None]
    half, error = (np.median([getattr(outcome, name) for outcome in bounded]) for name in ("half_width", "error"))
    largest = max(outcome.largest for outcome in bounded)
    print(
        f"\n{way}: {len(bounded)} of {len(outcomes)} have intervals, median half-width {half:.1e}, median error {error:.1e}, ",
        end="",
    )
    print(f"median ratio {np.median([o.half_width / o.error for o in bounded]):.3g}, largest error {largest:.2f} of a half-width")
    assert largest <= 1.0
    assert largest > (0.002 if "extrapolated" in way else FAILING["shots" if "shots" in way else ""])
    assert len(bounded) == len(outcomes) or "light cones" in way


@pytest.mark.slow
@pytest.mark.parametrize("way", ["exact", "matrix product states", "light cones"])
def test_two_hundred_problems_differentiated_by_their_inputs(way):
    shares, half, errors = [], [], []
    for number in numbers(way, 200):
        problem = random_problem(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = qep.certify(problem, inputs=True, seed=number, **WAYS[way])
        if certificate.reason:
            assert way == "light cones"
            continue
        error, bar = np.abs(certificate.gradient.input_values - true_input_gradient(problem)), certificate.input_half_width
        shares += list(error[bar > 0] / bar[bar > 0])
        assert np.all(error[bar == 0] == 0)
        half, errors = [*half, *bar], [*errors, *error]
    print(
        f"\n{way}: {len(shares)} inputs, median half-width {np.median(half):.1e}, median error {np.median(errors):.1e}, ", end=""
    )
    print(f"largest error {max(shares):.2f} of a half-width")
    assert FAILING[""] < max(shares) <= 1.0
