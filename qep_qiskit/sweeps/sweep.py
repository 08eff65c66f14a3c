"""The points of a sweep and their measurement: one task per point, on any number of workers."""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qep_qiskit.ansatz.choice import identified
from qep_qiskit.budget import deviation
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.errors import DeviceError, InputError, PreparationError
from qep_qiskit.experiment import Spec, load
from qep_qiskit.fingerprints import FileContent, identity
from qep_qiskit.preparation.exact import reference_state
from qep_qiskit.reference import COMPARED_QUBITS, exact_gradient
from qep_qiskit.sweeps.groups import gradients_together, groups_of
from qep_qiskit.training.fitting import gathered
from qep_qiskit.training.from_spec import data_file, task_from
from qep_qiskit.training.loop.trained import mean_cosine
from qep_qiskit.verbs.gradient import gradient
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
"""The columns of each kind of experiment; the first is plotted."""
Measured = tuple[dict[str, float | None], str | None, bool]
CHECKED = 200
"""The number of points checked before the first is measured; the others are checked when their turn comes."""


@dataclass(frozen=True)
class Row:
    """The result for one point of a sweep.

    Attributes
    ----------
    number : int
        The point's number in the sweep.
    point : mapping
        The varied keys and their values at this point.
    problem : str or None
        The reason why there are no numbers.
    again : bool
        Whether to measure the point again when the sweep resumes, since the problem may be temporary, such as a failed service.
    """

    number: int
    point: Mapping[str, Any]
    numbers: Mapping[str, float | None]
    problem: str | None = None
    again: bool = False

    @property
    def title(self) -> str:
        """The point in the form in which it is typed."""
        return title_of(self.point)

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        numbers = {name: v if v is None or math.isfinite(v) else None for name, v in self.numbers.items()}
        document = {"number": self.number, "point": dict(self.point), "numbers": numbers, "problem": self.problem}
        return {**document, "again": True} if self.again else document


def title_of(point: Mapping[str, Any]) -> str:
    """Return a point in the form in which it is typed: ``stencil.beta=0.1, seed=2``."""
    return ", ".join(f"{key}={value}" for key, value in point.items())


def points(path: str | Path, overrides: Sequence[tuple[str, object]], where: Sequence[Mapping[str, Any]]) -> list[Spec]:
    """Return the spec of every point, after checking all of them.

    Raises
    ------
    InputError
        If a spec is invalid; the message names the first such point.
    """
    specs = []
    for point in where:
        try:
            specs.append(load(path, overrides=[*overrides, *point.items()]))
        except InputError as error:
            raise InputError(f"--over {title_of(point)}: {error}") from None
    return specs


