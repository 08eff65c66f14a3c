"""The points of a sweep and what is measured at each: one task a point, on any number of workers."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qep_qiskit.equilibrium import gradient
from qep_qiskit.equilibrium.result import Gradient, cosine, relative_error
from qep_qiskit.errors import DegenerateGroundStateError, InputError, PreparationError
from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient
from qep_qiskit.spec import Spec, load
from qep_qiskit.training.fit import gathered
from qep_qiskit.training.from_spec import task_from
from qep_qiskit.training.trained import mean_cosine
from qep_qiskit.workers import Pool

MEASURES = {
    "training": (
        "validation_accuracy",
        "validation_loss",
        "train_accuracy",
        "train_loss",
        "mean_cosine",
        "steps",
        "shots",
        "seconds",
    ),
    "gradient": ("relative_error", "cosine", "loss", "loss_stderr", "gradient_norm", "gradient_stderr", "shots", "seconds"),
}
"""The columns of each kind of experiment; the first is what is drawn."""


@dataclass(frozen=True)
class Row:
    """One point of a sweep.

    Attributes
    ----------
    number : int
        Its place in the sweep.
    point : mapping
        The keys that were varied, and their values there.
    numbers : mapping of str to number or None
    problem : str or None
        Why there are no numbers.
    """

    number: int
    point: Mapping[str, Any]
    numbers: Mapping[str, float | None]
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"number": self.number, "point": dict(self.point), "numbers": dict(self.numbers), "problem": self.problem}


def points(path: str | Path, overrides: Sequence[tuple[str, object]], where: Sequence[Mapping[str, Any]]) -> list[Spec]:
    """Return the spec of every point, all checked before anything runs.

    Raises
    ------
    InputError
        For the first point that is no valid spec.
    """
    specs = []
    for point in where:
        try:
            specs.append(load(path, overrides=[*overrides, *point.items()]))
        except InputError as error:
            told = ", ".join(f"{key}={value}" for key, value in point.items())
            raise InputError(f"--over {told}: {error}") from None
    return specs


def rows(specs: Sequence[Spec], where: Sequence[Mapping[str, Any]], pool: Pool, *, done: Sequence[int] = ()) -> Iterator[Row]:
    """Measure every point that is not done yet; yield its row when it is there.

    A point's numbers depend on its spec alone, not on the workers or on the other points. A point that has no gradient (a
    degenerate ground state, a preparation that does not converge) is a row that says so; the sweep goes on.
    """
    left = [k for k in range(len(specs)) if k not in set(done)]
    for place, (numbers, problem) in pool.results(_measure, None, [specs[k] for k in left]):
        yield Row(left[place], where[left[place]], numbers, problem)


def _measure(shared: None, spec: Spec) -> tuple[dict[str, float | None], str | None]:
    clock = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            numbers = training_numbers(spec) if kind_of(spec) == "training" else gradient_numbers(spec)
        except (DegenerateGroundStateError, PreparationError) as error:
            return {}, " ".join(str(error).split())
    return {**numbers, "seconds": round(time.perf_counter() - clock, 3)}, None


def kind_of(spec: Spec) -> str:
    """Return which kind of experiment a spec is: one with [data] is a training."""
    return "training" if "data" in spec.tables else "gradient"


def training_numbers(spec: Spec) -> dict[str, float | None]:
    """Return what the last epoch of a training was like, and what the training cost."""
    result = gathered(task_from(spec)[0])
    last = result.epochs[-1] if result.epochs else {}
    names = ("validation_accuracy", "validation_loss", "train_accuracy", "train_loss")
    return {
        **{name: last.get(name) for name in names},
        "mean_cosine": mean_cosine(result.history),
        "steps": float(len(result.history)),
        "shots": float(result.shots) or None,
    }


def gradient_numbers(spec: Spec, found: Gradient | None = None) -> dict[str, float | None]:
    """Return how a gradient compares with the exact one, where that can be computed, and what it cost.

    Parameters
    ----------
    spec : Spec
    found : Gradient, optional
        Measured already; it is measured now if omitted.
    """
    problem = spec.problem()
    if found is None:
        found = gradient(problem, **spec.settings())
    numbers: dict[str, float | None] = {"relative_error": None, "cosine": None}
    if problem.network.num_qubits <= COMPARED_QUBITS:
        exact = exact_gradient(problem).values
        numbers = {"relative_error": relative_error(found.values, exact), "cosine": cosine(found.values, exact)}
    shots = found.provenance.get("shots_total")
    return {
        **numbers,
        "loss": found.loss,
        "loss_stderr": found.loss_stderr,
        "gradient_norm": float(np.linalg.norm(found.values)),
        "gradient_stderr": None if found.covariance is None else float(np.sqrt(np.trace(found.covariance))),
        "shots": float(shots) if isinstance(shots, int | float) else None,
    }
