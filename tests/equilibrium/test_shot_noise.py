"""The shot noise of every circuit: together, it is the covariance of the gradient."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.rounds import run
from qep_qiskit.settings import Settings

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
SPLIT = qep.Split([[30, 2], [50, 20], [40, 60]])


def problem(x):
    return qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[x], cost=qep.SquaredError([0.5]))


@pytest.mark.parametrize("shots", [40, SPLIT])
def test_the_circuits_add_up_to_the_error_bars(shots):
    grad = qep.gradient(problem(0.4), stencil=qep.symmetric(0.3), shots=shots, seed=2)
    table = np.full((3, 2), 40) if shots == 40 else np.array(SPLIT.shots)
    np.testing.assert_allclose((grad.noise.per_shot / table).sum(axis=(1, 2)), grad.stderr**2)
    assert grad.noise.per_shot[:, 0, 1].sum() == 0  # the free phase is not measured in X
    np.testing.assert_allclose(grad.noise.nudge, 2 * abs(grad.predictions[0] - 0.5))


def test_zero_noise_extrapolation_reads_every_circuit_more_than_once():
    options = {"device": qep.simulator(noise="fake_guadalupe"), "preparer": qep.VQE(layers=1), "mitigation": "zne:linear:1,3"}
    grad = qep.gradient(problem(0.4), stencil=qep.symmetric(0.3), shots=500, seed=2, **options)
    np.testing.assert_allclose(grad.noise.per_shot.sum(axis=(1, 2)) / 500, grad.stderr**2)


def test_every_sample_of_a_batch_has_shots_of_its_own():
    problems, other = [problem(0.4), problem(-0.3)], qep.Split([[9, 2], [80, 5], [10, 6]])
    rounds = run(problems, Settings(stencil=qep.symmetric(0.3), shots=10, seed=4), splits=[SPLIT, other])
    for split, (plan, outcomes) in zip([SPLIT, other], rounds, strict=True):
        counted = {where: samples.shots for where, samples in outcomes.samples.items()}
        assert counted == {(p, b): split.shots[p][b] for p in range(3) for b in range(2) if (p, b) != (0, 1)}
        assert reduce(plan, outcomes).provenance["shots_total"] == sum(counted.values())
