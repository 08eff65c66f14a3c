"""Antiferromagnetic order of five Rydberg-like atoms: the gradient of Q. Wang et al. (2026), exactly and at finite β."""

from itertools import combinations

import qep_qiskit as qep

N, OMEGA, DELTA = 5, 0.5, 1.5


def z(*sites: int, letter: str = "Z") -> str:
    return "".join(letter if site in sites else "I" for site in reversed(range(N)))


interaction = {z(): (N - 1) / 4, **{z(i): 0.5 if 0 < i < N - 1 else 0.25 for i in range(N)}}
interaction |= {z(i, i + 1): 0.25 for i in range(N - 1)}
order = {z(): 1 / N} | {z(i, j): 2 * (-1) ** (i + j) / N**2 for i, j in combinations(range(N), 2)}  # (Σ (−1)^i Z_i / N)²

network = qep.pauli(
    terms={"Omega": {z(i, letter="X"): 0.5 for i in range(N)}, "Delta": {z(): -N / 2, **{z(i): -0.5 for i in range(N)}}},
    fixed=interaction,
    outputs=[order],
)

if __name__ == "__main__":
    problem = qep.Problem(network, {"Omega": OMEGA, "Delta": DELTA}, cost=qep.SquaredError([1.0]))
    exact = qep.exact_gradient(problem)
    print(f"order {exact.predictions[0]:.6f}   gap {exact.diagnostics['gap']:.4f}   exact gradient {exact.values.round(6)}")
    for stencil in (qep.one_sided(0.1), qep.symmetric(0.1)):
        print(f"{stencil.kind} β = 0.1: {qep.gradient(problem, stencil=stencil).values.round(6)}")
