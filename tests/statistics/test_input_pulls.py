"""Is the error bar of dL/dx true? Pulls of inputs that are fields, clamped values, forces and Pauli operators."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pulls import Repeats, assert_honest, of_weights, repeated
from readout_device import ReadoutErrorDevice

import qep_qiskit as qep

FLIPS = ((0.03, 0.09),) * 4
FIELDS = qep.ising(sites=4, edges="ring", inputs=[0, 1], outputs=[2, 3])
CLAMPED = qep.ising(sites=5, edges=[(0, 2), (1, 2), (0, 3), (2, 3), (3, 4)], inputs=[0, 1], outputs=[2, 4], clamp=True)
FORCES = qep.oscillators(sites=2, inputs=[0], outputs=[1], levels=4, encoding="gray")
PAULI = qep.pauli(
    terms={"gX": {"XII": -1, "IXI": -1}, "c": ({"ZZI": -1.0}, 0), "d": {"IIX": -1, "ZIZ": 0.3}},
    fixed={"ZII": -0.3, "IZZ": 0.4},
    inputs=[{"IYI": 0.5, "IIZ": 1}, {"XXI": 0.2}],
    outputs=[{"IIZ": 1}, {"ZZI": 0.5}],
)
PULLED, SQUARED = qep.LinearCost([0.7, -1.2]), qep.SquaredError([1.0, -0.5])
CASES = {
    "fields": (FIELDS, [0.3, -0.4], PULLED, "none"),
    "fields, two rounds, tensored": (FIELDS, [0.3, -0.4], SQUARED, "tensored"),
    "clamped": (CLAMPED, [0.3, -0.4], PULLED, "none"),
    "clamped, two rounds": (CLAMPED, [0.3, -0.4], SQUARED, "none"),
    "pauli": (PAULI, [0.5, 0.2], PULLED, "none"),
    "pauli, two rounds": (PAULI, [0.5, 0.2], SQUARED, "none"),
    "forces on qubits": (FORCES, [1.0], qep.LinearCost([0.8]), "none"),
}
QUICK = ("clamped, two rounds",)


def problem_of(network: qep.Network, x: list[float], cost: object) -> qep.Problem:
    weights = [0.5, 1.0, 1.2] if network is FORCES else network.initial_weights(seed=3)
    return qep.Problem(network, weights, x=x, cost=cost, input_gradient=True)  # type: ignore[arg-type]


def of_inputs(gradients: list[qep.Gradient], truth: qep.Gradient) -> Repeats:
    names = tuple(f"x[{i}]" for i in range(len(truth.input_values)))
    return Repeats(
        names, np.array([g.input_values for g in gradients]), np.array([g.input_stderr for g in gradients]), truth.input_values
    )


def of_input_sums(gradients: list[qep.Gradient], truth: qep.Gradient) -> Repeats:
    """Return a combination of the inputs, whose error bar needs their covariance."""
    direction = np.resize([1.0, -0.6], len(truth.input_values))
    return Repeats(
        ("combination",),
        np.array([[direction @ g.input_values] for g in gradients]),
        np.array([[np.sqrt(direction @ g.input_covariance @ direction)] for g in gradients]),
        np.array([direction @ truth.input_values]),
    )


@pytest.mark.parametrize("case", [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CASES])
def test_pulls_of_the_inputs(case: str) -> None:
    network, x, cost, mitigation = CASES[case]
    problem = problem_of(network, x, cost)
    stencil = qep.symmetric(0.01 if case == "pauli, two rounds" else 0.2)  # there, a large β leads to another state
    device = qep.statevector() if mitigation == "none" else ReadoutErrorDevice(FLIPS)
    repeats = repeated(problem, device, stencil=stencil, shots=1000, mitigation=mitigation, calibration_shots=500)
    truth = qep.gradient(problem, stencil=stencil)
    assert_honest(of_inputs(repeats, truth), pooled=False)
    assert_honest(of_input_sums(repeats, truth), pooled=False)
    assert_honest(of_weights(repeats, truth), pooled=False)


@pytest.mark.parametrize("network", [FIELDS, pytest.param(PAULI, marks=pytest.mark.slow)], ids=["fields", "pauli"])
def test_pulls_of_a_pullback_in_one_job(network: qep.Network) -> None:
    """The samples of a batch have independent shots, so a batch of equal samples holds the repeats."""
    weights, x, cotangent, stencil = network.initial_weights(seed=3), [0.5, 0.2], [0.7, -1.2], qep.symmetric(0.2)
    batch = qep.vjp(network, weights, np.tile(x, (800, 1)), cotangent, stencil=stencil, shots=1000, seed=2)
    truth = qep.vjp(network, weights, x, cotangent, stencil=stencil)
    assert batch.weights_stderr is not None and batch.inputs_stderr is not None
    of_x = Repeats(("x[0]", "x[1]"), batch.inputs, batch.inputs_stderr, truth.inputs)
    assert_honest(of_x, pooled=False)
    moved = [k for k, name in enumerate(network.names) if np.ptp(batch.weights[:, k])]
    of_w = dataclasses.replace(of_x, names=network.names, values=batch.weights, errors=batch.weights_stderr, truth=truth.weights)
    assert len(moved) == len(network.names)
    assert_honest(of_w, pooled=False)
