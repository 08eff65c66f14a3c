"""Shots that the whole gradient takes to 5 % error against the number of weights, and the picture of it.

All ways measure on the same simulator, exact ground states with shot noise. With V the summed variance of a gradient from one
shot of every circuit, b its bias and g the gradient, a way needs N = V / ((0.05 |g|)² − |b|²) shots of each circuit:

* EP: two nudged phases in two bases, 4 N shots in all, at the best of a few β;
* parameter shift of every weight, (L(w_k + δ) − L(w_k − δ)) / 2δ: 2 P N shots with V = P Var(C) / 2δ², at the best of a few δ (a
  ground state does not rotate with its weights, so no shift is exact);
* SPSA, Δ (L(w + cΔ) − L(w − cΔ)) / 2c averaged over K random directions Δ of ±1, with n shots per loss: 2 K n shots with
  K = ((P − 1) + P Var(C) / (2 c² n |g|²)) / (0.05² − (|b|/|g|)²). One shot per loss is its minimum, with
  a circuit of its own for every shot; its bias is taken as that of the parameter shift at the same step.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

import qep_qiskit as qep
from benchmarks.problems import network
from benchmarks.tasks.per_weight import shifted_loss

Vector = NDArray[np.float64]
WANTED = 0.05
SITES = (4, 6, 8, 10, 12, 14)
SHOTS = 200_000
STEPS = (0.05, 0.1, 0.2, 0.3, 0.5)
SEEDS = (11, 12, 13)


@dataclass(frozen=True)
class Need:
    """Total shots of each way for one network."""

    weights: int
    seed: int
    equilibrium: float
    parameter_shift: float
    spsa: float
    spsa_100: float


def need(sites: int, seed: int) -> Need:
    """Return the shots that each way needs for one random network."""
    graph = network(sites)
    problem = qep.Problem(graph, graph.initial_weights(seed), x=[0.5], cost=qep.SquaredError([1.0]).observable())
    exact = qep.exact_gradient(problem).values
    size = float(np.linalg.norm(exact))
    count = len(exact)
    equilibrium, shift = [], []
    spsa: dict[int, list[float]] = {1: [], 100: []}
    for step in STEPS:
        measured = qep.gradient(problem, stencil=qep.symmetric(step), shots=SHOTS, seed=seed)
        bias = float(np.linalg.norm(qep.gradient(problem, stencil=qep.symmetric(step)).values - exact))
        assert measured.covariance is not None and measured.loss_stderr is not None
        equilibrium.append(4 * _shots(SHOTS * float(np.trace(measured.covariance)), size, bias))
        of_loss = SHOTS * measured.loss_stderr**2
        slopes = np.array([
            (shifted_loss(problem, step * e) - shifted_loss(problem, -step * e)) / (2 * step) for e in np.eye(count)
        ])  # fmt: skip
        bias = float(np.linalg.norm(slopes - exact))
        shift.append(2 * count * _shots(count * of_loss / (2 * step**2), size, bias))
        room = WANTED**2 - (bias / size) ** 2
        for n, counts in spsa.items():
            directions = (count - 1) + count * of_loss / (2 * step**2 * n * size**2)
            counts.append(2 * n * directions / room if room > 0 else np.inf)
    return Need(count, seed, min(equilibrium), min(shift), min(spsa[1]), min(spsa[100]))


def _shots(variance: float, size: float, bias: float) -> float:
    room = (WANTED * size) ** 2 - bias**2
    return variance / room if room > 0 else np.inf


def draw(path: Path) -> list[dict[str, float]]:
    """Draw the picture and return its numbers."""
    needs = [need(sites, seed) for sites in SITES for seed in SEEDS]
    ways = (
        ("equilibrium", "equilibrium propagation", "C0", "o"),
        ("parameter_shift", "parameter shift", "C1", "s"),
        ("spsa_100", "SPSA, 100 shots per circuit", "C2", "^"),
        ("spsa", "SPSA, 1 shot per circuit", "C7", "v"),
    )
    figure, axes = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
    counts = sorted({n.weights for n in needs})
    for key, label, colour, mark in ways:
        groups = [[getattr(n, key) for n in needs if n.weights == c] for c in counts]
        axes.plot(counts, [np.median(g) for g in groups], color=colour, marker=mark, label=label)
        for c, g in zip(counts, groups, strict=True):
            axes.plot([c] * len(g), g, mark, color=colour, alpha=0.25, markersize=4, markeredgewidth=0)
    axes.set(yscale="log", xlabel="weights P", ylabel="shots in all, for 5 % error of the gradient")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return [asdict(n) for n in needs]
