"""plan, execute, reduce: their composition is gradient; rounds, batches, shots and readings."""

import dataclasses
import gc

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

import qep_qiskit as qep
from qep_qiskit.devices import Compiled
from qep_qiskit.devices.statevector import rotated
from qep_qiskit.equilibrium import advance, execute, plan, reduce
from qep_qiskit.equilibrium.execution import execute_all
from qep_qiskit.equilibrium.reduction import observed_free
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.mitigation.mitigation import Mitigation, parse, readable
from qep_qiskit.samples import from_probabilities
from qep_qiskit.settings import Settings

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[1, 2])
WEIGHTS = [0.6, 0.8, 0.1, -0.3, 0.2, 1.0, 0.8, 1.2]
SQUARED = qep.SquaredError([1.0, -0.7])
BETA = 0.1


def problem(cost=SQUARED, x=0.5):
    return qep.Problem(NETWORK, WEIGHTS, x=[x], cost=cost)


def planned(cost=SQUARED, *, stencil=None, x=0.5, **options):
    return plan(problem(cost, x), Settings(stencil=stencil or qep.symmetric(BETA), **options))


def changed(part, **options):
    """The same states, measured in another way."""
    return dataclasses.replace(part, settings=dataclasses.replace(part.settings, **options))


def by_hand(first, device):
    """All rounds, without `gradient`."""
    outcomes = execute(first, device)
    if first.complete:
        return first, outcomes
    second = advance(first, observed_free(first, outcomes))
    return second, outcomes.followed_by(execute(second, device, earlier=outcomes))


def assert_same(gradient, expected, **tolerance):
    np.testing.assert_allclose(gradient.values, expected.values, **tolerance)
    np.testing.assert_allclose(gradient.predictions, expected.predictions, **tolerance)
    assert gradient.loss == pytest.approx(expected.loss, abs=1e-12)
    if expected.stderr is None:
        assert gradient.stderr is gradient.loss_stderr is gradient.predictions_stderr is None
    else:
        np.testing.assert_allclose(gradient.covariance, expected.covariance, **tolerance)


@pytest.mark.parametrize("cost", [SQUARED, SQUARED.observable()], ids=["expectations", "observable"])
@pytest.mark.parametrize("stencil", [qep.one_sided(BETA), qep.symmetric(BETA), qep.extrapolated(BETA / 2)], ids=lambda s: s.kind)
@pytest.mark.parametrize(
    "options",
    [{}, {"shots": 500}, {"shots": 500, "mitigation": "tensored"}, {"shots": 500, "mitigation": "trex"}],
    ids=["exact", "shots", "mitigated", "twirled"],
)
@pytest.mark.parametrize("device", [qep.statevector, qep.simulator], ids=["statevector", "simulator"])
def test_the_composition_is_gradient(cost, stencil, options, device):
    target = device()
    expected = qep.gradient(problem(cost), stencil=stencil, device=target, seed=5, **options)
    composed = reduce(*by_hand(planned(cost, stencil=stencil, seed=5, **options), target))
    assert_same(composed, expected, rtol=0, atol=1e-13)


def test_an_observable_cost_takes_one_round_and_a_cost_of_expectations_two():
    one = planned(SQUARED.observable())
    assert one.complete
    assert one.phases == (0, 1, 2)
    assert one.circuits == 5  # the free phase is read in Z alone, ±β in Z and X
    two = planned()
    assert not two.complete
    assert two.phases == (0,)
    assert two.circuits == 1
    later = advance(two, observed_free(two, execute(two)))
    assert later.complete
    assert later.phases == (1, 2)
    assert later.circuits == 4
    assert (two.round, later.round) == (0, 1)


def test_the_second_round_is_nudged_by_the_first_rounds_error_signal():
    first = planned(shots=200, seed=3)
    outcomes = execute(first)
    observed = observed_free(first, outcomes)
    second = advance(first, observed)
    np.testing.assert_array_equal(second.error_signal, 2 * (observed - [1.0, -0.7]))
    gradient = reduce(second, outcomes.followed_by(execute(second, earlier=outcomes)))
    np.testing.assert_array_equal(gradient.predictions, observed)
    assert gradient.loss == pytest.approx(np.sum((observed - [1.0, -0.7]) ** 2))


def test_two_rounds_equal_one_round_of_the_operator_with_the_same_error_signal():
    """With exact expectations ε is exact, so the cost of expectations is the observable cost Σ ε_m O_m."""
    two = qep.gradient(problem(), stencil=qep.symmetric(BETA))
    signal = 2 * (two.predictions - np.array([1.0, -0.7]))
    operator = (signal[0] * NETWORK.outputs[0] + signal[1] * NETWORK.outputs[1]).simplify()
    one = qep.gradient(problem(qep.ObservableCost(operator)), stencil=qep.symmetric(BETA))
    np.testing.assert_allclose(two.values, one.values, atol=1e-9)


