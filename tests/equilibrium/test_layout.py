"""Qubits chosen by the predicted error of the gradient, the same for all of its circuits."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.compilation import compile_with
from qep_qiskit.equilibrium.all_rounds import compile_rounds, rounds_of
from qep_qiskit.equilibrium.compiled_round import compile_round
from qep_qiskit.equilibrium.execution import execute_all
from qep_qiskit.equilibrium.importance import by_distance, importance_of
from qep_qiskit.equilibrium.plan import plan
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.settings import Settings


def problem_of(sites=5, edges="chain", seed=3, output=0, **options):
    network = qep.ising(sites=sites, edges=edges, outputs=[output], **options)
    return qep.Problem(network, network.initial_weights(seed=seed), cost=qep.SquaredError([1.0]).observable())


def planned(problem, device=None, mitigation="none", **options):
    settings = Settings(preparer=qep.VQE(layers=2), stencil=qep.symmetric(0.3), device=device, mitigation=mitigation, **options)
    return plan(problem, settings)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_gradient_is_better_than_on_the_transpilers_qubits(seed):
    device = qep.fake("guadalupe")
    first = planned(problem_of(seed=seed), device)
    exact = reduce(first, *execute_all([first], qep.statevector())).values
    layout = compile_round([first], device).layout
    assert layout.usual.qubits == compile_with(backend_of(device), first.prepared.circuits()[0].circuit, None).start
    errors = {}
    for qubits in (layout.qubits, layout.usual.qubits):
        placed = planned(problem_of(seed=seed, qubits=qubits), device)
        [outcomes] = execute_all([placed], device)
        assert outcomes.start == qubits
        errors[qubits] = np.linalg.norm(reduce(placed, outcomes).values - exact) / np.linalg.norm(exact)
    assert errors[layout.qubits] <= 1.05 * errors[layout.usual.qubits]
    assert layout.chosen.error() == pytest.approx(errors[layout.qubits], rel=0.35)
    assert layout.usual.error() == pytest.approx(errors[layout.usual.qubits], rel=0.35)


def test_all_rounds_and_bases_share_the_qubits():
    device = qep.fake("guadalupe")
    network = qep.ising(sites=4, edges="chain", outputs=[3])
    problem = qep.Problem(network, network.initial_weights(seed=3), cost=qep.SquaredError([1.0]))
    one, two = compile_rounds(rounds_of(planned(problem, device, "tensored", shots=100)), device)
    assert one.layout is not None and two.layout is None
    assert one.deal.start == two.deal.start == one.layout.qubits
    assert {item.work.compiled.start for item in (*one.data, *two.data)} == {one.layout.qubits}
    assert set(one.deal.calibrated) == set(one.layout.qubits)


def test_a_batch_shares_qubits_that_depend_on_no_sample():
    device = qep.fake("guadalupe")
    first, second = (planned(problem_of(seed=seed), device) for seed in (1, 2))
    both = compile_round([first, second], device)
    assert {item.work.compiled.start for item in both.data} == {both.layout.qubits}
    assert compile_round([second, first], device).layout.qubits == both.layout.qubits
    assert compile_round([second], device, shared=True).layout.qubits == both.layout.qubits


def test_importance_is_the_gradient_or_falls_with_the_distance_from_the_outputs():
    first = planned(problem_of(sites=4))
    gradient = reduce(first, *execute_all([first], qep.statevector())).values
    sizes = importance_of(first, shared=False)
    labels = first.problem.frame.labels
    for name, label in {"h[0]": "IIIZ", "g[2]": "IXII", "J[0,1]": "IIZZ"}.items():
        assert sizes[labels.index(label)] == pytest.approx(abs(gradient[first.problem.network.names.index(name)]), rel=1e-6)
    structural = by_distance(first.problem)
    values = [structural[labels.index(label)] for label in ("IIIZ", "IIZZ", "IIZI", "IZII")]
    np.testing.assert_allclose(values, [1.0, 0.5**0.5, 0.5, 0.25])
    np.testing.assert_array_equal(importance_of(first, shared=True), structural)


def test_qubits_that_the_user_gave_are_kept_and_judged():
    device = qep.fake("torino")
    problem = problem_of(sites=4, qubits=[57, 58, 59, 60])
    layout = compile_round([planned(problem, device)], device).layout
    assert layout.qubits == (57, 58, 59, 60) and layout.given
    [note] = layout.notes
    assert "57–58" in note and "network.qubits" in note
    free = compile_round([planned(problem_of(sites=4), device)], device).layout
    assert not free.notes and not free.given and free.chosen.error() < layout.chosen.error()


def test_all_mitigations_are_measured_on_the_same_qubits():
    device = qep.fake("guadalupe")
    plans = [planned(problem_of(), device, mitigation, shots=100) for mitigation in ("none", "tensored", "zne")]
    assert len({compile_round([each], device).deal.start for each in plans}) == 1
