"""A linear map from forces to positions, learnt by eight oscillators exactly, and by three on qubits from shots."""

import numpy as np

import qep_qiskit as qep

BOUNDS = {"k": (0.01, 4.0), "a": (0.05, 4.0)}  # positive springs are stable
rng = np.random.default_rng(7)


def task(edges, inputs, outputs, sites, samples, **options):
    """Return a network, random forces, and the positions that hidden weights answer them with."""
    network = qep.oscillators(sites=sites, edges=edges, inputs=inputs, outputs=outputs, **options)
    closed = qep.oscillators(sites=sites, edges=edges, inputs=inputs, outputs=outputs)
    hidden, X = closed.initial_weights(seed=11), 2.0 * rng.normal(size=(samples, len(inputs)))
    return network, closed, X, answers(closed, hidden, X)


def answers(network, weights, X):
    cost = qep.SquaredError(np.zeros(network.num_outputs))
    return np.array([qep.exact_gradient(qep.Problem(network, weights, x, cost=cost)).predictions for x in X])


network, closed, X, Y = task("complete", [0, 1, 2], [5, 6, 7], 8, 12)
options = {"optimizer": "adam", "bounds": BOUNDS, "seed": 1}
result = qep.train(network, X, Y, gradient="exact", learning_rate=0.03, epochs=100, batch_size=12, **options)
mean_squared_error = np.mean((answers(closed, result.weights, X) - Y) ** 2)
print(f"eight oscillators, closed form: mean squared error {mean_squared_error:.1e} of {np.mean(Y**2):.1e}")

network, closed, X, Y = task("complete", [0, 1], [2], 3, 6, levels=4, encoding="gray")
# a force moves the mean in proportion to β, so that a large symmetric nudge has no bias
measured = {
    "preparer": qep.Exact(),
    "stencil": qep.symmetric(1.0),
    "device": qep.simulator(seed=1),
    "shots": 4000,
}
result = qep.train(network, X, Y, learning_rate=0.04, schedule="cosine", epochs=60, batch_size=6, **measured, **options)
mean_squared_error = np.mean((answers(closed, result.weights, X) - Y) ** 2)
problems = [qep.Problem(network, result.weights, x, cost=qep.SquaredError(y)) for x, y in zip(X, Y, strict=True)]
floor = np.mean([g.predictions_stderr**2 for g in qep.gradients(problems, **measured)])
print(f"three on six qubits, from shots: mean squared error {mean_squared_error:.1e} of {np.mean(Y**2):.1e}")
print(f"shots alone, at the same number of shots: {floor:.1e}")
