"""The memory of problems with many clamped inputs: samples share the matrix of their network."""

import gc
import tracemalloc

import numpy as np

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import free_family

PIXELS, SPINS, SAMPLES = 60, 3, 40


def network():
    edges = [[i, PIXELS + q] for i in range(PIXELS) for q in range(SPINS)]
    return qep.ising(sites=PIXELS + SPINS, edges=edges, inputs=range(PIXELS), outputs=[PIXELS], clamp=True)


def test_samples_hold_no_matrix_of_their_own():
    clamped = network()
    weights, X = clamped.initial_weights(seed=1), np.random.default_rng(0).standard_normal((SAMPLES, PIXELS))
    weights = clamped.weight_vector(weights)

    def prepared(x):
        problem = qep.Problem(clamped, weights, x, cost=qep.SquaredError([1.0]))
        return problem, free_family(problem), float(abs(problem.gradient_rows).max())

    prepared(X[0])  # the network's own caches
    gc.collect()
    tracemalloc.start()
    try:
        samples = [prepared(x) for x in X]
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    one = samples[0][0].derivative_rows.nbytes
    assert one > 5000
    assert held < SAMPLES * one / 2


def test_rows_of_a_sample_are_those_of_its_hamiltonian():
    clamped = network()
    x, weights = np.random.default_rng(1).standard_normal(PIXELS), clamped.weight_vector(clamped.initial_weights(seed=2))
    problem = qep.Problem(clamped, weights, x, cost=qep.SquaredError([1.0]))
    step = 1e-3
    matrix = problem.frame.operator(problem.hamiltonian_row).to_matrix()
    np.testing.assert_allclose(matrix, clamped.hamiltonian(weights, x).to_matrix(), atol=1e-12)
    for k in (0, 7, clamped.num_weights - 1):
        moved = weights + step * np.eye(clamped.num_weights)[k]
        slope = (clamped.hamiltonian(moved, x).to_matrix() - matrix) / step
        np.testing.assert_allclose(problem.frame.operator(problem.derivative_rows[k]).to_matrix(), slope, atol=1e-9)
