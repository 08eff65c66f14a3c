"""Networks against Hamiltonians built by hand from Kronecker products."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.networks.edges import connected_to, edges_of
from qep_qiskit.networks.frame import frame_of

PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0, -1.0]),
}


def on(n: int, letters: dict[int, str]) -> np.ndarray:
    # qubit 0 is the last Kronecker factor
    return functools.reduce(np.kron, [PAULI[letters.get(q, "I")] for q in reversed(range(n))])


def test_ising_hamiltonian_is_the_written_one() -> None:
    network = qep.ising(sites=4, edges=[[0, 1], [1, 2], [3, 1]], inputs=[3, 0], outputs=[2])
    assert network.names[:3] == ("J[0,1]", "J[1,2]", "J[1,3]")
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=network.num_weights), rng.normal(size=2)
    J, h, g = w[:3], w[3:7], w[7:]
    expected = -J[0] * on(4, {0: "Z", 1: "Z"}) - J[1] * on(4, {1: "Z", 2: "Z"}) - J[2] * on(4, {1: "Z", 3: "Z"})
    expected = expected - sum(h[i] * on(4, {i: "Z"}) + g[i] * on(4, {i: "X"}) for i in range(4))
    expected = expected - x[0] * on(4, {3: "Z"}) - x[1] * on(4, {0: "Z"})
    np.testing.assert_allclose(network.hamiltonian(w, x).to_matrix(), expected, atol=1e-12)


def test_clamped_inputs_are_not_qubits() -> None:
    network = qep.ising(sites=4, edges="ring", inputs=[0, 2], outputs=[3], clamp=True)
    assert network.num_qubits == 2
    assert network.names == ("J[0,1]", "J[1,2]", "J[2,3]", "J[0,3]", "h[1]", "h[3]", "g[1]", "g[3]")
    w, x = np.arange(1.0, 9.0), np.array([0.3, -0.7])
    z1, z3 = on(2, {0: "Z"}), on(2, {1: "Z"})
    expected = -(w[0] * x[0] + w[1] * x[1]) * z1 - (w[2] * x[1] + w[3] * x[0]) * z3 - w[4] * z1 - w[5] * z3
    expected = expected - w[6] * on(2, {0: "X"}) - w[7] * on(2, {1: "X"})
    np.testing.assert_allclose(network.hamiltonian(w, x).to_matrix(), expected, atol=1e-12)


def test_pauli_network_ties_weights_and_scales_terms_by_inputs() -> None:
    network = qep.pauli(
        terms={"gX": {"XI": -1, "IX": -2}, "k": ({"ZZ": 0.5}, 1)},
        fixed={"YY": 0.25},
        inputs=[{"ZI": 1.5}, None],
        outputs=[{"IZ": 1}, {"ZI": 1, "XX": -1}],
    )
    assert network.names == ("gX", "k") and network.num_inputs == 2 and network.num_outputs == 2
    expected = 0.25 * on(2, {0: "Y", 1: "Y"}) + 0.7 * (-on(2, {1: "X"}) - 2 * on(2, {0: "X"}))
    expected = expected + 0.4 * 3.0 * 0.5 * on(2, {0: "Z", 1: "Z"}) + 2.0 * 1.5 * on(2, {1: "Z"})
    np.testing.assert_allclose(network.hamiltonian([0.7, 0.4], [2.0, 3.0]).to_matrix(), expected, atol=1e-12)


def test_a_problem_holds_everything_over_one_frame() -> None:
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(seed=2), x=[0.4], cost=qep.SquaredError([1.0]))
    hamiltonian = problem.frame.operator(problem.hamiltonian_row)
    np.testing.assert_allclose(hamiltonian.to_matrix(), network.hamiltonian(problem.weights, problem.x).to_matrix(), atol=1e-12)
    for k, term in enumerate(network.terms):
        np.testing.assert_allclose(problem.frame.operator(problem.derivative_rows[k]).to_matrix(), term.operator.to_matrix())
    other = qep.Problem(network, network.initial_weights(seed=3), x=[0.1], cost=qep.SquaredError([0.0]))
    assert other.frame is problem.frame


def test_initial_weights_depend_on_the_seed_and_the_name_alone() -> None:
    network = qep.ising(sites=3, edges="chain", outputs=[2])
    first, again, other = (network.initial_weights(seed=s) for s in (1, 1, 2))
    assert first == again != other
    assert all(0.5 <= first[f"g[{i}]"] <= 1.5 for i in range(3))


def test_an_unknown_weight_is_refused_with_the_nearest_name() -> None:
    network = qep.ising(sites=3, edges="chain", outputs=[2])
    with pytest.raises(InputError, match=r"this network has no weight 'J\[0,2\]'; did you mean"):
        network.weight_vector({**network.initial_weights(), "J[0,2]": 1.0})


@pytest.mark.parametrize(("kind", "count"), [("chain", 6), ("ring", 7), ("complete", 21), ("heavy-hex", None)])
def test_named_graphs(kind: str, count: int | None) -> None:
    edges = edges_of(kind, 7)
    assert all(0 <= i < j < 7 for i, j in edges) and len(set(edges)) == len(edges)
    assert connected_to([0], edges, 7) == set(range(7))
    assert count is None or len(edges) == count


@pytest.mark.parametrize("sites", [1, 2, 5, 12, 19, 57, 127])
def test_heavy_hex_is_connected_and_of_degree_three(sites: int) -> None:
    edges = edges_of("heavy-hex", sites)
    degree = np.bincount(np.array(edges, dtype=int).ravel(), minlength=sites) if edges else np.zeros(sites)
    assert degree.max() <= 3
    assert connected_to([0], edges, sites) == set(range(sites))


def test_ring_of_two_has_one_edge() -> None:
    assert edges_of("ring", 2) == ((0, 1),)


def test_frame_collects_strings_once() -> None:
    operators = [SparsePauliOp(["XI", "ZZ"], [1.0, 2.0]), SparsePauliOp(["ZZ", "II"], [3.0, -1.0])]
    frame = frame_of(operators)
    assert frame.labels == ("XI", "ZZ", "II")
    np.testing.assert_array_equal(frame.matrix, [[1, 2, 0], [0, 3, -1]])
    assert frame.busy.tolist() == [True, True, False]


def test_output_that_no_input_reaches_is_refused() -> None:
    with pytest.raises(InputError, match="site 3 is disconnected from every input"):
        qep.ising(sites=4, edges=[[0, 1], [2, 3]], inputs=[0], outputs=[3])
