"""Exact distributions of noisy circuits on many wires, as joint distributions of the few qubits that are read."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.devices.simulated import device as simulated
from qep_qiskit.devices.simulated import light_cones
from qep_qiskit.errors import InputError
from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.simulation.cones import balls, noisy

RAMP = qep.Adiabatic(time=2.0, steps=2)
COSTS = {"two": qep.SquaredError([1.0, -0.5]), "one": qep.SquaredError([1.0, -0.5]).observable()}


def chain(sites, cost="two"):
    network = qep.ising(sites=sites, edges="chain", inputs=[0, 1], outputs=[sites - 2, sites - 1])
    return qep.Problem(network, network.initial_weights(seed=3), x=[0.5, -0.5], cost=COSTS[cost])


@pytest.fixture
def small_states(monkeypatch):
    """Take marginals beyond 4 wires already."""
    monkeypatch.setattr(simulated, "MOST_WIRES", 4)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize(
    ("cost", "mitigation"),
    [("two", "none"), ("one", "tensored"), ("two", "trex"), ("one", "m3"), ("one", "zne:exponential:1,3+tensored")],
)
def test_the_gradient_at_infinite_shots_is_that_of_whole_distributions(monkeypatch, cost, mitigation):
    options = {"preparer": RAMP, "device": qep.fake("guadalupe"), "stencil": qep.symmetric(0.2), "mitigation": mitigation}
    whole = qep.gradient(chain(5, cost), **options)
    monkeypatch.setattr(simulated, "MOST_WIRES", 4)
    local = qep.gradient(chain(5, cost), **options)
    tolerance = {"m3": 1e-6, "trex": 1e-4}.get(mitigation, 1e-10)  # single precision, and a product of attenuations
    np.testing.assert_allclose(local.values, whole.values, rtol=0, atol=tolerance)
    np.testing.assert_allclose(local.predictions, whole.predictions, rtol=0, atol=tolerance)
    assert np.abs(whole.values).max() > 1e-3 and local.stderr is None
    assert local.provenance["device"]["simulator"] == light_cones.NAME
    assert whole.provenance["device"]["simulator"] != light_cones.NAME
    assert local.provenance["circuits"] == whole.provenance["circuits"]
    assert local.provenance["layout"] == whole.provenance["layout"]


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_a_cone_too_large_takes_the_density_matrix_as_long_as_it_fits(monkeypatch, small_states):
    monkeypatch.setattr(noisy, "MOST_LEGS", 1)
    options = {"preparer": RAMP, "device": qep.fake("guadalupe"), "stencil": qep.symmetric(0.2)}
    assert qep.gradient(chain(5), **options).provenance["device"]["simulator"] != light_cones.NAME
    monkeypatch.setattr(light_cones, "MOST_DENSE", 4)
    monkeypatch.setattr(noisy, "BALL_WORK", 1)
    with pytest.raises(InputError, match=r"fake_guadalupe cannot .* with noise in a light cone of \d wires"):
        qep.gradient(chain(5), **options)


@pytest.fixture
def balls_of_one(monkeypatch, small_states):
    """Cut all light cones to balls of radius 1."""
    monkeypatch.setattr(light_cones, "MOST_DENSE", 4)
    monkeypatch.setattr(balls, "MOST_RADIUS", 1)
    monkeypatch.setattr(noisy.NoisyMarginals, "fits", lambda self, wires: False)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize(("cost", "mitigation"), [("two", "none"), ("one", "tensored"), ("one", "zne:exponential:1,3+tensored")])
def test_balls_state_their_error_in_gradients_forecasts_and_budgets(cost, mitigation, request):
    options = {"preparer": RAMP, "device": qep.fake("torino"), "stencil": qep.symmetric(0.2), "mitigation": mitigation}
    problem = chain(7, cost)
    truth = qep.gradient(problem, **options).values
    request.getfixturevalue("balls_of_one")
    gradient = qep.gradient(problem, **options)
    stated = gradient.diagnostics.uncertainty
    assert gradient.provenance["device"]["simulator"].endswith(light_cones.CUT)
    assert any("cut to balls with a radius of 1" in text and "not a bound" in text for text in gradient.diagnostics.warnings)
    assert 0 < np.linalg.norm(gradient.values - truth) < 0.3 * np.linalg.norm(stated) < 0.3 * np.linalg.norm(truth)
    forecast = qep.forecast(problem, **options, shots=1000)
    assert "cut to balls" in forecast.method
    causes = forecast.causes
    assert np.linalg.norm(causes.mitigation.uncertainty) == pytest.approx(np.linalg.norm(stated), rel=0.3)  # of other joint balls
    assert "±" in str(causes.device) and "±" in str(causes.mitigation)
    assert causes.finite_beta.uncertainty is None and causes.prepared.uncertainty is None
    budget = qep.compare(problem, **options, shots=None)
    rung = budget["device" if mitigation == "none" else "mitigated_limit"]
    np.testing.assert_allclose(rung.uncertainty, stated, atol=1e-9)
    assert "cut to balls" in rung.note and "uncertain by" in rung.note
    assert budget["prepared"].uncertainty is None


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_the_budget_of_sixteen_sites_knows_its_device_noise():
    budget = qep.compare(chain(16), preparer=RAMP, device=qep.fake("guadalupe"), stencil=qep.symmetric(0.2), shots=None)
    rungs = {rung.name: rung for rung in budget.rungs}
    assert rungs["device"].values is not None
    assert 0 < np.linalg.norm(rungs["device"].values - rungs["prepared"].values) < np.linalg.norm(rungs["prepared"].values)


def test_a_list_of_all_outcomes_is_refused():
    samples = LocalSamples(shots=None, num_qubits=50, marginals=None, rows=np.zeros(1, int))
    with pytest.raises(TypeError, match="the outcomes of 50 qubits are too many to list"):
        _ = samples.outcomes
