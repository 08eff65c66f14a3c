"""Uneven weights, small systems, unconverged estimators and states far from the ground state: right, or told."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import StatevectorEstimator
from qiskit_algorithms.gradients import DerivativeType
from qiskit_algorithms.optimizers import COBYLA

import qep_qiskit as qep
from qep_qiskit.ansatz.names import numbered
from qep_qiskit.costs import softmax_cross_entropy
from qep_qiskit.errors import InputError
from qep_qiskit.simulation.adjoint.primitives import AdjointEstimator, AdjointEstimatorGradient

pytestmark = pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
PAIR = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
PROBLEM = qep.Problem(PAIR, PAIR.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))


def warned(gradient: qep.Gradient, words: str) -> bool:
    return any(words in text for text in gradient.diagnostics["warnings"])


@pytest.mark.parametrize("place", [0, 3, -1])
@pytest.mark.parametrize("sites", [2, 4, 8, 10])
def test_one_huge_weight_is_not_called_degenerate(sites, place):
    network = qep.ising(sites=sites, edges="chain", inputs=[0], outputs=[sites - 1])
    weights = np.array(list(network.initial_weights(seed=1).values()))
    values = []
    for size in (1e5, 1e8):
        weights[place] = size
        values.append(qep.exact_gradient(qep.Problem(network, weights, x=[0.4], cost=qep.SquaredError([0.3]))))
    np.testing.assert_allclose(values[1].values, values[0].values, atol=1e-4)
    weights[place] = 1e15
    with pytest.raises(InputError, match="cannot distinguish from zero .* bring the weights closer together|degenerate"):
        qep.exact_gradient(qep.Problem(network, weights, x=[0.4], cost=qep.SquaredError([0.3])))


@pytest.mark.parametrize("letters", ["XZ", "XYZ"])
@pytest.mark.parametrize("observable", [False, True])
def test_matrix_product_states_of_two_sites(letters, observable):
    rng = np.random.default_rng(len(letters))
    labels = [a + b for a in "I" + letters for b in "I" + letters if a + b != "II"]
    network = qep.pauli(terms={label: {label: 1.0} for label in labels}, outputs=[{"IZ": 1.0}])
    cost = qep.SquaredError([0.4])
    problem = qep.Problem(network, rng.normal(size=len(labels)), cost=cost.observable() if observable else cost)
    options = {"stencil": qep.symmetric(0.05)}
    exact = qep.gradient(problem, **options)
    gradient = qep.gradient(problem, preparer=qep.MPS(bond_dimension=8), **options)
    np.testing.assert_allclose(gradient.values, exact.values, atol=1e-8)
    shots = qep.gradient(problem, preparer=qep.MPS(bond_dimension=2), shots=4000, device=qep.statevector(), seed=1, **options)
    assert np.abs((shots.values - exact.values) / shots.stderr).max() < 5


@pytest.mark.parametrize("estimator", [StatevectorEstimator(), AdjointEstimator()])
def test_an_estimator_that_stops_early_is_reported(estimator):
    angles = numbered(4)
    circuit = QuantumCircuit(2)
    for qubit, (first, second) in enumerate((angles[:2], angles[2:])):
        circuit.ry(first, qubit)
        circuit.rx(second, qubit)
    circuit.cx(0, 1)
    vqe = qep.VQE(ansatz=circuit, estimator=estimator, optimizer=COBYLA(maxiter=40), starts=1)
    gradient = qep.gradient(PROBLEM, preparer=vqe, seed=1, stencil=qep.symmetric(0.2))
    residuals = [phase["residual"] for phase in gradient.diagnostics["phases"]]
    assert (
        max(residuals) > 1e-6
        and warned(gradient, "relative error of the gradient")
        and warned(gradient, "let the optimizer go on longer")
    )
    quiet = qep.gradient(PROBLEM, preparer=qep.VQE(ansatz=circuit, starts=1), seed=1, stencil=qep.symmetric(0.2))
    assert not warned(quiet, "relative error of the gradient")


def test_an_ansatz_that_cannot_reach_the_ground_state_is_reported_with_numbers():
    terms = {"a": {"XY": 1.0}, "b": {"ZI": 0.7}, "c": {"IY": 0.3}, "d": {"XX": 0.2}}
    network = qep.pauli(terms=terms, outputs=[{"IZ": 1}])
    problem = qep.Problem(network, [0.4, 0.3, 0.8, 0.2], cost=qep.SquaredError([0.4]))
    gradient = qep.gradient(problem, preparer=qep.VQE(ansatz=real_amplitudes(2, reps=1), starts=2), seed=1)
    truth, diagnosis = qep.exact_gradient(problem), gradient.diagnostics["ground_state"]
    assert warned(gradient, "far from the ground state") and warned(
        gradient, "the ansatz's own loss, not of the true ground state's"
    )
    above = gradient.diagnostics["phases"][0]["energy"] - truth.diagnostics["phases"][0]["energy"]
    assert diagnosis["energy_above"] == pytest.approx(above) and diagnosis["infidelity"] > qep.VQE().supports.aim.infidelity
    assert diagnosis["gap"] == pytest.approx(truth.diagnostics["gap"]) and diagnosis["variance"] > 0.1


def test_an_ansatz_that_does_not_follow_the_nudge_is_reported():
    preparer = qep.VQE(layers=1, regulariser=1e-6)  # a larger one moves the angles to where they follow a little
    gradient = qep.gradient(PROBLEM, preparer=preparer, stencil=qep.symmetric(1e-3))
    assert np.abs(gradient.values).max() < 1e-4 < np.abs(qep.exact_gradient(PROBLEM).values).max()
    assert warned(gradient, "their gradients differ by 100 %") and gradient.diagnostics["ground_state"]["infidelity"] < 0.01


def test_states_near_the_ground_state_are_not_reported():
    for preparer in (qep.VQE(ansatz=real_amplitudes(2, reps=2), starts=2), qep.Adiabatic(time=20, steps=100)):
        gradient = qep.gradient(PROBLEM, preparer=preparer, seed=1)
        assert not gradient.diagnostics["warnings"]
    ordered = qep.Problem(PAIR, [2.0, 0.5, 0.6, 0.3, 0.3], x=[0.5], cost=qep.SquaredError([0.4]))
    short = qep.gradient(ordered, preparer=qep.Adiabatic(time=0.2, steps=4))
    assert warned(short, "the ramp's own end")


@pytest.mark.parametrize("scale", [1.0, 30.0, 400.0, 1e6])
def test_saturated_cross_entropies(scale):
    for v in (np.array([0.999998, -0.999998]), np.array([0.3, -0.2, 0.999]), np.array([1.0, 1.0, -1.0])):
        z = scale * v
        for label in range(len(v)):
            others = np.logaddexp.reduce(np.delete(z, label) - z[label])  # log of the odds against the label
            cost = softmax_cross_entropy(label, scale=scale)
            assert cost.value(v) == pytest.approx(np.logaddexp(0.0, others), rel=1e-9, abs=1e-300)
            wrong = np.exp(others - np.logaddexp(0.0, others))  # 1 − p of the label, without cancellation
            assert cost.error_signal(v)[label] == pytest.approx(-scale * wrong, rel=1e-9, abs=1e-300)
            assert np.isfinite(cost.curvature(v)).all()
    with pytest.raises(InputError, match="scale: "):
        softmax_cross_entropy(0, scale=float("inf"))


def test_the_gradient_plug_in_takes_our_estimator_and_no_other():
    circuit = QuantumCircuit(1)
    circuit.ry(numbered(1)[0], 0)
    from qiskit.quantum_info import SparsePauliOp

    values = AdjointEstimatorGradient(AdjointEstimator()).run([circuit], [SparsePauliOp("Z")], [[0.4]]).result().gradients[0]
    assert not np.iscomplexobj(values) and values[0] == pytest.approx(-np.sin(0.4))
    assert AdjointEstimatorGradient(DerivativeType.COMPLEX).derivative_type == DerivativeType.COMPLEX
    for other in (StatevectorEstimator(), "real", 3):
        with pytest.raises(InputError, match="AdjointEstimatorGradient: .* is not allowed"):
            AdjointEstimatorGradient(other)


def test_loading_arbitrary_states_on_a_noisy_device_is_reported():
    network = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
    problem = qep.Problem(network, network.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
    options = {"shots": 100, "stencil": qep.symmetric(0.1), "seed": 1}
    gradient = qep.gradient(problem, device=qep.fake("manila", seed=1), **options)
    depth = max(circuit["depth"] for circuit in gradient.provenance["circuits"])
    assert depth > 40 and warned(gradient, f"arbitrary states, here of depth {depth}")
    for preparer, device in ((None, qep.simulator(seed=1)), (qep.Adiabatic(time=3, steps=3), qep.fake("manila", seed=1))):
        assert not warned(qep.gradient(problem, preparer=preparer, device=device, **options), "arbitrary states")


def test_a_long_search_reports_its_evaluations(monkeypatch):
    monkeypatch.setattr("qep_qiskit.preparation.evaluator.EVERY", 0.0)
    network = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
    problem = qep.Problem(network, network.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
    words: list[tuple[str, float | None]] = []
    qep.gradient(problem, preparer=qep.VQE(layers=1, starts=1), progress=lambda stage, share=None: words.append((stage, share)))
    counted = [stage for stage, _ in words if "evaluations so far" in stage]
    assert len(counted) > 20 and any("VQE, nudged phases" in stage for stage in counted)
    assert all(share is None or 0 <= share <= 1 for _, share in words)
