"""Options of exact ground states: the gap can be left out, and then nothing else changes."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import family_of
from qep_qiskit.experiment import load
from qep_qiskit.preparation import exact


def chain():
    network = qep.ising(sites=9, edges="chain", inputs=[0], outputs=[8])
    return qep.Problem(network, network.initial_weights(seed=3), x=[0.7], cost=qep.SquaredError([1.0]))


def test_without_the_gap_the_gradient_is_the_same_and_the_gap_is_absent():
    stencil = qep.symmetric(0.05)
    with_gap = qep.gradient(chain(), preparer=qep.Exact(), stencil=stencil)
    without = qep.gradient(chain(), preparer=qep.Exact(gap=False), stencil=stencil)
    assert np.abs(with_gap.values - without.values).max() < 1e-7
    assert with_gap.diagnostics["gap"] > 0
    assert without.diagnostics["gap"] is None


def test_tolerance_bounds_the_error():
    reference = qep.gradient(chain(), preparer=qep.Exact(tolerance=1e-10), stencil=qep.symmetric(0.1)).values
    loose = qep.gradient(chain(), preparer=qep.Exact(tolerance=1e-5), stencil=qep.symmetric(0.1)).values
    assert np.abs(loose - reference).max() < 1e-3


@pytest.mark.parametrize("option", [{"gap": 1}, {"tolerance": 0.0}, {"nudge_share": float("nan")}])
def test_bad_options_are_named(option):
    with pytest.raises(qep.InputError, match=next(iter(option))):
        qep.Exact(**option)


def test_the_spec_reaches_both_options(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(
        '[network]\nkind = "ising"\nsites = 2\noutputs = [1]\n[cost]\nkind = "squared_error"\n[sample]\ny = [1.0]\n'
        "[preparation]\ntolerance = 1e-6\ngap = false\n"
    )
    assert load(path).preparer() == qep.Exact(tolerance=1e-6, gap=False)


def batch():
    network = qep.ising(sites=8, edges="ring", inputs=[0], outputs=[7])
    weights = network.initial_weights(seed=3)
    return [qep.Problem(network, weights, x=[x], cost=qep.SquaredError([-1.0])) for x in (-0.9, 0.1, 0.7)]


def spread(problem, betas):
    return family_of(problem, problem.cost_rows[0], betas)


@pytest.mark.parametrize(("tolerance", "angle"), [(1e-8, 1e-7), (1e-3, 1e-3)])
def test_a_batch_without_gaps_has_the_ground_states_of_a_dense_calculation(tolerance, angle):
    preparer = qep.Exact(gap=False, tolerance=tolerance)
    families = [spread(problem, (0.0, -0.4, 0.4)) for problem in batch()]
    together = preparer.prepare_all(families, seed=1)
    again = preparer.prepare_all(families, warm_start=together, seed=2)
    for family, first, second in zip(families, together, again, strict=True):
        for p in range(3):
            energies, vectors = np.linalg.eigh(family.hamiltonian(p).to_matrix())
            for prepared in (first, second):
                overlap = abs(np.vdot(vectors[:, 0], prepared.states()[p]))
                assert np.sqrt(max(0.0, 1 - overlap**2)) <= angle
                assert prepared.phases[p].energy == pytest.approx(energies[0], abs=1e-4 if tolerance > 1e-4 else 1e-9)
                assert prepared.phases[p].gap is None


def test_a_batch_is_computed_together_only_without_gaps(monkeypatch):
    calls = []
    monkeypatch.setattr(exact, "states_together", lambda families, *rest, **options: calls.append(len(families)) or [None] * 3)
    families = [spread(problem, (0.0,)) for problem in batch()]
    for options in ({"gap": True}, {"gap": False, "level": 1}):
        qep.Exact(**options).prepare_all(families)
    assert calls == []
    one_by_one = qep.Exact(gap=False).prepare_all(families)  # what does not converge together is prepared one by one
    assert calls == [3]
    np.testing.assert_allclose(one_by_one[1].phases[0].energy, qep.Exact().prepare(families[1]).phases[0].energy)


def test_gradients_of_a_batch_are_those_of_its_samples_with_the_same_bias():
    options = {"preparer": qep.Exact(gap=False, tolerance=1e-8), "stencil": qep.symmetric(0.8)}
    for problem, gradient in zip(batch(), qep.gradients(batch(), **options), strict=True):
        alone = qep.gradient(problem, **options)
        np.testing.assert_allclose(gradient.values, alone.values, atol=1e-6)
        assert gradient.diagnostics.beta_bias["relative"] > 1e-3
        assert gradient.diagnostics.beta_bias["relative"] == pytest.approx(alone.diagnostics.beta_bias["relative"], rel=0.02)


@pytest.mark.parametrize("sites", [3, 11])
def test_batches_of_other_sizes_are_prepared_in_turn(sites):
    network = qep.ising(sites=sites, edges="chain", inputs=[0], outputs=[sites - 1])
    problems = [qep.Problem(network, network.initial_weights(seed=1), x=[x], cost=qep.SquaredError([1.0])) for x in (0.5, 0.6)]
    options = {"preparer": qep.Exact(gap=False), "stencil": qep.symmetric(0.1)}
    for problem, gradient in zip(problems, qep.gradients(problems, **options), strict=True):
        np.testing.assert_allclose(gradient.values, qep.gradient(problem, **options).values, atol=1e-7)
