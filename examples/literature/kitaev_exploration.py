"""Kitaev phase exploration of Wanjura & Marquardt (2024): walks to a large flux, and what too large a β does to them.

H = Jx Σ XX + Jy Σ YY + Jz Σ ZZ + 0.1 Σ (X + Y + Z) on a honeycomb of 8 × 2 spins, Jx + Jy + Jz = 1. From (Jx, Jy) =
(2/3, 1/6), 40 steps of length 0.01 increase |⟨flux⟩| of one hexagon, along the normalised one-sided gradient at β = .001, .01,
.1 and .5. Points are given in the plane of the triangle, (Jy + Jz/2, √3/2 Jz). "β too large" counts the
steps at which the gradient warns.

    python examples/literature/kitaev_exploration.py [FILE [BETA ...]]

Finished steps are stored in FILE, so that an interrupted run resumes.
"""

import sys
import warnings

import numpy as np
from finished import Finished
from honeycomb import WIDTH, bonds, string

import qep_qiskit as qep

STEPS = 40
ENDS = {0.001: (0.4930, 0.3777), 0.01: (0.4929, 0.3767), 0.1: (0.2823, -0.3108), 0.5: (0.3165, -0.3181)}


FLUX = string({1: "X", 9: "Y", 10: "Z", 11: "X", 3: "Y", 2: "Z"}, 2 * WIDTH)


def honeycomb():
    """Return the network whose weights are Jx and Jy."""
    kinds = bonds(2 * WIDTH)
    field = {string({site: letter}, 2 * WIDTH): 0.1 for site in range(2 * WIDTH) for letter in "XYZ"}
    less = dict.fromkeys(kinds["Z"], -1.0)  # Jz = 1 − Jx − Jy
    terms = {"Jx": {**kinds["X"], **less}, "Jy": {**kinds["Y"], **less}}
    return qep.pauli(terms=terms, fixed={**kinds["Z"], **field}, outputs=[{FLUX: 1.0}])


def plane(weights):
    jz = 1 - sum(weights)
    return weights[1] + jz / 2, np.sqrt(3) / 2 * jz


def step(network, weights, beta):
    """Return the next weights, the flux, and the warning that β is too large, if there is one."""
    problem = qep.Problem(network, weights, cost=qep.ObservableCost({FLUX: 1.0}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gradient = qep.gradient(problem, stencil=qep.one_sided(beta), preparer=qep.Exact(tolerance=1e-6, gap=False))
    flux = float(gradient.predictions[0])
    uphill = np.sign(flux) * gradient.values / np.linalg.norm(gradient.values)
    too_large = gradient.diagnostics.get("too_large_beta")
    return (np.array(weights) + 0.01 * uphill).tolist(), flux, too_large and too_large["warning"]


def walk(network, beta, finished):
    weights, warned = [2 / 3, 1 / 6], 0
    for number in range(STEPS):
        start = weights
        weights, flux, warning = finished((beta, number), lambda start=start: step(network, start, beta))
        warned += bool(warning)
        if number == 0 and warning:
            print(f"    {warning}")
        print(
            f"β = {beta:g}, step {number + 1:2d}: flux {flux:+.4f}, then at ({plane(weights)[0]:.4f}, {plane(weights)[1]:.4f})",
            flush=True,
        )
    x, y = plane(weights)
    print(
        f"β = {beta:g}: ends at ({x:.4f}, {y:.4f}), published {ENDS[beta]}; β too large at {warned} of {STEPS} steps",
        flush=True,
    )


if __name__ == "__main__":
    finished = Finished(sys.argv[1] if len(sys.argv) > 1 else None)
    try:
        for beta in [float(word) for word in sys.argv[2:]] or ENDS:
            walk(honeycomb(), beta, finished)
    except KeyboardInterrupt:
        print("interrupted: " + ("the same command resumes" if finished.path else "name a FILE to resume next time"), flush=True)
        sys.exit(130)
