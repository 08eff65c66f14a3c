"""XOR by three hidden spins: all four corners right, from every one of ten first weights."""

import numpy as np

import qep_qiskit as qep

edges = [(i, j) for i in range(6) for j in range(max(i + 1, 2), 6)]  # 0 and 1 are clamped inputs, 5 is the output
network = qep.ising(sites=6, edges=edges, inputs=[0, 1], outputs=[5], clamp=True)
corners, answers = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]), np.array([-1, 1, 1, -1])
accuracies = []
for seed in range(10):
    options = {"learning_rate": 0.1, "epochs": 80, "batch_size": 4, "bounds": {"g": (0.3, 2.0)}, "seed": seed}
    result = qep.train(network, corners, answers, gradient="exact", **options)
    accuracies.append(np.mean(np.sign(result.predict(corners)[:, 0]) == answers))
    print(f"seed {seed}  loss {result.history[0]['loss']:.3f} to {result.history[-1]['loss']:.1e}  accuracy {accuracies[-1]:.0%}")
print(f"accuracy {np.mean(accuracies):.1%} ± {np.std(accuracies):.1%} over {len(accuracies)} seeds")
