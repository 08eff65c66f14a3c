"""Every cause of bias in a forecast against dense matrices and Aer's density matrices; and the accuracy to expect from it."""

import json

import numpy as np
import pytest
from qiskit.quantum_info import DensityMatrix, Operator, SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

import qep_qiskit as qep
from qep_qiskit.documents import plain
from qep_qiskit.forecasting.accuracy import accuracy

SITES = 4
NETWORK = qep.ising(sites=SITES, edges="chain", inputs=[0], outputs=[3])
WEIGHTS = NETWORK.initial_weights(seed=7)
FLIPS = [(0.02, 0.05), (0.01, 0.03), (0.04, 0.02), (0.03, 0.06)]
STENCIL = qep.symmetric(0.3)
HADAMARD = Operator(np.array([[1, 1], [1, -1]]) / np.sqrt(2))
VQE = qep.VQE(layers=1, starts=1)


def noise_model() -> NoiseModel:
    model = NoiseModel(basis_gates=["cx", "rz", "sx", "x"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), "cx")
    for qubit, (up, down) in enumerate(FLIPS):
        model.add_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]), [qubit])
    return model


def problem_of(cost) -> qep.Problem:
    return qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=cost)


def nudge_of(signal) -> np.ndarray:
    return (SparsePauliOp("ZIII") * signal).to_matrix()


def derivatives() -> list[SparsePauliOp]:
    """∂H/∂w by the definition of the network, without its code: −ZZ, −Z, −X."""
    pairs = [SparsePauliOp.from_sparse_list([("ZZ", [i, i + 1], -1)], SITES) for i in range(SITES - 1)]
    fields = [SparsePauliOp.from_sparse_list([(letter, [i], -1)], SITES) for letter in "ZX" for i in range(SITES)]
    return pairs + fields


def ground_state(beta, signal) -> np.ndarray:
    matrix = sum(w * d.to_matrix() for w, d in zip(WEIGHTS.values(), derivatives(), strict=True))
    matrix = matrix + SparsePauliOp.from_sparse_list([("Z", [0], -0.5)], SITES).to_matrix() + beta * nudge_of(signal)
    return np.ascontiguousarray(np.linalg.eigh(matrix)[1][:, 0])


def output(state) -> float:
    return float(np.real(state.conj() @ nudge_of(1.0) @ state))


def of_states(at) -> np.ndarray:
    """The stencil of the expectations in the states `at(β)`."""
    sums = np.zeros(len(derivatives()))
    for beta, factor in zip(STENCIL.betas, STENCIL.factors, strict=True):
        sums += factor * np.array([np.real(Statevector(at(beta)).expectation_value(d)) for d in derivatives()])
    return sums


def limit(signal) -> np.ndarray:
    """The derivative at β → 0 by perturbation theory in the eigenbasis."""
    matrix = sum(w * d.to_matrix() for w, d in zip(WEIGHTS.values(), derivatives(), strict=True))
    matrix = matrix + SparsePauliOp.from_sparse_list([("Z", [0], -0.5)], SITES).to_matrix()
    energies, vectors = np.linalg.eigh(matrix)
    pulled = vectors.conj().T @ nudge_of(signal) @ vectors[:, 0]
    change = vectors[:, 1:] @ (pulled[1:] / (energies[0] - energies[1:]))
    return np.array([2 * np.real(change.conj() @ d.to_matrix() @ vectors[:, 0]) for d in derivatives()])


def noisy_values(state_circuit, *, corrected) -> np.ndarray:
    """⟨∂H/∂w⟩ of a circuit in Aer's density matrix, with flipped outcomes, and with the flips inverted qubit by qubit."""
    compiled = qep.simulator(noise=noise_model()).compile(state_circuit).circuit.copy()
    compiled.save_density_matrix()
    aer = AerSimulator(method="density_matrix", noise_model=noise_model())
    state = DensityMatrix(aer.run(compiled).result().data()["density_matrix"])
    values = []
    for derivative in derivatives():
        label, factor = derivative.to_list()[0]  # one string each
        qubits = [SITES - 1 - place for place, letter in enumerate(label) if letter != "I"]
        turned = state.evolve(HADAMARD, qubits) if "X" in label else state
        observable = np.array([1.0])
        for qubit in range(SITES):  # qubit 0 is the last factor of the Kronecker product
            up, down = FLIPS[qubit]
            flips = np.array([[1 - up, down], [up, 1 - down]])
            read = np.array([1.0, -1.0]) @ (np.eye(2) if corrected else flips) if qubit in qubits else np.ones(2)
            observable = np.kron(read, observable)
        values.append(np.real(factor) * float(turned.probabilities() @ observable))
    return np.array(values)


