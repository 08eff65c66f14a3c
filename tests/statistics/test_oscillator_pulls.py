"""Oscillators on qubits, prepared by VQE and measured on Aer: pulls of 200 seeds around the exact gradient in the same levels."""

from __future__ import annotations

import numpy as np
import pytest
from pulls import Repeats, of_combinations, of_loss_and_predictions, of_weights, repeated

import qep_qiskit as qep

SEEDS = 200
MEAN = 0.25  # 3.5 standard errors of a mean of 200
POOLED = (0.8, 1.25)  # a bar × 0.8 makes 0.8 into 1.25
COVERAGE = (0.57, 0.78)  # 68.3 % ± 3.3 standard errors


def objections(repeats: Repeats) -> list[str]:
    wrong = [f"{n}: mean {m:+.3f}" for n, m in zip(repeats.names, repeats.means, strict=True) if abs(m) > MEAN]
    wrong += [
        f"{n}: coverage {c:.3f}"
        for n, c in zip(repeats.names, repeats.coverages, strict=True)
        if not COVERAGE[0] < c < COVERAGE[1]
    ]
    return wrong if POOLED[0] < repeats.pooled < POOLED[1] else [*wrong, f"all: variance {repeats.pooled:.3f}"]


def assert_honest(repeats: Repeats) -> None:
    print(repeats)
    assert not objections(repeats), str(repeats)
    for factor in (0.8, 1.25):
        assert objections(repeats.scaled(factor)), f"bars scaled by {factor} pass too\n{repeats}"


def measure(levels: int, cost, preparer, stencil, shots: int) -> tuple[list[qep.Gradient], qep.Gradient]:
    """Return 200 measured gradients, and the exact one of the truncated oscillators, by its true ground states."""
    network = qep.oscillators(sites=2, inputs=[0], outputs=[1], levels=levels, encoding="gray")
    problem = qep.Problem(network, [0.5, 1.0, 1.2], x=[1.0], cost=cost)
    repeats = repeated(problem, qep.simulator(), stencil=stencil, shots=shots, preparer=preparer, seeds=range(SEEDS))
    truth = qep.gradient(problem, preparer=qep.Exact(), stencil=stencil)
    return repeats, truth


def check(gradients: list[qep.Gradient], truth: qep.Gradient) -> None:
    assert_honest(of_weights(gradients, truth))
    assert_honest(of_combinations(gradients, truth, count=4))
    each = of_loss_and_predictions(gradients, truth)
    assert np.abs(each.means).max() < MEAN and POOLED[0] < each.pooled < POOLED[1], str(each)


OBSERVABLE = qep.SquaredError([0.3]).observable()
# a larger regulariser, or two starts, end above the ground state
SU2 = qep.VQE(ansatz="efficient_su2", layers=5, starts=3, tolerance=1e-5, regulariser=1e-5)


def test_pulls_of_four_levels() -> None:
    preparer = qep.VQE(ansatz="efficient_su2", layers=3, starts=2, tolerance=1e-5)
    check(*measure(4, OBSERVABLE, preparer, qep.symmetric(0.1), 1000))


@pytest.mark.slow
def test_pulls_of_eight_levels() -> None:
    check(*measure(8, OBSERVABLE, SU2, qep.symmetric(0.1), 1000))


@pytest.mark.slow
def test_pulls_of_four_levels_with_the_hamiltonian_ansatz() -> None:
    preparer = qep.VQE(ansatz="hamiltonian", layers=1, starts=1, tolerance=1e-5)
    check(*measure(4, OBSERVABLE, preparer, qep.symmetric(0.1), 1000))


@pytest.mark.slow
def test_pulls_of_eight_levels_with_a_cost_of_expectations() -> None:
    """The mean answers to a force in proportion, so that β may be large; every seed has nudged phases of its own."""
    check(*measure(8, qep.SquaredError([-1.0]), qep.Exact(), qep.symmetric(0.5), 4000))
