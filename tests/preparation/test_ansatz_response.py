"""The responses of several samples' angles, as rows of one array, against those of each alone."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.preparation.ansatz_response import AnsatzResponses
from qep_qiskit.preparation.response import Member, respond
from qep_qiskit.preparation.variational import regulariser
from qep_qiskit.simulation.batched.program import BatchedProgram


@pytest.fixture(
    scope="module", params=[(a, known) for a in ("hamiltonian", "real_amplitudes") for known in (False, True)], ids=str
)
def batch(request):
    ansatz, nearly_known = request.param
    network = qep.ising(sites=3, edges="ring", inputs=[0], outputs=[2])
    weights, vqe = network.initial_weights(seed=2), qep.VQE(ansatz, layers=2, starts=1, tolerance=1e-5)
    problems = [qep.Problem(network, weights, x=[x], cost=qep.SquaredError([0.4])) for x in (-0.6, 0.1, 0.7)]
    families = [free_family(problem) for problem in problems]
    states = [vqe.prepare(family, seed=1) for family in families]
    frame = families[0].frame
    inverses = None
    if nearly_known:  # inverses that a descent has learnt, of angles that are not quite the right ones, and none for the last
        known = [
            vqe.prepare(free_family(problem), warm_start=s, seed=1).carried for problem, s in zip(problems, states, strict=True)
        ]
        inverses = [*(1.1 * inverse for inverse in known[:2]), None]
        assert all(inverse.shape == 2 * states[0].angles.shape[1:] for inverse in inverses[:2])
    responses = AnsatzResponses(
        BatchedProgram(vqe.compiled(families[0]).circuit, frame.paulis),
        frame,
        np.array([family.free for family in families]),
        np.array([state.angles[0] for state in states]),
        np.array([regulariser(vqe.regulariser, frame, family.free) for family in families]),
        [state.response for state in states],
        inverses,
    )
    return problems, states, responses.members()


def test_they_are_the_responses_alone(batch):
    problems, states, members = batch
    nudges = [scale * problem.cost_rows[0] for problem, scale in zip(problems, (0.5, -1.0, 0.0), strict=True)]
    together = respond({k: (member, nudge) for k, (member, nudge) in enumerate(zip(members, nudges, strict=True))})
    assert sorted(together) == [0, 1, 2]
    for k, (state, nudge) in enumerate(zip(states, nudges, strict=True)):
        for alone in (state.response(nudge), members[k](nudge)):
            strings = problems[k].frame.strings
            np.testing.assert_allclose(together[k].changes(strings), alone.changes(strings), atol=1e-5)
            np.testing.assert_allclose(together[k].changes(strings[1:3]), alone.changes(strings[1:3]), atol=1e-5)
            assert together[k].reach == pytest.approx(alone.reach, rel=0.02)
            assert together[k].of == alone.of and together[k].searched
            assert together[k].details["slope"] == pytest.approx(alone.details["slope"], rel=1e-6)
            assert together[k].details["flat_share"] == pytest.approx(alone.details["flat_share"], abs=1e-3)


def test_only_members_of_one_batch_are_computed_together(batch):
    problems, states, members = batch
    nudge = problems[0].cost_rows[0]
    assert isinstance(members[0], Member)
    assert respond({0: (members[0], nudge), 1: (states[1].response, nudge), 2: (None, nudge)}) == {}
    assert list(respond({4: (members[1], nudge), 7: (members[2], nudge)})) == [4, 7]


def test_light_cones_give_the_response_of_a_state_vector():
    network = qep.ising(sites=9, edges="chain", inputs=[0, 1], outputs=[5])
    weights = [1.5 if name[0] == "g" else 0.4 for name in network.names]
    problem = qep.Problem(network, weights, x=[0.5, -0.5], cost=qep.SquaredError([1.0]))
    cones, states = (
        qep.variational_gradient(problem, qep.VQE(layers=2, simulation=simulation))
        for simulation in ("light_cones", "statevector")
    )
    np.testing.assert_allclose(cones.values, states.values, rtol=0, atol=1e-6 * np.abs(states.values).max())
