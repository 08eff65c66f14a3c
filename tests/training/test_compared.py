"""Comparison of a training's gradients with noise-free ones, by size of the network."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.training.loop import compared as module
from qep_qiskit.training.loop.compared import EXACT, NOISE_FREE

X, Y = np.array([[-1.0], [1.0]]), np.array([-0.5, 0.5])
OPTIONS = {"learning_rate": 0.1, "epochs": 1, "batch_size": 2, "compare_every": 1, "stencil": qep.symmetric(0.3)}


def trained(sites, **options):
    network = qep.ising(sites=sites, edges="chain", inputs=[1], outputs=[2])
    return qep.train(
        network, X, Y, weights=[0.2 if n[0] == "J" else float(n[0] == "g") for n in network.names], **OPTIONS, **options
    )


def test_a_small_network_is_compared_with_the_exact_gradient():
    [row] = trained(4).history
    assert row["compared_with"] == EXACT and row["cosine"] > 0.99 and 0.0 < row["relative_error"] < 0.2


@pytest.mark.parametrize(("shots", "low", "high"), [(None, 0.0, 1e-3), (10_000, 0.02, 0.9)])
def test_a_large_network_is_compared_with_the_noise_free_gradient_of_its_ansatz(shots, low, high):
    preparer = qep.VQE(layers=1, simulation="light_cones", tolerance=1e-3)
    [row] = trained(18, preparer=preparer, shots=shots).history
    assert row["compared_with"] == NOISE_FREE and low <= row["relative_error"] < high and row["cosine"] > 0.8
    if shots is not None:
        assert row["relative_error"] < 4 * row["gradient_stderr"] / row["gradient_norm"]


def test_what_cannot_be_computed_is_left_open(monkeypatch):
    monkeypatch.setattr(module, "COMPARED_QUBITS", 0)
    [row] = trained(3, preparer=qep.Adiabatic(time=2.0, steps=2)).history
    assert row["compared_with"] == NOISE_FREE and row["relative_error"] == pytest.approx(0.0, abs=1e-12)
