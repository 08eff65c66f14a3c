"""Two moons by three hidden spins, and logistic regression on the same split (another public implementation: 86 % and 87 %).

python examples/moons.py           exact expectations, five seeds
python examples/moons.py noise     also with at most 10⁴ shots per gradient under fake_guadalupe's noise, raw and mitigated
"""

import sys

import numpy as np
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression

import qep_qiskit as qep

edges = [(i, j) for i in range(6) for j in range(max(i + 1, 2), 6)]  # 0 and 1 are clamped inputs, 5 is the output
network = qep.ising(sites=6, edges=edges, inputs=[0, 1], outputs=[5], clamp=True)
noisy = {"device": qep.simulator(noise="fake_guadalupe"), "shots": 190, "stencil": qep.symmetric(0.5)}
RUNS = {"exact": {}}
if "noise" in sys.argv:
    RUNS |= {"noise": noisy, "noise, tensored": {**noisy, "mitigation": "tensored"}}
scores: dict[str, list[float]] = {"logistic regression": [], **{name: [] for name in RUNS}}
for seed in range(5):
    X, y = make_moons(300, noise=0.2, random_state=seed)
    X = 2 * (X - X[:150].mean(axis=0)) / X[:150].std(axis=0)
    trained, held_out = (X[:150], 2 * y[:150] - 1), (X[150:], 2 * y[150:] - 1)
    scores["logistic regression"].append(LogisticRegression().fit(*trained).score(*held_out))
    for name, extra in RUNS.items():
        options = {"learning_rate": 0.05, "schedule": "cosine", "epochs": 12 if "noise" in sys.argv else 30, "seed": seed}
        result = qep.train(network, *trained, validation=held_out, bounds={"g": (0.3, 2.0)}, compare_every=10, **options, **extra)
        scores[name].append(result.epochs[-1]["validation_accuracy"])
        most = max(row["shots"] for row in result.history if row["step"] % 15)
        cosine = np.mean([row["cosine"] for row in result.history if "cosine" in row])
        print(
            f"seed {seed}  {name}: {scores[name][-1]:.1%} of 150 held out, {most} shots per gradient, mean cosine {cosine:.4f}",
            flush=True,
        )
for name, accuracies in scores.items():
    print(f"{name}: {np.mean(accuracies):.1%} ± {np.std(accuracies):.1%} over {len(accuracies)} seeds")
