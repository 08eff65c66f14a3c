"""The published exponents of one-qubit ramps, as examples/literature/one_qubit_ramps.py measures them."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def ramps(example):
    return example("literature/one_qubit_ramps")


def test_the_error_is_proportional_to_the_boundary_curvature_until_it_is_that_of_a_linear_ramp(ramps):
    times = 60.0 + np.linspace(0.0, 8.0, 40)
    small, five, huge = (ramps.deviations(ramps.qep.curved(number), times, steps=4000).max() for number in (2.0, 10.0, 1e4))
    linear = ramps.deviations("linear", times, steps=4000).max()
    assert five / small == pytest.approx(5, rel=0.1)
    assert huge == pytest.approx(linear, rel=0.05) and linear == pytest.approx(0.96, abs=0.02)


def test_a_gradient_at_a_finite_beta_hides_the_error_of_a_linear_ramp(ramps):
    times = 300.0 + np.linspace(0.0, 4.0, 12)
    hidden, shown = (np.abs(ramps.deviations("linear", times, beta, steps=3000)).mean() for beta in (0.1, 1e-4))
    assert shown > 8 * hidden


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")  # it is what the example shows
def test_it_prints_ours_beside_the_published_numbers(ramps, capsys, tmp_path):
    ramps.main(str(tmp_path / "ramps.png"))
    lines = capsys.readouterr().out.splitlines()
    for start, ours, published in (
        ("linear: exponent of the infidelity", -2.0, "-2.00"),
        ("cosine: exponent of the infidelity", -4.0, "-4.00"),
        ("quintic: exponent of the infidelity", -5.7, "-5.72"),
        ("cosine: exponent of the gradient", -1.0, "-1.001"),
    ):
        (line,) = [line for line in lines if line.startswith(start)]
        *_, number, beside = line.split()
        assert float(number) == pytest.approx(ours, abs=0.15) and beside == published
    assert (tmp_path / "ramps.png").stat().st_size > 10_000