def options(**more):
    return {"preparer": VQE, "stencil": STENCIL, "device": qep.simulator(noise=noise_model()), "shots": 4000, **more}


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize("mitigation", ["none", "tensored"])
def test_every_cause_is_the_difference_of_two_dense_calculations(mitigation):
    problem = problem_of(qep.SquaredError([1.0]).observable())  # C = 2 − 2 Z
    forecast = qep.forecast(problem, **options(mitigation=mitigation))
    circuits = {c.metadata["beta"]: c for c in qep.circuits(problem, preparer=VQE, stencil=STENCIL)}
    nudged = of_states(lambda beta: ground_state(beta, -2.0))
    prepared = of_states(lambda beta: Statevector(circuits[beta]).data)

    def on_device(corrected):
        return sum(
            f * noisy_values(circuits[b], corrected=corrected) for b, f in zip(STENCIL.betas, STENCIL.factors, strict=True)
        )

    causes = forecast.causes
    close = {"atol": 2e-6, "rtol": 0}
    np.testing.assert_allclose(causes.finite_beta.bias, nudged - limit(-2.0), **close)
    np.testing.assert_allclose(causes.prepared.bias, prepared - nudged, **close)
    np.testing.assert_allclose(causes.device.bias, on_device(False) - prepared, **close)
    np.testing.assert_allclose(causes.mitigation.bias, on_device(mitigation == "tensored") - prepared, **close)
    np.testing.assert_allclose(sum(cause.bias for cause in causes), forecast.bias, atol=1e-12)
    assert max(cause.share for cause in causes) > causes.prepared.share / 2 > 0
    assert np.linalg.norm(causes.device.bias) > np.linalg.norm(causes.mitigation.bias) or mitigation == "none"


def test_every_cause_of_a_cost_of_expectations_is_a_step_of_the_error_budget():
    problem = problem_of(qep.SquaredError([1.0]))
    asked = options(mitigation="tensored", stencil=qep.symmetric(0.15), preparer=qep.Adiabatic(time=2.0, steps=3))
    causes = qep.forecast(problem, **asked).causes
    levels = [qep.compare(problem, **{**asked, "shots": None, "mitigation": "none"})[name].values for name in RUNGS]
    for cause, before, after in zip((causes.finite_beta, causes.prepared, causes.device), levels, levels[1:], strict=False):
        np.testing.assert_allclose(cause.bias, after - before, atol=1e-7)


RUNGS = ("exact", "finite_beta", "prepared", "device")


def test_json_holds_every_cause_with_its_share():
    forecast = qep.forecast(problem_of(qep.SquaredError([1.0]).observable()), **options(mitigation="tensored"))
    document = json.loads(json.dumps(plain(forecast.to_dict())))
    total = sum(np.array(document["causes"][name]["bias"]) for name in ("finite_beta", "prepared", "mitigation"))
    np.testing.assert_allclose(total, document["bias"], atol=1e-12)
    assert document["causes"]["device"]["share"] == pytest.approx(
        np.linalg.norm(document["causes"]["device"]["bias"]) / document["gradient_norm"]
    )
    assert document["causes"]["prepared"]["share_uncertainty"] == 0.0
    assert 0 < document["expected"]["sign_agreement"] <= 1 and 0 < document["expected"]["cosine"] < 1


@pytest.mark.parametrize("noise", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("weights", [6, 40])
def test_spread_cosine_and_signs_are_those_of_simulated_gradients(noise, weights):
    rng = np.random.default_rng(3)
    exact = rng.normal(size=weights) * np.geomspace(1, 0.01, weights)
    mean = exact * 0.9 + 0.02 * rng.normal(size=weights)
    root = rng.normal(size=(weights, weights)) * np.geomspace(1, 0.2, weights)
    root *= noise * np.linalg.norm(exact) / np.linalg.norm(root)
    expected = accuracy(exact, mean, root @ root.T)
    gradients = mean + rng.normal(size=(40_000, weights)) @ root.T
    errors = np.linalg.norm(gradients - exact, axis=1) / np.linalg.norm(exact)
    cosines = gradients @ exact / np.linalg.norm(gradients, axis=1) / np.linalg.norm(exact)
    assert expected.relative_error == pytest.approx(np.sqrt(np.mean(errors**2)), rel=0.02)
    assert expected.spread == pytest.approx(np.std(errors), rel=0.04)
    assert expected.cosine == pytest.approx(np.mean(cosines), abs=0.01)
    assert expected.sign_agreement == pytest.approx(np.mean(np.sign(gradients) == np.sign(exact)), abs=0.005)


def test_signs_below_the_uncertainty_of_the_reference_are_not_counted():
    exact, nothing = np.array([1.0, 0.1]), np.zeros((2, 2))
    assert accuracy(exact, np.array([1.0, -0.1]), nothing).sign_agreement == 0.5
    sure = accuracy(exact, np.array([1.0, -0.1]), nothing, np.array([0.0, 0.2]))
    assert sure.sign_agreement == 1.0 and sure.uncertainty == pytest.approx(0.2 / np.hypot(1, 0.1))
    assert sure.margin == sure.uncertainty and sure.spread < 1e-15
