"""The responses of several samples' angles, as rows of one array, against those of each alone."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.errors import PreparationError
from qep_qiskit.preparation.ansatz_response import AnsatzResponses
from qep_qiskit.preparation.local_response import local_response
from qep_qiskit.preparation.model import regulariser
from qep_qiskit.preparation.response import Member, respond
from qep_qiskit.preparation.structures import structure_for
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


def chain(sites: int, g: float = 1.5) -> qep.Problem:
    network = qep.ising(sites=sites, edges="chain", inputs=[0, 1], outputs=[sites // 2])
    weights = [g if name[0] == "g" else 0.4 for name in network.names]
    return qep.Problem(network, weights, x=[0.5, -0.5], cost=qep.SquaredError([1.0]))


def test_local_expectations_give_the_response_of_a_state_vector():
    problem, vqe = chain(11), qep.VQE(layers=2, simulation="light_cones")
    family = free_family(problem)
    free = vqe.prepare(family)
    mu, theta = regulariser(vqe.regulariser, family.frame, family.free), free.angles[0]
    local = local_response(family, vqe.compiled(family), theta, mu, np.zeros_like(theta))
    nudge, strings = 0.7 * problem.cost_rows[0], problem.frame.strings
    near, whole = local(nudge), free.response(nudge)
    scale = np.abs(whole.changes(strings)).max()
    np.testing.assert_allclose(near.changes(strings), whole.changes(strings), rtol=0, atol=1e-5 * scale)
    np.testing.assert_allclose(near.changes(strings[1:4]), whole.changes(strings)[1:4], rtol=0, atol=1e-5 * scale)
    moved = np.linalg.norm(_moved_state(vqe.compiled(family).program, free.angles[0], near, family, nudge))
    assert moved / 2 < near.reach < moved * (1 + 1e-6)  # a lower bound, and not far below


def _moved_state(program, theta, response, family, nudge):
    """2 × the part of dψ/dβ across ψ, by differences of states re-optimised by one Newton step each."""
    mu = regulariser(qep.VQE().regulariser, family.frame, family.free)
    strings = structure_for(family.frame.paulis)
    curvature = program.hessian(theta, strings.bind(family.free)) + mu * np.eye(len(theta))
    moved = -np.linalg.solve(curvature, program.energy_and_gradient(theta, strings.bind(nudge))[1])
    step = 1e-4 / np.abs(moved).max()
    state = program.state(theta)
    change = (program.state(theta + step * moved) - program.state(theta - step * moved)) / (2 * step)
    return 2 * (change - np.vdot(state, change) * state)


def test_beta_and_its_bias_are_known_beyond_state_vectors():
    problem, vqe = chain(30, g=3.0), qep.VQE(layers=2)
    adapted = qep.gradient(problem, preparer=vqe)
    bias = adapted.diagnostics.beta_bias
    assert 0.0 < bias["relative"] < 0.01
    wide, limit = qep.gradient(problem, preparer=vqe, stencil=qep.symmetric(0.3)), np.asarray(bias["limit"])
    bias = wide.diagnostics.beta_bias
    np.testing.assert_allclose(np.asarray(bias["values"]), wide.values - limit, rtol=0, atol=2e-4 * np.abs(limit).max())
    tiny = qep.gradient(problem, preparer=qep.VQE(layers=2, tolerance=1e-5), stencil=qep.symmetric(0.01))
    np.testing.assert_allclose(limit, tiny.values, rtol=0, atol=2e-4 * np.abs(limit).max())


def test_a_saddle_has_no_response():
    problem, vqe = chain(25), qep.VQE(layers=1)
    family = free_family(problem)
    compiled = vqe.compiled(family)
    zeros = np.zeros(compiled.evaluator.num_parameters)
    with pytest.raises(PreparationError, match="saddle"):
        local_response(family, compiled, zeros, 1e-4, zeros)(problem.cost_rows[0])


class Quadratic:
    """The slopes of E = ½ θᵀ H θ for one symmetric H per row, given as rows of coefficients."""

    def energies_and_gradients(self, thetas, rows):
        curved = np.einsum("rij,rj->ri", rows.reshape(len(rows), 2, 2), thetas)
        return 0.5 * np.einsum("ri,ri->r", thetas, curved), curved


def test_angles_that_curve_downwards_are_left_to_the_hessian():
    hessians = np.array([[[2.0, 0.3], [0.3, 1.0]], [[-1.0, 0.2], [0.2, 1.5]], [[1e-20, 0.0], [0.0, 0.0]]])
    slopes = np.array([[0.4, -0.7], [1.0, 0.1], [1.0, 0.0]])
    responses = AnsatzResponses(
        Quadratic(), None, hessians.reshape(3, 4), np.zeros((3, 2)), np.zeros(3), [None] * 3, [np.eye(2)] * 3
    )
    moved, settled = responses._iterated(np.arange(3), slopes)
    assert settled.tolist()[:2] == [True, False] and np.isfinite(moved).all()
    np.testing.assert_allclose(moved[0], -np.linalg.solve(hessians[0], slopes[0]), rtol=1e-4)


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize(("sites", "simulation"), [(3, "statevector"), (3, "light_cones"), (16, "light_cones")])
def test_an_ansatz_that_cannot_respond_keeps_the_usual_beta(sites, simulation):
    """Rounding errors in the slope of the cost, divided by the regulariser, are no response. Phases alone do not turn |+…+⟩."""
    network = qep.ising(sites=sites, edges="chain", inputs=[0], outputs=[sites - 1])
    weights = [(-1.0) ** k if name[0] == "J" else 0.0 for k, name in enumerate(network.names)]
    problems = [qep.Problem(network, weights, x=[x], cost=qep.SquaredError([0.4])) for x in (0.5, -0.3)]
    options = {"preparer": qep.VQE(layers=2, simulation=simulation), "progress": "off"}
    for result in (qep.gradient(problems[0], **options), *qep.gradients(problems, **options)):
        assert 0.01 < result.diagnostics.phases[-1].beta <= 0.1
        assert np.abs(result.values).max() < 1e-9
        assert not [warning for warning in result.diagnostics.warnings if "β = " in warning and "β = 0 " not in warning]
