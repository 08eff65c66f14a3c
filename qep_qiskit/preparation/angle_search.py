"""Search for stationary angles with an optimizer of qiskit-algorithms, from exact or measured energies, phase by phase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from warnings import catch_warnings, filterwarnings

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.checks import numbers, shown
from qep_qiskit.errors import InputError, PreparationError, nearest
from qep_qiskit.preparation.evaluator import Evaluator
from qep_qiskit.preparation.family import Family, inward_neighbour, outwards
from qep_qiskit.preparation.measured_slope import MeasuredGradient, MeasuredSlope
from qep_qiskit.preparation.model import Model
from qep_qiskit.preparation.preparer import Phase
from qep_qiskit.preparation.solution import Begin, Solution
from qep_qiskit.preparation.variational import allowed_residuals
from qep_qiskit.seeds import stream

if TYPE_CHECKING:
    from qep_qiskit.preparation.vqe import VQE

Vector = NDArray[np.float64]
KNOWN = 2.0
"""A residual counts as detected if it is this many times larger than its noise."""
GROUPED = 50
"""The number of SPSA's energies that are measured in one job."""


def search_angles(
    options: VQE, circuit: QuantumCircuit, evaluator: Evaluator, family: Family, begin: Begin, seed: int
) -> Solution:
    """Return the optimizer's angles and their distance from stationarity.

    Nudged phases minimise the tilted energy, as in :mod:`variational`. With an estimator, the tilt and the residuals are measured
    by parameter shifts, and a phase is done if its residual plus the residual's noise is within the tolerance. The random numbers
    of an optimizer of qiskit-algorithms come from the seed.
    """
    model = Model(evaluator, [family], options.precision, [begin.centre])
    source: _Source = _Exact(model) if options.estimator is None else _Measured(model, MeasuredSlope(circuit, options.estimator))
    search = _Search(options, source, evaluator.num_parameters, seed)
    free = begin.starts[0] if begin.free else min((search.minimise(0.0, start) for start in begin.starts), key=search.energy)
    left = search.tilt_at(free)
    angles: dict[int, Vector] = {}
    residuals: dict[int, MeasuredGradient] = {}
    for p in outwards(family.betas):
        beta, start = family.betas[p], inward_neighbour(angles, family.betas, p, free)
        assert start is not None
        angles[p] = free if beta == 0.0 else search.minimise(beta, start)
        residuals[p] = left if beta == 0.0 else source.gradient(beta, angles[p]).minus(left)
    order = range(len(family.betas))
    sizes, noise = np.array([(residuals[p].length, residuals[p].noise) for p in order]).T
    allowed = allowed_residuals(model, 0, free)
    done = sizes + noise <= options.tolerance * allowed
    evaluations = np.full(len(sizes), search.evaluations)
    measured = None if options.estimator is None else noise
    return Solution(np.array([angles[p] for p in order]), sizes, sizes / allowed, done, evaluations, None, measured)


def optimizer_named(name: str, max_iterations: int) -> Any:
    """Return the optimizer of qiskit-algorithms with this name."""
    from qiskit_algorithms import optimizers

    by_name = {
        key.lower(): cls
        for key, cls in vars(optimizers).items()
        if isinstance(cls, type) and issubclass(cls, optimizers.Optimizer) and cls not in (optimizers.Optimizer,)
    }
    if name.lower() not in by_name:
        raise InputError(
            f"VQE: unknown optimizer {shown(name)}; allowed: {', '.join(sorted(by_name))}{nearest(name.lower(), by_name)}"
        )
    try:
        return by_name[name.lower()](maxiter=max_iterations)
    except TypeError:
        return by_name[name.lower()]()


def measured_warnings(phases: Sequence[Phase], done: Sequence[bool], tolerance: float) -> list[str]:
    """Say, for each unfinished phase, how well its stationarity is known and how to improve it."""
    warnings = []
    for phase, arrived in zip(phases, done, strict=True):
        size, noise, error = phase.residual or 0.0, phase.residual_noise or 0.0, phase.gradient_error or 0.0
        if arrived:
            continue
        seen = size > KNOWN * noise
        remedies = ["ask the estimator for more precision"] if not seen or error * noise > tolerance * size else []
        remedies += ["let the optimizer go on longer, or take another one"] if seen else []
        stated = f" (noise {noise:.1e})" if noise else ""
        warnings.append(
            f"VQE at β = {phase.beta:g}: the measured residual {size:.1e}{stated} leaves a relative error of the gradient of "
            f"about {error:.1e} (wanted {tolerance:.1e}); {', and '.join(remedies)}"
        )
    return warnings


