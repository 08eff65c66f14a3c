"""Layers on the mock service, by the real client: two of them share a run, and a stopped program pays nothing twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.jax import layer
from qep_qiskit.runs import turning_points
from qep_qiskit.runs.calls import calls_of
from qep_qiskit.runs.file.store import RunStore

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])


class Ended(BaseException):
    """The end of a process."""


def step(folder):
    """One step of gradient descent through two layers: the loss and the slopes."""
    options = {"device": qep.ibm("ibm_lagos"), "run": folder, "shots": 100, "stencil": qep.symmetric(0.3)}
    first, second = layer(NETWORK, seed=1, **options), layer(NETWORK, seed=2, **options)
    weights = jnp.asarray(NETWORK.weight_vector([1.0, 0.2, -0.1, 1.0, 0.8]))
    samples = jnp.linspace(-1, 1, 64)[:, None]

    def loss(one, other):
        return jnp.mean(second(other, first(one, samples)) ** 2)

    value, slopes = jax.value_and_grad(loss, (0, 1))(weights, weights)
    return np.concatenate([[value], *slopes])


def test_two_layers_share_a_run_and_a_stopped_program_resumes(mock_service, tmp_path, monkeypatch):
    service = mock_service(noise="none").service

    def end(name):
        if name == "submit call 3 job 1: sent, id not written":
            raise Ended

    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "1")
    monkeypatch.setattr(turning_points, "observer", end)
    with pytest.raises(Ended):
        step(tmp_path / "run")
    assert len(service.ledger()["jobs"]) == 3
    monkeypatch.setattr(turning_points, "observer", turning_points.ignore)
    resumed = step(tmp_path / "run")
    assert len(service.ledger()["jobs"]) == 4  # each layer once forward and once backward, 64 samples in one job
    np.testing.assert_array_equal(step(tmp_path / "run"), resumed)
    assert len(service.ledger()["jobs"]) == 4
    with RunStore.open(tmp_path / "run") as store:
        assert calls_of(store)["answered"] == 4
        assert {job.state for job in store.jobs()} == {"done"}
