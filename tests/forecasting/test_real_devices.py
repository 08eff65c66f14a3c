"""Plans for devices that only measure: the noise of their present calibration, on the qubits that will be used."""

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2

import qep_qiskit as qep
from qep_qiskit.rehearsal.server import serve


def problem():
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    return qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())


OPTIONS = {"preparer": qep.Adiabatic(steps=3, time=2.0), "stencil": qep.symmetric(0.2), "shots": 2000, "mitigation": "tensored"}


def test_an_ibm_device_is_planned_like_its_snapshot(monkeypatch):
    with serve() as server:
        monkeypatch.setenv("QEP_RUNTIME_URL", server.url)
        real = qep.plan(problem(), device=qep.ibm("ibm_torino"), **OPTIONS)
    twin = qep.plan(problem(), device=qep.fake("fake_torino"), **OPTIONS)
    assert np.allclose(real.stderr, twin.stderr, rtol=0.02)
    assert real.sending.seconds == pytest.approx(twin.sending.seconds, rel=0.05)


def test_any_backend_is_planned_with_the_noise_that_it_reports():
    noisy = qep.plan(problem(), device=GenericBackendV2(4, seed=1, noise_info=True), **OPTIONS)
    assert np.all(noisy.stderr > 0)
    assert noisy.device_error > 0