class _Source(Protocol):
    """The energies of all phases of a family, with the regulariser."""

    def energies(self, beta: float, thetas: Vector) -> Vector:
        """Return the energies of rows of angles, shape (R,)."""
        ...

    def gradient(self, beta: float, theta: Vector) -> MeasuredGradient:
        """Return the gradient."""
        ...


class _Exact:
    """Exact energies."""

    def __init__(self, model: Model) -> None:
        self._model, self._family = model, model.families[0]

    def energies(self, beta: float, thetas: Vector) -> Vector:
        return self._value(beta, thetas)[0]

    def gradient(self, beta: float, theta: Vector) -> MeasuredGradient:
        return MeasuredGradient(self._value(beta, theta[None])[1][0], np.zeros(len(theta)))

    def _value(self, beta: float, thetas: Vector) -> tuple[Vector, Vector]:
        coefficients = np.tile(self._family.free + beta * self._family.nudge, (len(thetas), 1))
        return self._model.value(np.zeros(len(thetas), dtype=np.intp), coefficients, thetas)


class _Measured:
    """Energies from an estimator."""

    def __init__(self, model: Model, slope: MeasuredSlope) -> None:
        self._family, self._mu, self._centre, self._slope = model.families[0], float(model.mu[0]), model.centres[0], slope

    def energies(self, beta: float, thetas: Vector) -> Vector:
        values = self._slope.energies(thetas, self._operator(beta))
        return np.asarray(values + 0.5 * self._mu * np.sum((thetas - self._centre) ** 2, axis=1))

    def gradient(self, beta: float, theta: Vector) -> MeasuredGradient:
        measured = self._slope.gradient(theta, self._operator(beta))
        return MeasuredGradient(measured.values + self._mu * (theta - self._centre), measured.stderr)

    def _operator(self, beta: float) -> SparsePauliOp:
        return self._family.frame.operator(self._family.free + beta * self._family.nudge)


class _Search:
    """Searches for the phases of one family; energies are tilted once the free phase is known."""

    def __init__(self, options: VQE, source: _Source, num_parameters: int, seed: int) -> None:
        from qiskit_algorithms.optimizers import SPSA

        self.evaluations = 0
        self._seed, self._searches = seed, 0
        self._source = source
        self._optimizer: Any = options.optimizer or SPSA(maxiter=options.max_iterations)
        if isinstance(self._optimizer, SPSA) and self._optimizer._max_evals_grouped is None:
            self._optimizer.set_max_evals_grouped(GROUPED)
        self._origin, self._tilt = np.zeros((2, num_parameters))

    def tilt_at(self, free: Vector) -> MeasuredGradient:
        """Return the remaining gradient of the free phase, which is subtracted in the nudged phases."""
        left = self._source.gradient(0.0, free)
        self._origin, self._tilt = free, left.shrunk
        return left

    def energy(self, theta: Vector) -> float:
        """Return the energy of the free phase."""
        return float(self._source.energies(0.0, theta[None])[0])

    def minimise(self, beta: float, start: Vector) -> Vector:
        """Return the angles at which the optimizer stops."""
        self._searches += 1
        with catch_warnings(), _drawing_from(stream(self._seed, "VQE optimizer", self._searches)):
            # qiskit-algorithms 0.4 gives L-BFGS-B an option that SciPy 1.18 does not have
            filterwarnings("ignore", "Unknown solver options: iprint")
            result = self._optimizer.minimize(
                lambda thetas: self._energies(beta, np.asarray(thetas, dtype=float)),
                start,
                jac=lambda theta: self._gradient(beta, np.asarray(theta, dtype=float)),
            )
        angles = numbers(result.x)
        if angles is None or angles.shape != start.shape or not np.isfinite(angles).all():
            raise PreparationError(
                f"VQE: {type(self._optimizer).__name__} returned the angles {shown(result.x)}; an optimizer must return "
                f"{len(start)} finite angles, so take shorter steps or another one"
            )
        return angles

    def _gradient(self, beta: float, theta: Vector) -> Vector:
        self.evaluations += 1
        return self._source.gradient(beta, theta).values - self._tilt

    def _energies(self, beta: float, thetas: Vector) -> Any:
        """Return the energy of one row of angles, or those of several, as optimizers ask for them."""
        rows = thetas.reshape(-1, len(self._origin))
        self.evaluations += len(rows)
        values = self._source.energies(beta, rows) - (rows - self._origin) @ self._tilt
        return values if len(rows) > 1 else float(values[0])


@contextmanager
def _drawing_from(generator: np.random.Generator) -> Iterator[None]:
    """Let optimizers of qiskit-algorithms draw from a generator instead of the one that a whole process shares."""
    from qiskit_algorithms.utils import algorithm_globals

    before = algorithm_globals._random
    algorithm_globals._random = generator
    try:
        yield
    finally:
        algorithm_globals._random = before