def test_half_a_plan_cannot_be_reduced():
    first = planned(shots=50)
    with pytest.raises(InputError, match="first of two rounds"):
        reduce(first, execute(first))


@pytest.mark.parametrize("kind", [qep.one_sided, qep.symmetric], ids=["one_sided", "symmetric"])
@pytest.mark.parametrize("beta", [0.05, 0.3])
def test_the_sensitivity_is_the_derivative_of_the_gradient_in_the_error_signal(kind, beta):
    """At finite β too: the response to one output's nudge alone would be off by O(β)."""
    first = planned(stencil=kind(beta), shots=100)
    observed = np.array([0.4, -0.1])
    exact = changed(first, shots=None)

    def noise_free(values):
        second = advance(exact, values)
        return reduce(second, execute(exact).followed_by(execute(second))).values

    step = 1e-3
    derivative = [
        (noise_free(observed + step * e) - noise_free(observed - step * e)) / (2 * step) / 2 for e in np.eye(2)
    ]  # ε = 2 (v − y), so a step in v is two in ε
    sensitivity = advance(first, observed).sensitivity
    np.testing.assert_allclose(sensitivity, np.array(derivative).T, atol=0.05 * np.abs(derivative).max())


@pytest.mark.parametrize("cost", [SQUARED, SQUARED.observable()], ids=["expectations", "observable"])
def test_shots_are_per_circuit(cost):
    last, outcomes = by_hand(planned(cost, shots=321, calibration_shots=77, mitigation="tensored"), qep.simulator())
    assert {s.shots for s in outcomes.samples.values()} == {321}
    assert set(outcomes.samples) == {(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)}
    assert [(c.zeros.shots, c.ones.shots) for c in outcomes.calibrations] == [(77, 77)]
    provenance = reduce(last, outcomes).provenance
    assert provenance["executions"] == 5
    assert provenance["shots_total"] == 5 * 321
    assert provenance["calibration_shots_total"] == 2 * 77


def test_calibration_takes_as_many_shots_as_a_circuit_by_default():
    outcomes = execute(planned(SQUARED.observable(), shots=321, mitigation="tensored"))
    assert [c.zeros.shots for c in outcomes.calibrations] == [321]


def test_one_calibration_serves_both_rounds():
    _, outcomes = by_hand(planned(shots=100, mitigation="tensored"), qep.fake("manila"))
    assert len(outcomes.calibrations) == 1


def test_counts_that_hold_a_calibration_can_be_read_with_and_without_it():
    device = qep.fake("manila", seed=2)
    last, outcomes = by_hand(planned(SQUARED.observable(), shots=4000, mitigation="tensored", seed=2), device)
    raw, corrected = reduce(last, outcomes, mitigation=Mitigation()), reduce(last, outcomes)
    assert_same(reduce(last, outcomes, mitigation=readable(last.mitigation, parse("tensored"))), corrected, rtol=0, atol=0)
    assert np.abs(raw.predictions - corrected.predictions).max() > 0.005
    assert (corrected.stderr > raw.stderr).all()
    unmitigated = qep.gradient(problem(SQUARED.observable()), stencil=qep.symmetric(BETA), device=device, shots=4000, seed=2)
    assert_same(raw, unmitigated, rtol=0, atol=1e-13)


def test_counts_without_a_calibration_cannot_be_mitigated_afterwards():
    first = planned(SQUARED.observable(), shots=50)
    with pytest.raises(InputError, match="needs calibration counts"):
        qep.reduce(first, execute(first), mitigation="tensored")


def test_reducing_twice_gives_the_same():
    last, outcomes = by_hand(planned(shots=300, mitigation="tensored"), qep.simulator())
    assert_same(reduce(last, outcomes), reduce(last, outcomes), rtol=0, atol=0)


def test_same_seed_same_gradient_and_another_seed_another():
    for device in (qep.statevector(), qep.simulator(noise="fake_manila")):
        first, second, other = (
            qep.gradient(problem(), device=device, shots=200, mitigation="tensored", seed=s) for s in (4, 4, 5)
        )
        assert_same(first, second, rtol=0, atol=0)
        assert np.abs(first.values - other.values).max() > 0


