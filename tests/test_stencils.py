"""Stencils: moments that make them derivatives of their order."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import STENCILS
from qep_qiskit.stencils import Stencil, stencil


@pytest.mark.parametrize("kind", list(STENCILS))
@pytest.mark.parametrize("beta", [0.1, -0.3, 2.0])
def test_moments(kind: str, beta: float) -> None:
    rule: Stencil = stencil(kind, beta)
    betas, factors = np.array(rule.betas), np.array(rule.factors)
    assert factors.sum() == pytest.approx(0.0, abs=1e-12)
    assert factors @ betas == pytest.approx(1.0)
    for power in range(2, rule.order + 1):
        assert factors @ betas**power == pytest.approx(0.0, abs=1e-12)
    assert abs(factors @ betas ** (rule.order + 1)) > 1e-6


@pytest.mark.parametrize("kind", list(STENCILS))
def test_the_free_phase_comes_first(kind: str) -> None:
    rule = stencil(kind, 0.2)
    assert rule.phases[0] == 0.0 and len(set(rule.phases)) == len(rule.phases)
    assert np.dot(rule.phase_factors, rule.phases) == pytest.approx(1.0)


@pytest.mark.parametrize("beta", [0, 0.0, math.nan, math.inf, "a lot", None, "0.1", b"0.1", True, 10**400, 1j, [0.1]])
def test_bad_steps_are_refused(beta: object) -> None:
    with pytest.raises(InputError, match="beta"):
        stencil("symmetric", beta)  # type: ignore[arg-type]


def test_unknown_stencil_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'symmetric'"):
        stencil("symetric", 0.1)
