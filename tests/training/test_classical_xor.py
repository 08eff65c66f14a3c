"""XOR by classical networks: the script of examples/, one seed quickly, several slowly."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def xor(example):
    return example("xor_classical")


def solved(xor, kind, seed, epochs):
    answers, error = xor.solve(kind, seed, epochs)
    return bool(np.all(answers * xor.Y[:, 0] > 0)) and error < 0.01


@pytest.mark.parametrize(
    ("kind", "seed"), [pytest.param("mean-field Ising", 2, marks=pytest.mark.slow), ("phase oscillators", 0)]
)
def test_one_seed_is_solved_and_was_not_before_training(xor, kind, seed):
    assert not solved(xor, kind, seed, 1)
    assert solved(xor, kind, seed, 90)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize("kind", ["mean-field Ising", "phase oscillators"])
def test_most_seeds_are_solved(xor, kind):
    assert sum(solved(xor, kind, seed, 250) for seed in range(6)) >= 5
