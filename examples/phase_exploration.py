"""Phase exploration of Wanjura & Marquardt (2024): QEP walks a cluster-Ising chain to where |⟨X₀X₄⟩| is largest."""

import numpy as np

import qep_qiskit as qep

N = 10


def string(**letters):
    sites = {int(site[1:]): letter for site, letter in letters.items()}
    return "".join(sites.get(site, "I") for site in reversed(range(N)))


network = qep.pauli(
    terms={
        "gX": {string(**{f"s{i}": "X"}): -1 for i in range(N)},
        "gZZ": {string(**{f"s{i}": "Z", f"s{i + 1}": "Z"}): -1 for i in range(N - 1)},
    },
    fixed={string(**{f"s{j}": "Z", f"s{j + 1}": "X", f"s{j + 2}": "Z"}): -0.5 for j in range(1, N - 2)},
    outputs=[{string(s0="X", s4="X"): 1}],
)
cost, weights = qep.ObservableCost({string(s0="X", s4="X"): -1}), np.array([-0.1, 0.4])
for step in range(101):
    problem = qep.Problem(network, weights, cost=cost)
    gradient = qep.gradient(problem, stencil=qep.one_sided(0.1), preparer=qep.Exact(tolerance=1e-12))
    if step in (0, 10, 19, 100):
        print(f"{step:3d}  gX {weights[0]:+.4f}  gZZ {weights[1]:+.4f}  |<X0X4>| {abs(gradient.predictions[0]):.4f}")
    weights -= 0.1 * gradient.values / np.linalg.norm(gradient.values)