def unmade(specs: Sequence[Spec], where: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Return the problems of points whose network, data or device cannot be created, among the first `CHECKED`.

    Raises
    ------
    InputError
        If every point has a problem; then nothing is written.
    """
    problems: dict[int, str] = {}
    for number, spec in enumerate(specs[:CHECKED]):
        try:
            if kind_of(spec) == "training":
                task_from(spec)
            else:
                spec.problem(), spec.settings()
        except InputError as error:
            problems[number] = " ".join(str(error).split())
    if len(problems) == len(specs):
        raise InputError(f"--over {title_of(where[0])}: {problems[0]}")
    return problems


def files_of(specs: Sequence[Spec]) -> dict[str, str]:
    """Return the digests, by name, of all files that the points depend on: data and circuits."""
    files: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    for spec in specs:
        named = (str(spec.data.source), str(getattr(spec.preparation, "ansatz", "")))
        if named in done:
            continue
        done.add(named)
        with contextlib.suppress(InputError):  # a missing file is reported by the points that need it
            if (path := data_file(spec)) is not None:
                files |= identity(FileContent(path), named[0])
            ansatz = identified(getattr(spec.preparer(), "ansatz", ""))
            if isinstance(ansatz, FileContent):
                files |= identity(ansatz, named[1])
    return files


def rows(
    specs: Sequence[Spec],
    where: Sequence[Mapping[str, Any]],
    pool: Pool,
    *,
    done: Sequence[int] = (),
    bad: Mapping[int, str] | None = None,
) -> Iterator[Row]:
    """Measure every unfinished point, and yield its row.

    A point's numbers do not depend on the workers, nor on which points were measured before. Gradients of small networks whose
    preparer works on many states at once are measured in groups, which the list of all points determines: a point's states then
    depend on its group, within the preparer's tolerance. All other numbers depend only on the point's spec. If a point has no
    gradient (bad input, degenerate ground state, preparation without convergence), its row says so, and the sweep continues.

    Parameters
    ----------
    where : sequence of mapping
        The points.
    done : sequence of int
        Numbers of points that are not measured again.
    bad : mapping of int to str, optional
        Points that cannot be measured, with the reason.
    """
    finished, problems = set(done), bad or {}
    for number, why in problems.items():
        if number not in finished:
            yield Row(number, where[number], {}, why)
    grouped = groups_of(specs, [k for k in range(len(specs)) if k not in problems])
    left = [group for group in grouped if not finished.issuperset(group)]
    for place, measured in pool.results(_measure_group, None, [[specs[k] for k in group] for group in left]):
        for k, (numbers, problem, again) in zip(left[place], measured, strict=True):
            if k not in finished:
                yield Row(k, where[k], numbers, problem, again)


def _measure_group(shared: None, specs: Sequence[Spec]) -> list[Measured]:
    """Measure the points of one group together; if that fails, each alone."""
    if len(specs) > 1:
        clock = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                numbers = [gradient_numbers(spec, found) for spec, found in zip(specs, gradients_together(specs), strict=True)]
            except Exception:
                numbers = []
        seconds = round((time.perf_counter() - clock) / len(specs), 3)
        if numbers:
            return [({**each, "seconds": seconds}, None, False) for each in numbers]
    return [_measure(shared, spec) for spec in specs]


def _measure(shared: None, spec: Spec) -> Measured:
    """Return a point's numbers, its problem if any, and whether the problem may be temporary."""
    clock = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            numbers = training_numbers(spec) if kind_of(spec) == "training" else gradient_numbers(spec)
        except (InputError, PreparationError) as error:
            return {}, " ".join(str(error).split()), False
        except DeviceError as error:
            return {}, " ".join(str(error).split()), True
        except MemoryError as error:
            return {}, f"not enough memory ({error}); take fewer qubits", True
        except Exception as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            return {}, f"internal error: {what}; run this point alone with --debug for the traceback", True
    return {**numbers, "seconds": round(time.perf_counter() - clock, 3)}, None, False


def kind_of(spec: Spec) -> str:
    """Return the kind of an experiment: "training" if its spec has [data], else "gradient"."""
    return "training" if "data" in spec.tables else "gradient"


def training_numbers(spec: Spec) -> dict[str, float | None]:
    """Train the network; return the metrics of the last epoch, and the steps and shots of the whole training."""
    result = gathered(task_from(spec)[0])
    last = result.epochs[-1] if result.epochs else {}
    names = ("validation_accuracy", "validation_loss", "train_accuracy", "train_loss")
    return {
        **{name: last.get(name) for name in names},
        "mean_cosine": mean_cosine(result.history),
        "steps": float(len(result.history)),
        "shots": float(result.shots) or None,
    }


def gradient_numbers(spec: Spec, measured: Gradient | None = None) -> dict[str, float | None]:
    """Return a gradient's deviation from the exact one, if that can be computed, with its loss, norm, errors and shots.

    The exact one belongs to the level or the temperature of the preparer.

    A gradient that is not `measured` yet is measured now.
    """
    problem = spec.problem()
    if measured is None:
        measured = gradient(problem, progress="off", **spec.settings())
    numbers: dict[str, float | None] = {"relative_error": None, "cosine": None}
    if problem.network.num_qubits <= COMPARED_QUBITS:
        truth = exact_gradient(problem, preparer=reference_state(spec.preparer()), progress="off")
        off = deviation(measured.values, truth.values)
        numbers = {"relative_error": off.relative_error, "cosine": off.cosine}
    counts = [measured.provenance.get(name) for name in ("shots_total", "calibration_shots_total")]
    shots = sum(count for count in counts if isinstance(count, int | float))
    return {
        **numbers,
        "loss": measured.loss,
        "loss_stderr": measured.loss_stderr,
        "gradient_norm": float(np.linalg.norm(measured.values)),
        "gradient_stderr": None if measured.covariance is None else float(np.sqrt(np.trace(measured.covariance))),
        "shots": float(shots) or None,
    }
