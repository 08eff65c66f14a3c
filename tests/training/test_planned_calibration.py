"""Trainings that plan their shots, with readout mitigation: the calibration has as many, but never too few to be of use."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.training.loop import sources

sys.path.insert(0, str(Path(__file__).parents[1] / "statistics"))
from readout_device import ReadoutErrorDevice

X, SIGNS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]), np.array([-1.0, 1.0, 1.0, -1.0])
EDGES = [(i, j) for i in range(5) for j in range(max(i + 1, 2), 5)]
NETWORK = qep.ising(sites=5, edges=EDGES, inputs=[0, 1], outputs=[4], clamp=True)
DEVICE = ReadoutErrorDevice(((0.03, 0.06),) * 3)


def calibrations(monkeypatch, mitigation, **options) -> list[tuple[int, int]]:
    """Return the mean shots per circuit and those of a calibration circuit, step by step."""
    seen = []
    measured = sources.run

    def watched(problems, settings, **keywords):
        rounds = list(measured(problems, settings, **keywords))
        if settings.shots is not None:  # not the noise-free search of the first β
            seen.append(rounds[0][1].calibrations[0].zeros.shots)
        return rounds

    monkeypatch.setattr(sources, "run", watched)
    options = {"epochs": 6, "batch_size": 4, "learning_rate": 0.1, "compare_every": 0, "seed": 0, **options}
    result = qep.train(NETWORK, X, SIGNS, device=DEVICE, mitigation=mitigation, **options)
    return list(zip([row["shots_per_circuit"] for row in result.history], seen, strict=True))


@pytest.mark.parametrize("mitigation", ["tensored", "m3", "trex"])
@pytest.mark.parametrize("rule", [qep.training.PlannedShots(), qep.training.AdaptiveShots(maximum=10)])
def test_calibration_circuits_have_at_least_a_hundred_shots(monkeypatch, rule, mitigation):
    """With two or ten, nearly every training ended with an error, since readout showed no clear signal."""
    first = 2 if isinstance(rule, qep.training.PlannedShots) else 60
    steps = calibrations(monkeypatch, mitigation, optimizer=rule, shots=first)
    assert len(steps) == 6
    assert {calibration for shots, calibration in steps if shots <= 10} <= {100, 104}


@pytest.mark.parametrize("rule", ["planned_shots", "adaptive_shots"])
def test_otherwise_they_follow_the_planned_shots_or_the_given_number(monkeypatch, rule):
    steps = calibrations(monkeypatch, "tensored", optimizer=rule, shots=400, learning_rate=1e-3)
    assert all(calibration == max(100, shots) for shots, calibration in steps)
    given = calibrations(monkeypatch, "tensored", optimizer=rule, shots=20, calibration_shots=150)
    assert {calibration for _, calibration in given} == {150}
