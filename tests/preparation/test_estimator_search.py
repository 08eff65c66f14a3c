"""VQE from an estimator: the tilt and the stopping rule from measured gradients with their error bars."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qiskit.primitives import DataBin, StatevectorEstimator
from qiskit_aer.primitives import EstimatorV2
from qiskit_algorithms.optimizers import L_BFGS_B, SPSA

import qep_qiskit as qep
from qep_qiskit.ansatz.hamiltonian import annealing_angles
from qep_qiskit.errors import PreparationError
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.simulation.adjoint.primitives import AdjointEstimator

pytestmark = pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
BETA = 0.05


def chain() -> qep.Problem:
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    return qep.Problem(network, network.initial_weights(seed=2), x=[0.4], cost=qep.SquaredError([1.0]).observable())


def vqe(**options: Any) -> qep.VQE:
    return qep.VQE(layers=1, starts=1, **options)


def gradient(preparer: qep.VQE) -> qep.Gradient:
    return qep.gradient(chain(), preparer=preparer, stencil=qep.symmetric(BETA))


def apart(one: qep.Gradient, other: qep.Gradient) -> float:
    return float(np.linalg.norm(one.values - other.values) / np.linalg.norm(other.values))


def lbfgs(iterations: int) -> L_BFGS_B:
    return L_BFGS_B(maxiter=iterations, ftol=0.0, options={"gtol": 1e-7})


def test_an_exact_estimator_gives_the_gradient_of_exact_energies() -> None:
    measured = gradient(vqe(optimizer=lbfgs(400), estimator=AdjointEstimator()))
    assert not [warning for warning in measured.diagnostics.warnings if "VQE" in warning]
    assert apart(measured, gradient(vqe())) < 2e-3
    for phase in measured.diagnostics.phases:
        assert phase.residual_noise == 0.0 and phase.gradient_error is not None and phase.gradient_error < 1e-3


class Impatient:
    """An optimizer that leaves its first search, that of the free phase, unfinished."""

    def __init__(self, iterations: int) -> None:
        self.left = [iterations]

    def minimize(self, fun: Any, x0: Any, jac: Any = None, bounds: Any = None) -> Any:
        return lbfgs(self.left.pop() if self.left else 400).minimize(fun, x0, jac, bounds)


def test_what_the_free_phase_leaves_is_measured_and_tilts_the_others() -> None:
    """The error of the gradient is of the order of the residual, which untilted phases would divide by β."""
    rough = gradient(vqe(optimizer=Impatient(16), estimator=AdjointEstimator()))
    free, *nudged = rough.diagnostics.phases
    assert free.residual is not None and 1e-4 < free.residual < 0.05
    assert max(phase.residual or 0.0 for phase in nudged) < 1e-5
    assert apart(rough, gradient(vqe())) < 5 * free.residual
    assert [w for w in rough.diagnostics.warnings if "VQE at β = 0: the measured residual" in w and "go on longer" in w]


@pytest.mark.parametrize("silent", [False, True], ids=["stated", "unstated"])
def test_noise_is_stated_with_the_residual_and_in_the_warning(silent: bool) -> None:
    noise = 0.005
    estimator: Any = EstimatorV2(options={"default_precision": noise, "run_options": {"seed_simulator": 3}})
    if silent:  # this one reports error bars of zero
        estimator = StatevectorEstimator(default_precision=noise, seed=3)
    result = gradient(vqe(optimizer=L_BFGS_B(maxiter=15), estimator=estimator))
    for phase in result.diagnostics.phases:
        assert phase.residual_noise is not None and 0.3 * noise < phase.residual_noise < 10 * noise
        said = [w for w in result.diagnostics.warnings if f"VQE at β = {phase.beta:g}: " in w]
        assert len(said) == 1 and f"(noise {phase.residual_noise:.1e})" in said[0] and "more precision" in said[0]


class Noisy(AdjointEstimator):
    """Exact energies with normal noise that differs from job to job."""

    def __init__(self, precision: float, seed: int) -> None:
        super().__init__()
        self.noise, self.rng = precision, np.random.default_rng(seed)

    def run(self, pubs: Any, *, precision: float | None = None) -> Any:
        values = [part.data.evs for part in super().run(pubs).result()]
        noisy = [DataBin(evs=self.rng.normal(v, self.noise), stds=np.full(v.shape, self.noise), shape=v.shape) for v in values]
        return SimpleNamespace(result=lambda: [SimpleNamespace(data=data) for data in noisy])


class Still:
    """An optimizer that stays where it is."""

    def minimize(self, fun: Any, x0: Any, jac: Any = None, bounds: Any = None) -> Any:
        return SimpleNamespace(x=x0)


class Broken(AdjointEstimator):
    """An estimator whose results are changed after some jobs."""

    def __init__(self, change: Any, after: int) -> None:
        super().__init__()
        self.change, self.left = change, after

    def run(self, pubs: Any, *, precision: float | None = None) -> Any:
        results, self.left = list(super().run(pubs).result()), self.left - 1
        return SimpleNamespace(result=lambda: results if self.left >= 0 else self.change(results))


def _with(**parts: Any) -> Any:
    def changed(results: list[Any]) -> list[Any]:
        data = results[0].data
        return [SimpleNamespace(data=SimpleNamespace(**{name: part(getattr(data, name)) for name, part in parts.items()}))]

    return changed


def _kept(values: Any) -> Any:
    return values


UNUSABLE = {
    "no result": lambda results: [],
    "two results": lambda results: 2 * results,
    "no error bars": _with(evs=_kept),
    "no energies": _with(evs=lambda values: None, stds=_kept),
    "text": _with(evs=lambda values: values.astype(str), stds=_kept),
    "NaN": _with(evs=lambda values: values * np.nan, stds=_kept),
    "one infinity": _with(evs=lambda values: np.where(np.arange(len(values)) == 0, np.inf, values), stds=_kept),
    "complex energies": _with(evs=lambda values: values + 0.1j, stds=_kept),
    "one energy for all": _with(evs=lambda values: values.sum(), stds=_kept),
    "another shape": _with(evs=lambda values: values[:, None], stds=_kept),
    "NaN as error bars": _with(evs=_kept, stds=lambda values: values * np.nan),
    "negative error bars": _with(evs=_kept, stds=lambda values: values - 1.0),
}


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE.keys())
@pytest.mark.parametrize("optimizer", [SPSA(maxiter=2), L_BFGS_B(maxiter=2)], ids=["SPSA", "L_BFGS_B"])
def test_an_unusable_result_is_refused_in_one_line(optimizer: Any, change: Any, after: int) -> None:
    with pytest.raises(PreparationError, match=r"VQE: Broken returned .*; an estimator must return") as caught:
        gradient(vqe(optimizer=optimizer, estimator=Broken(change, after)))
    assert "\n" not in str(caught.value)


def test_error_bars_may_be_one_number_for_all_rows() -> None:
    usual = gradient(vqe(optimizer=L_BFGS_B(maxiter=2), estimator=AdjointEstimator()))
    scalar = Broken(_with(evs=_kept, stds=lambda values: 0.0), 0)
    np.testing.assert_array_equal(gradient(vqe(optimizer=L_BFGS_B(maxiter=2), estimator=scalar)).values, usual.values)


@pytest.mark.parametrize("angles", [lambda x: x * np.nan, lambda x: x[:-1], lambda x: None], ids=["NaN", "too few", "none"])
def test_unusable_angles_of_an_optimizer_are_refused(angles: Any) -> None:
    lost = SimpleNamespace(minimize=lambda fun, x0, jac=None, bounds=None: SimpleNamespace(x=angles(x0)))
    with pytest.raises(PreparationError, match="VQE: SimpleNamespace returned the angles .* must return 8 finite angles"):
        gradient(vqe(optimizer=lost))


def test_what_an_unfinished_search_leaves_is_no_bias_of_beta() -> None:
    """A smaller β would make it larger."""
    for impatient in (vqe(optimizer=L_BFGS_B(maxiter=2)), vqe(max_iterations=6)):
        for beta in (0.2, 0.002):
            result = qep.gradient(chain(), preparer=impatient, stencil=qep.symmetric(beta))
            share = result.diagnostics["beta_bias"]["relative"]
            assert share > 0.05, "the search is unfinished"
            assert not [warning for warning in result.diagnostics.warnings if "bias of β" in warning]
            assert any(warning.startswith("VQE at β") for warning in result.diagnostics.warnings)
    far = qep.gradient(chain(), preparer=vqe(), stencil=qep.symmetric(1.5))
    assert any("the bias of β = 1.5" in warning for warning in far.diagnostics.warnings)


def test_the_noise_is_that_of_the_measured_residual() -> None:
    """The residual, less its noise in quadrature, is that of the exact program with the exact tilt."""
    problem, excess, noise = chain(), [], []
    family = Family(problem.frame, problem.hamiltonian_row, problem.cost_rows[0], (0.0, BETA))
    angles = vqe().prepare(Family(problem.frame, problem.hamiltonian_row, problem.cost_rows[0], (0.0,))).angles
    for seed in range(30):
        preparer = vqe(optimizer=Still(), estimator=Noisy(0.03, seed))
        prepared = preparer.prepare(family, free=Prepared((), *[_nothing] * 3, angles=angles), seed=seed)
        assert prepared.angles is not None
        for phase, size in zip(prepared.phases, _residuals(preparer, family, prepared.angles), strict=True):
            assert phase.residual is not None and phase.residual_noise is not None
            excess.append(phase.residual**2 - size**2)
            noise.append(phase.residual_noise**2)
    assert np.sum(excess) == pytest.approx(np.sum(noise), rel=0.3)


def _nothing(*unused: object) -> Any:
    raise AssertionError


def _residuals(preparer: qep.VQE, family: Family, angles: Any) -> list[float]:
    from qep_qiskit.preparation.model import regulariser
    from qep_qiskit.preparation.structures import bound, structure_of

    program, mu = preparer.compiled(family).program, regulariser(preparer.regulariser, family.frame, family.free)
    operators = [bound(structure_of(family), family, p) for p in range(len(angles))]
    centre = annealing_angles(
        [family.frame.labels[i] for i in family.support], family.free[family.support] / family.unit, layers=1
    )
    slopes = [
        program.energy_and_gradient(theta, operator)[1] + mu * (theta - centre)
        for theta, operator in zip(angles, operators, strict=True)
    ]
    return [float(np.linalg.norm(slopes[0])), float(np.linalg.norm(slopes[1] - slopes[0]))]
