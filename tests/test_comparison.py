"""The error budget: which rungs there are, and what each holds."""

from __future__ import annotations

import json

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.comparison import TITLES, Climb

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.4], cost=qep.SquaredError([1.0]))
VQE = qep.VQE(layers=1, starts=1)


def test_noisy_device_fills_every_rung() -> None:
    budget = qep.compare(PROBLEM, preparer=VQE, device=qep.aer(noise="fake_manila", seed=4), shots=2000, mitigation="tensored")
    assert [rung.name for rung in budget.rungs] == list(TITLES)
    assert all(rung.values is not None for rung in budget.rungs)
    exact = qep.exact_gradient(PROBLEM).values
    size = np.linalg.norm(exact)
    before = exact
    for rung in budget.rungs:
        assert rung.values is not None
        assert rung.relative_error == pytest.approx(np.linalg.norm(rung.values - exact) / size)
        assert rung.added is None or rung.added == pytest.approx(np.linalg.norm(rung.values - before) / size)
        before = rung.values
    assert budget["prepared"].stderr is None
    z = budget["shots"].z
    assert z is not None and z == pytest.approx((budget["shots"].values - exact) / budget["shots"].stderr)
    assert budget["finite_beta"].values == pytest.approx(qep.gradient(PROBLEM).values, abs=1e-9)
    restored = json.loads(json.dumps(budget.to_dict(), allow_nan=False))
    assert restored["diagnostics"]["gap"] > 0 and restored["provenance"]["versions"]["qiskit"]


def test_rungs_that_do_not_apply_say_why() -> None:
    budget = qep.compare(PROBLEM)
    notes = {rung.name: rung.note for rung in budget.rungs if rung.values is None}
    assert set(notes) == {"device", "shots", "mitigated"}
    assert notes["device"] == "statevector adds no noise" and notes["shots"] == "no shots were asked for"


def test_infinite_shots_is_what_many_shots_tend_to() -> None:
    device = qep.aer(noise="fake_manila", seed=8)
    budget = qep.compare(PROBLEM, preparer=VQE, device=device, stencil=qep.symmetric(0.5), shots=400_000)
    device_rung, shots = budget["device"], budget["shots"]
    assert device_rung.values is not None and shots.stderr is not None
    pulls = (shots.values - device_rung.values) / shots.stderr
    assert np.abs(pulls).max() < 4.5


def test_a_stopped_climb_keeps_its_rungs() -> None:
    climb = Climb(PROBLEM, shots=100)
    steps = climb.rungs()
    next(steps), next(steps)
    assert [rung.name for rung in climb.budget().rungs] == ["exact", "finite_beta"]