def test_rounds_and_calibration_draw_from_streams_of_their_own():
    """Free phase and nudged phase of a tiny nudge: equal distributions, but not the same random numbers."""
    agree = 0
    for seed in range(20):
        _, outcomes = by_hand(planned(stencil=qep.one_sided(1e-6), shots=1000, seed=seed), qep.simulator())
        free, nudged = outcomes.samples[0, 0], outcomes.samples[1, 0]
        agree += free.weights.shape == nudged.weights.shape and np.array_equal(free.weights, nudged.weights)
    assert agree == 0


@pytest.mark.parametrize("cost", [SQUARED, SQUARED.observable()], ids=["expectations", "observable"])
def test_many_plans_together_equal_one_by_one_where_the_device_is_exact(cost):
    plans = [planned(cost, x=x) for x in (-0.5, 0.1, 0.9)]
    together = execute_all(plans)
    if cost is SQUARED:
        later = [advance(p, observed_free(p, o)) for p, o in zip(plans, together, strict=True)]
        rest = execute_all(later, earlier=together)
        plans, together = later, [a.followed_by(b) for a, b in zip(together, rest, strict=True)]
    for part, outcomes, x in zip(plans, together, (-0.5, 0.1, 0.9), strict=True):
        assert_same(reduce(part, outcomes), qep.gradient(problem(cost, x), stencil=qep.symmetric(BETA)), rtol=0, atol=1e-10)


@pytest.mark.parametrize("mitigation", ["none", "tensored", "trex"])
def test_many_plans_together_equal_one_by_one_within_their_error_bars(mitigation):
    inputs, device = (-0.5, 0.1, 0.9), qep.fake("manila")
    plans = [planned(SQUARED.observable(), x=x, shots=20_000, mitigation=mitigation, stencil=qep.symmetric(0.3)) for x in inputs]
    for part, outcomes in zip(plans, execute_all(plans, device), strict=True):
        # alone, a gradient would choose qubits for itself
        [own] = execute_all([changed(part, seed=1)], device, shared=True)
        together, alone = reduce(part, outcomes), reduce(part, own)
        sigma = np.hypot(together.stderr, alone.stderr)
        assert (np.abs(together.values - alone.values) < 5 * sigma).all()


def test_noisy_expectations_without_shots_are_the_limit_of_many_shots():
    device = qep.fake("manila")
    for mitigation in ("none", "tensored", "trex"):
        exact, sampled = (
            qep.gradient(problem(SQUARED.observable()), device=device, shots=shots, mitigation=mitigation)
            for shots in (None, 50_000)
        )
        assert exact.stderr is None
        assert (np.abs(sampled.values - exact.values) < 5 * sampled.stderr).all()


class Forgetful:
    """A device that keeps no circuit alive: what it compiled one circuit to must not serve another of the same id."""

    name, seed, exact, needs_circuits = "forgetful", 0, False, True

    def compile(self, circuit, *, qubits=None):
        gc.collect()
        wires = tuple(range(circuit.num_qubits))
        return Compiled(circuit.copy(), wires, wires, wires)

    def distribution(self, work):
        return [
            [
                from_probabilities(
                    np.abs(rotated(Statevector(item.compiled.circuit.assign_parameters(row)).data[None], item.axes)[0]) ** 2,
                    len(item.axes),
                )
                for row in item.values
            ]
            for item in work
        ]

    def sample(self, work, *, shots, seed):
        raise NotImplementedError

    def describe(self):
        return {"name": self.name}


def test_circuits_of_many_plans_are_not_mixed_up():
    inputs = np.linspace(-1, 1, 12)
    plans = [planned(SQUARED.observable(), x=x) for x in inputs]
    for part, outcomes, x in zip(plans, execute_all(plans, Forgetful()), inputs, strict=True):
        expected = qep.gradient(problem(SQUARED.observable(), x), stencil=qep.symmetric(BETA))
        np.testing.assert_allclose(reduce(part, outcomes).values, expected.values, atol=1e-9)


def test_loss_and_predictions_are_those_of_the_free_phase():
    state_only = qep.exact_gradient(problem())
    gradient = qep.gradient(problem(), stencil=qep.symmetric(BETA))
    np.testing.assert_allclose(gradient.predictions, state_only.predictions, atol=1e-9)
    assert gradient.loss == pytest.approx(state_only.loss, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"shots": 0}, "shots"),
        ({"shots": -3}, "shots"),
        ({"shots": 10, "calibration_shots": 0, "mitigation": "tensored"}, "calibration_shots"),
        ({"shots": 10, "mitigation": "tensord"}, "tensored"),
    ],
)
def test_invalid_options_are_refused(options, text):
    with pytest.raises(InputError) as error:
        planned(**options)
    assert text in str(error.value)
    assert "\n" not in str(error.value)
