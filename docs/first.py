import qep_qiskit as qep

network = qep.ising(sites=4, edges="chain", inputs=[0, 1], outputs=[3])
weights = network.initial_weights(seed=7)
problem = qep.Problem(network, weights, x=[0.5, -0.5], cost=qep.SquaredError([1.0]))

gradient = qep.gradient(
    problem,
    preparer=qep.VQE(layers=2),
    stencil=qep.symmetric(0.2),
    device=qep.simulator(noise="fake_guadalupe"),
    shots=20_000,
    mitigation="tensored",
)
print(gradient)
