"""Degenerate ground states: allowed where every state of the level answers alike, refused elsewhere."""

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

import qep_qiskit as qep
from qep_qiskit.errors import DegenerateGroundStateError, NudgeWarning


def string(letter, *sites, qubits):
    return "".join(letter if site in sites else "I" for site in reversed(range(qubits)))


def bond(i, j, qubits):
    """S_i · S_j times four, which rotations of all spins leave alone."""
    return {string(letter, i, j, qubits=qubits): 1.0 for letter in "XYZ"}


def heisenberg(qubits, outputs=None, **more):
    terms = {f"J{i}": bond(i, i + 1, qubits) for i in range(qubits - 1)}
    return qep.pauli(terms={**terms, **more}, outputs=outputs or [bond(0, 1, qubits)])


def dense_loss(network, weights, target):
    """Return (⟨O⟩ − y)² with ⟨O⟩ averaged over the states of the ground level."""
    problem = qep.Problem(network, weights, cost=qep.SquaredError([target]))
    energies, vectors = np.linalg.eigh(problem.hamiltonian.to_matrix())
    level = vectors[:, energies - energies[0] < 1e-9]
    output = SparsePauliOp(list(network.outputs[0].paulis.to_labels()), network.outputs[0].coeffs).to_matrix()
    return (np.trace(level.conj().T @ output @ level).real / level.shape[1] - target) ** 2


def dense_gradient(network, weights, target, step=1e-4):
    moves = step * np.eye(len(weights))
    return np.array(
        [(dense_loss(network, weights + m, target) - dense_loss(network, weights - m, target)) / (2 * step) for m in moves]
    )


@pytest.mark.parametrize(("qubits", "seed"), [(3, 0), (3, 1), (5, 2)])
def test_the_doublet_of_an_odd_heisenberg_chain_has_the_dense_gradient(qubits, seed):
    network = heisenberg(qubits)
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, qubits - 1)
    truth = dense_gradient(network, weights, -2.0)
    problem = qep.Problem(network, weights, cost=qep.SquaredError([-2.0]))
    exact = qep.exact_gradient(problem)
    np.testing.assert_allclose(exact.values, truth, atol=1e-6)
    gradient = qep.gradient(problem, stencil=qep.symmetric(0.01))
    assert np.linalg.norm(gradient.values - truth) < 1e-3 * np.linalg.norm(truth)
    assert gradient.diagnostics.gap == pytest.approx(exact.diagnostics.gap) and gradient.diagnostics.gap > 0.5
    assert gradient.diagnostics.warnings == ()
    one_sided = qep.gradient(problem, stencil=qep.one_sided(1e-4))
    np.testing.assert_allclose(one_sided.values, truth, atol=1e-2)


def test_every_state_of_the_level_answers_alike_with_shots_and_after_a_ramp():
    network = heisenberg(3)
    problem = qep.Problem(network, [1.0, 0.7], cost=qep.SquaredError([-2.0]))
    truth = qep.exact_gradient(problem).values
    shots = qep.gradient(problem, stencil=qep.symmetric(0.1), device=qep.statevector(), shots=40_000, seed=1)
    assert (np.abs(shots.values - truth) < 5 * shots.stderr).all()
    ramps = [{"IIZ": 1.0, "IZI": -1.0, "ZII": 1.0}, {"IIX": -1.0, "IXI": 1.0, "XII": -1.0}]
    for initial in ramps:
        ramp = qep.Adiabatic(time=60.0, steps=600, initial=initial)
        values = qep.gradient(problem, stencil=qep.symmetric(0.01), preparer=ramp).values
        assert np.linalg.norm(values - truth) < 0.03 * np.linalg.norm(truth)


@pytest.mark.parametrize(
    ("network", "cost", "read"),
    [
        (heisenberg(3, outputs=[{"IIZ": 1.0}]), qep.SquaredError([0.5]), "IIZ, which is read, differs"),
        (heisenberg(3, h={"ZII": 1.0}), qep.SquaredError([0.5]), "ZII, which is read, differs"),
        (heisenberg(3), qep.ObservableCost({"IXI": 1.0}), "IXI, which is read, differs"),
        # one of two states responds to the nudge, the other does not
        (
            qep.pauli(terms={"J": {"IZ": -1.0}}, outputs=[{"IZ": 1.0}]),
            qep.ObservableCost({"IX": 0.5, "ZX": 0.5}),
            "leaves 1 of them",
        ),
    ],
    ids=["output", "weight", "cost", "response"],
)
def test_answers_that_differ_are_refused(network, cost, read):
    weights = [0.0 if name == "h" else 1.0 for name in network.names]
    problem = qep.Problem(network, weights, cost=cost)
    with pytest.raises(DegenerateGroundStateError, match="degenerate") as caught:
        qep.gradient(problem, stencil=qep.symmetric(0.1))
    assert read in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(DegenerateGroundStateError, match="degenerate"):
        qep.exact_gradient(problem)


def test_a_ramp_to_states_that_answer_differently_is_warned_of():
    problem = qep.Problem(heisenberg(3, outputs=[{"IIZ": 1.0}]), [1.0, 0.7], cost=qep.SquaredError([0.5]))
    ramp = qep.Adiabatic(time=20.0, steps=200, initial={"IIZ": 1.0, "IZI": -1.0, "ZII": 1.0})
    with pytest.warns(NudgeWarning, match="the ramp ends in one of them"):
        qep.gradient(problem, stencil=qep.symmetric(0.05), preparer=ramp)


def test_a_network_trains_through_a_degenerate_level():
    network = heisenberg(3)
    result = qep.train(network, np.zeros((1, 0)), np.array([-2.2]), weights=[1.0, 0.7], epochs=3, stencil=qep.symmetric(0.05))
    losses = [entry["loss"] for entry in result.history]
    assert losses[-1] < losses[0]
