"""Every mitigation over 300 seeds under a readout error of 3 % and 9 %: is it unbiased, and is its error bar true?"""

from __future__ import annotations

import numpy as np
import pytest
from drawn_device import DrawnDevice
from pulls import Repeats, of_weights, repeated, truth_of
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from readout_device import ReadoutErrorDevice

import qep_qiskit as qep

pytestmark = pytest.mark.filterwarnings("ignore:the ansatz does not follow the nudge")  # here only its noise matters
SEEDS = range(300)
DEVICE = ReadoutErrorDevice(((0.03, 0.09),) * 4)
STENCIL = qep.symmetric(0.1)
NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[2, 3])
READOUT = ("tensored", "m3", "trex")


def problem(kind: str) -> qep.Problem:
    target = qep.SquaredError([1.0, -0.5])
    cost = target if kind == "expectations" else target.observable()
    return qep.Problem(NETWORK, NETWORK.initial_weights(seed=7), x=[0.5], cost=cost)


def assert_passes(repeats: Repeats) -> None:
    """Per weight |mean pull| < 0.2, over all weights variance in [0.9, 1.1]; not so with bars scaled by 0.8 or 1.25."""
    print(f"\n{repeats}")
    assert np.abs(repeats.means).max() < 0.2, str(repeats)
    assert 0.9 <= repeats.pooled <= 1.1, str(repeats)
    for factor in (0.8, 1.25):
        assert not 0.9 <= repeats.scaled(factor).pooled <= 1.1, f"bars scaled by {factor} pass too\n{repeats}"


def of(method: str, kind: str, seeds: range = SEEDS, *, shots: int = 4000, calibration_shots: int = 2000) -> Repeats:
    case = problem(kind)
    repeats = repeated(
        case, DEVICE, stencil=STENCIL, shots=shots, mitigation=method, calibration_shots=calibration_shots, seeds=seeds
    )
    return of_weights(repeats, truth_of(case, STENCIL))


@pytest.mark.parametrize("method", [m if m == "trex" else pytest.param(m, marks=pytest.mark.slow) for m in READOUT])
def test_readout_mitigation(method: str) -> None:
    assert_passes(of(method, "observable"))


@pytest.mark.slow
@pytest.mark.parametrize("method", READOUT)
def test_readout_mitigation_of_a_cost_of_expectations(method: str) -> None:
    assert_passes(of(method, "expectations", shots=8000, calibration_shots=4000))


def test_without_mitigation_the_same_pulls_fail() -> None:
    raw = of("none", "observable", range(20), shots=100_000)
    assert np.abs(raw.means).max() > 5


def noisy() -> DrawnDevice:
    """Gate noise of 2 % a two-qubit and 0.1 % a one-qubit gate, and the readout error of 3 % and 9 %."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cx"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.001, 1), ["sx", "x"])
    model.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.09, 0.91]]))
    return DrawnDevice(qep.simulator(noise=model))


def zero_noise(method: str, seeds: range) -> tuple[Repeats, dict[str, float]]:
    """Pulls against the mitigated gradient at infinitely many shots, and how far that, and the raw one, are from no noise."""
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    weights = qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())
    preparer, stencil, device = qep.VQE(layers=1), qep.symmetric(0.3), noisy()
    repeats = repeated(weights, device, stencil=stencil, shots=20_000, mitigation=method, preparer=preparer, seeds=seeds)
    readout = method.split("+")[1] if "+" in method else "trex"
    limits = {
        m: qep.gradient(weights, preparer=preparer, stencil=stencil, device=device, mitigation=m)
        for m in (method, readout, "none")
    }
    exact = truth_of(weights, stencil, preparer).values
    bias = {m: float(np.linalg.norm(limits[m].values - exact) / np.linalg.norm(exact)) for m in limits}
    print(f"\n{method}: infinite shots off by {bias[method]:.2%}, {readout} alone {bias[readout]:.2%}, raw {bias['none']:.2%}")
    # what treats the gates takes away their errors, which the readout's mitigation alone leaves
    assert bias[method] < bias[readout] / 3
    return of_weights(repeats, limits[method]), bias


@pytest.mark.slow  # quickly: TestClifford of the mitigators' contract, and tests/equilibrium/test_clifford_calibration
@pytest.mark.parametrize("method", ["zne+tensored", "clifford"])
def test_zero_noise(method: str) -> None:
    repeats, bias = zero_noise(method, SEEDS)
    assert_passes(repeats)
    assert bias[method] < bias["none"] / 3


@pytest.mark.slow
@pytest.mark.parametrize("method", ["zne:richardson:1,3+tensored", "zne:exponential+tensored", "zne:two_qubit+m3", "zne+trex"])
def test_zero_noise_in_every_form(method: str) -> None:
    repeats, bias = zero_noise(method, SEEDS)
    assert_passes(repeats)
    assert bias[method] < bias["none"] / 3
