"""A batch whose states are worked out together against single calls."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.families import free_family
from qep_qiskit.equilibrium.prediction import answers
from qep_qiskit.preparation.capabilities import Capabilities
from qep_qiskit.preparation.preparer import each
from qep_qiskit.progress import silent
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import Stencil


def batch(count: int) -> list[qep.Problem]:
    network = qep.ising(sites=4, edges="ring", inputs=[0, 1], outputs=[2, 3])
    rng = np.random.default_rng(0)
    weights = network.initial_weights(1)
    squared = [qep.SquaredError([0.5, -0.5]), qep.SquaredError([1.0, 0.0])]
    costs = [*squared, squared[0].observable()] * count
    return [qep.Problem(network, weights, x=rng.uniform(-1, 1, 2), cost=cost) for cost in costs[:count]]


@pytest.mark.parametrize("stencil", [qep.symmetric(0.2), qep.one_sided(0.1)], ids=["symmetric", "one-sided"])
def test_a_batch_of_mixed_costs_is_its_samples_alone(stencil):
    problems = batch(7)
    options = {"preparer": qep.Adiabatic(time=5, steps=20), "stencil": stencil}
    for problem, gradient in zip(problems, qep.gradients(problems, **options), strict=True):
        alone = qep.gradient(problem, **options)
        np.testing.assert_allclose(gradient.values, alone.values, atol=1e-11)
        assert gradient.loss == pytest.approx(alone.loss, abs=1e-12)
        for ours, theirs in zip(gradient.diagnostics["phases"], alone.diagnostics["phases"], strict=True):
            assert ours["energy"] == pytest.approx(theirs["energy"], abs=1e-11)


def test_error_bars_of_a_batch_are_those_of_single_calls():
    problems = batch(6)
    options = {"preparer": qep.Adiabatic(time=5, steps=20), "device": qep.simulator(seed=3), "shots": 200_000}
    for number, (problem, gradient) in enumerate(zip(problems, qep.gradients(problems, **options), strict=True)):
        alone = qep.gradient(problem, seed=number, **options)
        np.testing.assert_allclose(gradient.stderr, alone.stderr, rtol=0.03)
        assert (np.abs(gradient.values - alone.values) < 5 * np.hypot(gradient.stderr, alone.stderr)).all()


def test_a_batch_names_the_sample_that_is_invalid():
    with pytest.raises(qep.InputError, match="problem: 3"):
        qep.gradients([*batch(2), 3], preparer=qep.Adiabatic())


@dataclass(frozen=True)
class Counted(qep.Exact):
    """Exact states that are prepared together and that record every call."""

    supports: ClassVar[Capabilities] = replace(qep.Exact.supports, together=True)
    calls: ClassVar[list[tuple[int, list[bool], list[bool], int]]] = []

    def prepare_all(self, families, *, free=None, warm_start=None, seed=0, progress=silent):
        given = [[start is not None for start in each(starts, len(families))] for starts in (free, warm_start)]
        self.calls.append((len(families), *given, seed))
        return super().prepare_all(families, free=free, warm_start=warm_start, seed=seed, progress=progress)


NEITHER = [False] * 3


@pytest.mark.parametrize("stencil", [qep.symmetric(0.2), qep.symmetric("adaptive")], ids=["fixed", "adaptive"])
def test_a_round_of_a_batch_is_one_call_of_the_preparer(stencil):
    problems, reports = batch(3), []
    Counted.calls.clear()
    options = {"preparer": Counted(), "stencil": stencil, "seed": 5}
    first = qep.gradients(problems, progress=lambda stage, share=None: reports.append((stage, share)), **options)
    rounds = [(3, NEITHER, NEITHER, 5), (2, [True] * 2, [False] * 2, 5)]  # the third sample's cost needs no second round
    if not isinstance(stencil, Stencil):
        rounds.insert(1, (1, [True], [False], 5))
    assert Counted.calls == rounds
    assert any("2 of 3" in stage for stage, _ in reports)
    assert all(share is None or 0 <= share <= 1 for _, share in reports)
    Counted.calls.clear()
    qep.gradients(problems, warm_start=[first[0], None, first[2]], **options)
    assert Counted.calls[0] == (3, NEITHER, [True, False, True], 5)
    for problem, gradient in zip(problems, first, strict=True):
        np.testing.assert_allclose(gradient.values, qep.gradient(problem, **options).values, atol=1e-8)


def test_predictions_of_a_batch_are_one_call_of_the_preparer():
    problems, settings = batch(3), Settings(preparer=Counted(), seed=5)
    Counted.calls.clear()
    free = [problem_free(problem) for problem in problems[:2]]
    found = answers(problems, settings, warm_start=[*free, None])
    assert Counted.calls == [(3, NEITHER, [True, True, False], 5)]
    for problem, answer in zip(problems, found, strict=True):
        np.testing.assert_allclose(answer.predictions, qep.gradient(problem).predictions, atol=1e-9)


def problem_free(problem):
    return qep.Exact().prepare(free_family(problem))


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_diagnostics_of_a_batch_are_those_of_single_calls():
    """The true ground states of a batch are computed together: the same distances and warnings to a few digits."""
    network = qep.ising(sites=4, edges="ring", inputs=[0], outputs=[3])
    rng = np.random.default_rng(4)
    costs = [qep.SquaredError([0.3]), qep.SquaredError([0.9]).observable(), qep.SquaredError([-0.5]), qep.SquaredError([0.1])]
    problems = [
        qep.Problem(network, rng.normal(size=network.num_weights), x=[x], cost=cost)
        for x, cost in zip((0.4, -0.2, 0.9, -1.0), costs, strict=True)
    ]
    for preparer in (qep.VQE(layers=1, starts=1), qep.Adiabatic(time=1, steps=10)):
        options = {"preparer": preparer, "stencil": qep.symmetric(0.2), "seed": 1}
        for problem, gradient in zip(problems, qep.gradients(problems, **options), strict=True):
            together, alone = gradient.diagnostics, qep.gradient(problem, **options).diagnostics
            assert [text[:40] for text in together.warnings] == [text[:40] for text in alone.warnings]
            assert together.beta_bias["relative"] == pytest.approx(alone.beta_bias["relative"], rel=1e-3)
            ours, theirs = together.more["ground_state"], alone.more["ground_state"]
            assert ours.keys() == theirs.keys()
            assert {k: v for k, v in ours.items() if v is not None} == pytest.approx(
                {k: v for k, v in theirs.items() if v is not None}, rel=0.01, abs=1e-7
            )
