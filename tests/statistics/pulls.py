"""Repeats of one gradient with independent seeds, and what their pulls say about its error bars."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

import qep_qiskit as qep
from qep_qiskit.equilibrium import execute, plan, reduce
from qep_qiskit.equilibrium.rounds import finish
from qep_qiskit.settings import Settings

# of 400 seeds a variance strays by 0.2 once in 350 true bars, and some 60 bars are tested; of 800 seeds once in 16 000
SEEDS = 800
MEAN = 0.17
VARIANCE = (0.8, 1.2)
COVERAGE = (0.61, 0.75)
POOLED = (0.93, 1.07)


@dataclass(frozen=True)
class Repeats:
    """Estimates of shape (seeds, K) with their error bars, and the truth of shape (K,)."""

    names: tuple[str, ...]
    values: np.ndarray
    errors: np.ndarray
    truth: np.ndarray

    def scaled(self, factor: float) -> Repeats:
        return dataclasses.replace(self, errors=factor * self.errors)

    @property
    def pulls(self) -> np.ndarray:
        return (self.values - self.truth) / self.errors

    @property
    def means(self) -> np.ndarray:
        return self.pulls.mean(axis=0)

    @property
    def variances(self) -> np.ndarray:
        return self.pulls.var(axis=0, ddof=1)

    @property
    def coverages(self) -> np.ndarray:
        return (np.abs(self.pulls) < 1.0).mean(axis=0)

    @property
    def pooled(self) -> float:
        return float(self.variances.mean())

    def __str__(self) -> str:
        lines = [
            f"{name}: mean {m:+.3f}, variance {v:.3f}, coverage {c:.3f}"
            for name, m, v, c in zip(self.names, self.means, self.variances, self.coverages, strict=True)
        ]
        return "\n".join([*lines, f"pooled variance {self.pooled:.3f}"])


def objections(repeats: Repeats, *, pooled: bool = True) -> list[str]:
    """Return every way in which the pulls differ from a standard normal's; none where the error bars are right."""
    lines = []
    for name, mean, variance, coverage in zip(repeats.names, repeats.means, repeats.variances, repeats.coverages, strict=True):
        if abs(mean) >= MEAN:
            lines.append(f"{name}: mean pull {mean:+.3f}")
        if not VARIANCE[0] <= variance <= VARIANCE[1]:
            lines.append(f"{name}: variance {variance:.3f}")
        if not COVERAGE[0] <= coverage <= COVERAGE[1]:
            lines.append(f"{name}: coverage {coverage:.3f}")
    if pooled and not POOLED[0] <= repeats.pooled <= POOLED[1]:
        lines.append(f"all: variance {repeats.pooled:.3f}")
    return lines


def assert_honest(repeats: Repeats, *, pooled: bool = True) -> None:
    """Assert that the pulls pass, and that the same pulls fail with the bar a fifth too short or a quarter too long."""
    assert not objections(repeats, pooled=pooled), f"{objections(repeats, pooled=pooled)}\n{repeats}"
    for factor in (0.8, 1.25):
        assert objections(repeats.scaled(factor), pooled=pooled), f"bars scaled by {factor} pass too\n{repeats}"


def repeated(
    problem: qep.Problem,
    device: object,
    *,
    stencil,
    shots: int,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    preparer=None,
    seeds: range = range(SEEDS),
) -> list[qep.Gradient]:
    """Return one gradient a seed. The first round's states do not depend on the seed, so they are prepared once."""
    settings = Settings(
        preparer=preparer,
        stencil=stencil,
        device=device,
        shots=shots,
        mitigation=mitigation,
        calibration_shots=calibration_shots,
        seed=0,
    )
    first = plan(problem, settings)
    gradients = []
    for seed in seeds:
        seeded = dataclasses.replace(first, settings=dataclasses.replace(settings, seed=seed))
        last, outcomes = finish(seeded, lambda part, earlier: execute(part, device, earlier=earlier))
        gradients.append(reduce(last, outcomes))
    return gradients


def truth_of(problem: qep.Problem, stencil, preparer=None) -> qep.Gradient:
    """Return the noise-free gradient at the same β from the same preparer: what the shots estimate."""
    return qep.gradient(problem, preparer=preparer or qep.Exact(), stencil=stencil)


def of_weights(gradients: list[qep.Gradient], truth: qep.Gradient) -> Repeats:
    return Repeats(truth.names, np.array([g.values for g in gradients]), np.array([g.stderr for g in gradients]), truth.values)


def of_combinations(gradients: list[qep.Gradient], truth: qep.Gradient, *, count: int = 6) -> Repeats:
    """Return random combinations of the weights, whose error bars need the covariances too."""
    directions = np.random.default_rng(11).normal(size=(count, len(truth.values)))
    return Repeats(
        tuple(f"combination {k}" for k in range(count)),
        np.array([directions @ g.values for g in gradients]),
        np.array([np.sqrt(np.diag(directions @ g.covariance @ directions.T)) for g in gradients]),
        directions @ truth.values,
    )


def of_loss_and_predictions(gradients: list[qep.Gradient], truth: qep.Gradient) -> Repeats:
    return Repeats(
        ("loss", *(f"prediction {m}" for m in range(len(truth.predictions)))),
        np.array([[g.loss, *g.predictions] for g in gradients]),
        np.array([[g.loss_stderr, *g.predictions_stderr] for g in gradients]),
        np.array([truth.loss, *truth.predictions]),
    )
