"""A first session, as it would be typed into a notebook: build, gradient, budget, plots, forecast, train, and a rehearsal.

python examples/first_session.py
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

import qep_qiskit as qep

# a network of four spins, and the gradient of one answer's error
network = qep.ising(sites=4, edges="ring", inputs=[0], outputs=[2])
weights = network.initial_weights(seed=1)
problem = qep.Problem(network, weights, x=[0.5], cost=qep.SquaredError([1.0]))
exact = qep.exact_gradient(problem)
options = {"preparer": qep.VQE(layers=2), "device": qep.fake("guadalupe", seed=1), "shots": 4e3, "mitigation": "tensored"}
gradient = qep.gradient(problem, stencil=qep.symmetric(0.2), **options)
print(network, gradient, gradient["J[0,1]"], sep="\n")
gradient.plot(exact=exact)
network.plot(weights=weights)

# where its error comes from, and what it would cost
budget = qep.compare(problem, stencil=qep.symmetric(0.2), **options)
print(budget)
budget.plot()
forecast = qep.forecast(problem, stencil=qep.symmetric(0.2), **options)
print(repr(forecast), forecast.advice.text, sep="\n")
forecast.plot()

# train a larger network on XOR, keep the result, and use it again
X, y = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]), np.array([-1, 1, 1, -1])
edges = [(i, j) for i in range(6) for j in range(max(i + 1, 2), 6)]
solver = qep.ising(sites=6, edges=edges, inputs=[0, 1], outputs=[5], clamp=True)
result = qep.train(solver, X, y, learning_rate=0.1, epochs=25, batch_size=4, seed=1)
result.plot()
result.save("xor.json")
print(qep.load_result("xor.json").score(X, y))

# play the device run of a spec from end to end, without an account
spec = Path(__file__).parents[1] / "hardware_runs/specs/gradient-6.toml"
subprocess.run([sys.executable, "-m", "qep_qiskit.cli", "rehearse", str(spec), "--queue", "0"], check=True)
