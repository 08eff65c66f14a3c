"""Predictions from marginals: the mean and every circuit's part of the variance, as from whole distributions."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.devices.simulated import device as simulated
from qep_qiskit.devices.simulated import light_cones
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting import expected
from qep_qiskit.forecasting.prediction import Predictor
from qep_qiskit.measurement.split import Split
from qep_qiskit.settings import Settings
from qep_qiskit.simulation.cones import noisy

CASES = [
    ("two", "none", 1e-9),
    ("one", "tensored", 1e-7),
    ("two", "tensored", 1e-7),
    ("one", "m3", 1e-5),
    ("two", "trex", 1e-3),  # sets of flips that are equal on a string are one stratum
    ("two", "clifford", 1e-3),
    ("one", "zne:1,3+trex", 1e-3),
    ("two", "zne:exponential:1,3+tensored", 1e-7),
]


def problem(cost, sites=5):
    network = qep.ising(sites=sites, edges="chain", inputs=[0], outputs=[2, sites - 1])
    squares = qep.SquaredError([1.0, -0.5])
    cost = squares if cost == "two" else squares.observable()
    return qep.Problem(network, network.initial_weights(seed=3), x=[0.5], cost=cost)


def settings(mitigation="none", **options):
    given = {"preparer": qep.VQE(layers=1), "stencil": qep.symmetric(0.3), "device": qep.fake("guadalupe"), **options}
    return Settings(mitigation=mitigation, **{"shots": 1000, **given})


def predicted(*args):
    return Predictor(problem(args[0]), settings(args[1])).at(qep.symmetric(0.3))


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize(("cost", "mitigation", "tolerance"), CASES)
def test_marginals_give_the_mean_and_the_variances_of_whole_distributions(monkeypatch, cost, mitigation, tolerance):
    whole = predicted(cost, mitigation)
    monkeypatch.setattr(simulated, "MOST_WIRES", 4)
    local = predicted(cost, mitigation)
    assert local.local and not whole.local
    np.testing.assert_allclose(local.mean.values, whole.mean.values, rtol=0, atol=max(tolerance, 1e-9) * 1e-1)
    scale = np.abs(whole.parts).max()
    np.testing.assert_allclose(local.parts, whole.parts, rtol=tolerance, atol=tolerance * scale)
    np.testing.assert_allclose(local.calibration, whole.calibration, rtol=0, atol=2e-2 * whole.calibration.max(initial=0))
    if cost == "two":  # the error signal's share, in which strings of the free phase combine
        assert whole.parts[0].max() > 0


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize(("cost", "mitigation"), [("one", "tensored"), ("two", "none"), ("two", "trex")])
def test_simulated_shots_give_the_correlations_of_whole_distributions(monkeypatch, cost, mitigation):
    whole = predicted(cost, mitigation)
    monkeypatch.setattr(simulated, "MOST_WIRES", 4)
    local = predicted(cost, mitigation)
    split = Split((3000 * whole.measured).tolist(), calibration=None if mitigation == "none" else 3000)
    variances = whole.variances(split.table.astype(float), 3000)
    exact, simulations = whole.covariance(split, variances), local.covariance(split, variances)
    np.testing.assert_allclose(np.diag(simulations), variances)
    spread = np.sqrt(np.outer(variances, variances))
    np.testing.assert_allclose(simulations / spread, exact / spread, atol=0.1)
    assert np.abs(exact / spread - np.eye(len(spread))).max() > 0.3


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_variances_of_rare_events_are_those_of_each_string_alone(monkeypatch):
    """With whole distributions, the pseudo-shots know the correlations of all strings; both are much smaller than the scatter."""
    whole = predicted("one", "tensored")
    monkeypatch.setattr(simulated, "MOST_WIRES", 4)
    local = predicted("one", "tensored")
    np.testing.assert_allclose(local.unseen.sum(axis=-1), whole.unseen.sum(axis=-1), rtol=0.2)
    shots = np.full(whole.measured.shape, 200.0)
    np.testing.assert_allclose(local.variances(shots, 200.0), whole.variances(shots, 200.0), rtol=0.02)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_a_covariance_whose_cone_is_too_large_is_bounded(monkeypatch):
    monkeypatch.setattr(simulated, "MOST_WIRES", 4)

    def one_sided():
        two_layers = settings(stencil=qep.one_sided(0.3), preparer=qep.VQE(layers=2))
        return Predictor(problem("two"), two_layers).at(qep.one_sided(0.3))

    exact = one_sided()
    fits = noisy.NoisyMarginals.fits
    monkeypatch.setattr(noisy.NoisyMarginals, "fits", lambda self, wires: len(wires) < 3 and fits(self, wires))
    bounded = one_sided()
    assert (bounded.parts >= exact.parts - 1e-9).all()
    assert bounded.parts[0].sum() > 1.01 * exact.parts[0].sum()


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_beta_shots_and_target_are_planned_from_marginals(monkeypatch):
    def planned(**more):
        given = {k: v for k, v in vars(settings()).items() if k in ("preparer", "device")}
        return qep.forecast(problem("one"), **{**given, "mitigation": "tensored", **more})

    options = {"stencil": qep.symmetric("auto"), "shots": qep.optimal_shots(1000)}
    whole = planned(**options)
    monkeypatch.setattr(simulated, "MOST_WIRES", 4)
    local = planned(**options)
    assert "light cones" in local.method and local.stencil.beta == whole.stencil.beta
    np.testing.assert_allclose(local.split.table, whole.split.table, rtol=0.01)
    np.testing.assert_allclose(local.stderr, whole.stderr, rtol=0.01)
    local = planned(stencil=qep.symmetric(0.2), target_error=0.3)
    assert local.accuracy.relative_error == pytest.approx(0.3, rel=1e-2)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_what_does_not_fit_is_bounded_or_refused_with_the_reason(monkeypatch):
    monkeypatch.setattr(simulated, "MOST_WIRES", 4)
    monkeypatch.setattr(light_cones, "MOST_DENSE", 4)
    monkeypatch.setattr(noisy, "MOST_LEGS", 1)
    options = {"preparer": qep.VQE(layers=1), "device": qep.fake("guadalupe")}
    assert "worst case" in qep.forecast(problem("one"), stencil=qep.symmetric(0.3), shots=1000, **options).method
    with pytest.raises(InputError, match=r'"auto" needs .* a light cone of \d wires'):
        qep.forecast(problem("one"), stencil=qep.symmetric("auto"), shots=1000, **options)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_noise_free_devices_are_predicted_from_light_cones_too(monkeypatch):
    noise_free = settings("none", device=qep.simulator())
    whole = Predictor(problem("one"), noise_free).at(qep.symmetric(0.3))
    monkeypatch.setattr(expected, "COMPARED_QUBITS", 4)
    monkeypatch.setattr(simulated, "MOST_WIRES", 4)
    local = Predictor(problem("one"), noise_free).at(qep.symmetric(0.3))
    assert local.local and not whole.local
    np.testing.assert_allclose(local.mean.values, whole.mean.values, rtol=0, atol=1e-10)
    np.testing.assert_allclose(local.parts, whole.parts, rtol=0, atol=1e-8)
