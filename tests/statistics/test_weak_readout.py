"""Are error bars true where readout hardly distinguishes 0 from 1, so that corrections divide by an uncertain small number?"""

from __future__ import annotations

import numpy as np
import pytest
from pulls import repeated, truth_of
from readout_device import ReadoutErrorDevice

import qep_qiskit as qep
from qep_qiskit.errors import InputError

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())
STENCIL = qep.symmetric(0.3)
METHODS = ("tensored", "m3", "trex")


def gradients(method: str, flip: float, calibration_shots: int, seeds: range) -> list[qep.Gradient]:
    device = ReadoutErrorDevice(((flip, flip),) * 3)
    options = {"shots": 1000, "mitigation": method, "calibration_shots": calibration_shots, "seeds": seeds}
    return repeated(PROBLEM, device, stencil=STENCIL, **options)


@pytest.mark.parametrize(("method", "flip"), [("tensored", 0.4), ("m3", 0.4), ("trex", 0.2)])
def test_the_bars_are_true_if_the_signal_is_eight_standard_deviations(method, flip):
    """The limits fail for bars scaled by 0.8 or 1.25."""
    results, truth = gradients(method, flip, 1000, range(300)), truth_of(PROBLEM, STENCIL).values
    bars = np.sqrt(np.mean([g.stderr**2 for g in results]))
    errors = np.sqrt(np.mean([(g.values - truth) ** 2 for g in results]))
    assert 0.9 < bars / errors < 1.12, bars / errors
    assert 0.8 * bars / errors < 0.9 and 1.25 * bars / errors > 1.12


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("flip", "calibration_shots"), [(0.4, 60), (0.45, 150), (0.48, 1000)])
def test_a_signal_of_less_than_four_standard_deviations_is_refused(method, flip, calibration_shots):
    """Otherwise outliers make the rms bar 1.4 to 3 times as long as the rms error."""
    for seed in range(20):
        with pytest.raises(
            InputError, match=r"carries no clear signal .* ± .* give more calibration_shots, or choose other qubits"
        ):
            gradients(method, flip, calibration_shots, range(seed, seed + 1))
