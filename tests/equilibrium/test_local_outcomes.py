"""Expectations of noisy circuits at infinitely many shots, where the distribution of all outcomes does not fit."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.devices.simulated import light_cones
from qep_qiskit.equilibrium import local_outcomes
from qep_qiskit.errors import InputError
from qep_qiskit.simulation.cones import noisy

RAMP = qep.Adiabatic(time=2.0, steps=2)


def chain(sites, cost=None):
    network = qep.ising(sites=sites, edges="chain", inputs=[0, 1], outputs=[sites - 2, sites - 1])
    return qep.Problem(network, network.initial_weights(seed=3), x=[0.5, -0.5], cost=cost or qep.SquaredError([1.0, -0.5]))


@pytest.fixture
def small_states(monkeypatch):
    """Compute string by string beyond 4 wires already."""
    monkeypatch.setattr(local_outcomes, "MOST_WIRES", 4)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize("cost", [qep.SquaredError([1.0, -0.5]), qep.SquaredError([1.0, -0.5]).observable()], ids=["two", "one"])
def test_the_gradient_is_that_of_the_distributions(monkeypatch, cost):
    options = {"preparer": RAMP, "device": qep.fake("guadalupe"), "stencil": qep.symmetric(0.2)}
    whole = qep.gradient(chain(6, cost), **options)
    monkeypatch.setattr(local_outcomes, "MOST_WIRES", 4)
    local = qep.gradient(chain(6, cost), **options)
    np.testing.assert_allclose(local.values, whole.values, rtol=0, atol=1e-10)
    np.testing.assert_allclose(local.predictions, whole.predictions, rtol=0, atol=1e-11)
    assert np.abs(whole.values).max() > 1e-3 and local.stderr is None
    assert local.provenance["device"]["simulator"] == light_cones.NAME
    assert local.provenance["circuits"] == whole.provenance["circuits"]
    assert local.provenance["layout"] == whole.provenance["layout"]


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_a_mitigation_takes_the_distributions(small_states):
    result = qep.gradient(
        chain(5), preparer=RAMP, device=qep.fake("guadalupe"), stencil=qep.symmetric(0.2), mitigation="tensored"
    )
    assert result.provenance["device"]["simulator"] != light_cones.NAME


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_a_cone_too_large_takes_the_density_matrix_as_long_as_it_fits(monkeypatch, small_states):
    monkeypatch.setattr(noisy, "MOST_LEGS", 1)
    options = {"preparer": RAMP, "device": qep.fake("guadalupe"), "stencil": qep.symmetric(0.2)}
    assert qep.gradient(chain(5), **options).provenance["device"]["simulator"] != light_cones.NAME
    monkeypatch.setattr(local_outcomes, "MOST_DENSE", 4)
    with pytest.raises(InputError, match=r"fake_guadalupe cannot .* with noise in a light cone of \d wires"):
        qep.gradient(chain(5), **options)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_the_budget_of_sixteen_sites_knows_its_device_noise():
    budget = qep.compare(chain(16), preparer=RAMP, device=qep.fake("guadalupe"), stencil=qep.symmetric(0.2), shots=None)
    rungs = {rung.name: rung for rung in budget.rungs}
    assert rungs["device"].values is not None
    assert 0 < np.linalg.norm(rungs["device"].values - rungs["prepared"].values) < np.linalg.norm(rungs["prepared"].values)
