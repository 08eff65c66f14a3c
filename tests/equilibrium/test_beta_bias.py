"""The bias of a finite β: stated against independent limits, warned of where it is large, small at the default stencil."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from dense import Dense

import qep_qiskit as qep
from qep_qiskit.documents import plain
from qep_qiskit.equilibrium.result import checked
from qep_qiskit.errors import InputError, NudgeWarning

pytestmark = pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
PREPARERS = {
    "exact": qep.Exact(),
    "without a gap": qep.Exact(gap=False),
    "level": qep.Exact(level=1),
    "thermal": qep.Thermal(0.7),
    "mean field": qep.MeanField(),
    "ramp": qep.Adiabatic(time=6, steps=30),
    "ansatz": qep.VQE(layers=2, starts=2),
}


def ordinary(number: int, sizes: tuple[int, int] = (4, 9)) -> qep.Problem:
    """Return a chain, a ring or a random graph with weights of order one, and either objective."""
    rng = np.random.default_rng([1848, number])
    sites = int(rng.integers(*sizes))
    edges: object = ("chain", "ring")[number % 3] if number % 3 < 2 else None
    if edges is None:
        tree = [[int(rng.integers(0, j)), j] for j in range(1, sites)]
        edges = tree + [[i, j] for i in range(sites) for j in range(i + 1, sites) if [i, j] not in tree and rng.random() < 0.25]
    network = qep.ising(sites=sites, edges=edges, inputs=[0], outputs=[sites - 1])
    couplings = network.num_weights - 2 * sites
    weights = np.r_[rng.normal(size=couplings) * 0.8, rng.normal(size=sites) * 0.4, 0.8 + 0.3 * rng.normal(size=sites)]
    cost = qep.SquaredError([1.0])
    return qep.Problem(network, weights, x=[0.4], cost=cost if (number // 3) % 2 else cost.observable())


def error(values: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(values - truth) / np.linalg.norm(truth))


def told(gradient: qep.Gradient) -> bool:
    return any("β" in text for text in gradient.diagnostics["warnings"])


def study(numbers: range) -> np.ndarray:
    rows = []
    for number in numbers:
        problem = ordinary(number)
        gradient = qep.gradient(problem)
        rows.append((error(gradient.values, qep.exact_gradient(problem).values), told(gradient)))
    return np.array(rows)


def check(rows: np.ndarray) -> None:
    errors, warned = rows[:, 0], rows[:, 1] > 0
    assert np.mean(errors > 0.1) <= 0.02
    assert not np.any((errors > 0.05) & ~warned)
    assert not np.any((errors < 0.01) & warned)


def test_the_default_beta_suits_ordinary_networks():
    check(study(range(24)))


@pytest.mark.slow
def test_the_default_beta_suits_two_hundred_ordinary_networks():
    check(study(range(200)))


def near_a_crossing(field: float, transverse: float) -> qep.Problem:
    """Return a ferromagnetic chain in a weak field: two levels come close, and a nudge moves towards their crossing."""
    network = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
    weights = [1.0, 0.9, 1.1, field, 0.0, field / 2, 0.0, transverse, 0.9 * transverse, 1.1 * transverse, transverse]
    return qep.Problem(network, weights, x=[field], cost=qep.SquaredError([0.4]))


CROSSINGS = [(1e-5, 0.03), (1e-3, 0.1), (0.01, 0.3), (0.1, 0.5)]


@pytest.mark.parametrize("kind", [qep.one_sided, qep.symmetric, qep.extrapolated])
@pytest.mark.parametrize("crossing", CROSSINGS)
def test_the_default_beta_suits_networks_near_a_crossing(kind, crossing):
    problem = near_a_crossing(*crossing)
    gradient = qep.gradient(problem, stencil=kind())
    assert error(gradient.values, qep.exact_gradient(problem).values) <= 0.01 and not told(gradient)


@pytest.mark.parametrize("kind", [qep.one_sided, qep.symmetric, qep.extrapolated])
@pytest.mark.parametrize("crossing", CROSSINGS)
def test_a_bias_near_a_crossing_is_not_called_rounding(kind, crossing):
    problem = near_a_crossing(*crossing)
    safe = qep.gradient(problem, stencil=kind()).provenance["stencil"]["beta"]
    for times in (2.5, 6.0, 9.6):
        [text] = qep.gradient(problem, stencil=kind(times * safe)).diagnostics["warnings"][-1:] or [""]
        assert "rounding" not in text
        if text:
            better = qep.gradient(problem, stencil=kind(float(text.split("take β = ")[1].split(" ")[0])))
            assert better.diagnostics["beta_bias"]["relative"] < 0.05 and not told(better)


@pytest.mark.parametrize("kind", [qep.one_sided, qep.symmetric, qep.extrapolated])
def test_the_default_bias_is_about_the_shot_error_or_less(kind):
    shares = []
    for number in range(5):
        gradient = qep.gradient(ordinary(number, (3, 5)), stencil=kind(), shots=1_000_000, device=qep.statevector(), seed=1)
        shares.append(np.linalg.norm(gradient.diagnostics["beta_bias"]["values"]) / np.linalg.norm(gradient.stderr))
    assert max(shares) < 2


@pytest.mark.parametrize("beta", [0.3, 0.1])
def test_warnings_follow_the_bias_of_a_given_beta(beta):
    large = 0
    for number in range(8):
        problem = ordinary(number, (2, 5))
        truth = Dense(problem).differences()
        gradient = qep.gradient(problem, stencil=qep.symmetric(beta))
        bias = error(gradient.values, truth)
        assert gradient.diagnostics["beta_bias"]["relative"] == pytest.approx(bias, rel=2e-2, abs=1e-6)
        if abs(bias - 0.05) > 1e-3:
            assert told(gradient) == (bias > 0.05)
        large += bias > 0.05
    assert 0 < large < 8


@pytest.mark.parametrize("kind", [qep.one_sided, qep.symmetric, qep.extrapolated])
@pytest.mark.parametrize("name", PREPARERS)
def test_every_preparer_states_its_own_bias(name, kind):
    problem = ordinary(3 if kind is qep.symmetric else 0, (4, 5))
    options = {"preparer": PREPARERS[name], "seed": 2}
    near = qep.gradient(problem, stencil=qep.extrapolated(2e-3), **options).values
    gradient = qep.gradient(problem, stencil=kind(0.1), **options)
    bias = gradient.diagnostics["beta_bias"]
    np.testing.assert_allclose(bias["limit"], near, atol=2e-4 * np.linalg.norm(near))
    np.testing.assert_allclose(bias["values"], gradient.values - np.array(bias["limit"]), atol=1e-9)
    assert bias["relative"] == pytest.approx(error(gradient.values, near), rel=0.02, abs=3e-4) and bias["of"]


def test_oscillators_state_their_bias_and_coefficients_of_any_size_are_distinguished():
    network = qep.oscillators(sites=4, edges="chain", masses=1.0, inputs=[0], outputs=[3])
    weights = np.array(list(network.initial_weights(seed=1).values()))
    problem = qep.Problem(network, weights, x=[0.3], cost=qep.ObservableCost({"r[3]^2": 1.0, "p[1]^2": 0.4}))
    for beta in (0.3, 0.01):
        gradient = qep.gradient(problem, stencil=qep.symmetric(beta))
        truth = qep.exact_gradient(problem).values
        assert gradient.diagnostics["beta_bias"]["relative"] == pytest.approx(error(gradient.values, truth), rel=0.1)
    for size, beta, lost in ((1e8, 1e-3, True), (1e8, 1e3, False), (1e6, 1.0, False)):
        huge = qep.Problem(network, weights * size, x=[0.3], cost=qep.SquaredError([0.3]))
        gradient = qep.gradient(huge, stencil=qep.symmetric(beta))
        wrong = error(gradient.values, qep.exact_gradient(huge).values) > 0.05
        assert wrong == lost
        assert any("too small a nudge for double precision" in text for text in gradient.diagnostics["warnings"]) == lost


@pytest.mark.parametrize("kind", [qep.one_sided, qep.symmetric, qep.extrapolated])
def test_the_advised_beta_would_do(kind):
    count = 0
    for number in range(8):
        problem = ordinary(number, (4, 7))
        for beta in (0.3, 0.1, 1e-15):
            for text in qep.gradient(problem, stencil=kind(beta)).diagnostics["warnings"]:
                advice = float(text.split("take β = ")[1].split(" ")[0])
                better = qep.gradient(problem, stencil=kind(advice))
                assert better.diagnostics["beta_bias"]["relative"] < 0.05 and not told(better)
                count += 1
    assert count > 5


def test_the_shot_error_hides_a_smaller_bias():
    problem = ordinary(0, (4, 5))
    options = {"stencil": qep.symmetric(0.3), "device": qep.statevector(), "seed": 1}
    few, many = (qep.gradient(problem, shots=shots, **options) for shots in (50, 1_000_000))
    size = np.linalg.norm(many.diagnostics["beta_bias"]["values"])
    assert size < np.linalg.norm(few.stderr) and size > np.linalg.norm(many.stderr)
    assert not told(few) and told(many)
    with pytest.warns(NudgeWarning, match="the bias of β = 0.3 is .* % of the gradient .*take β = "):
        qep.gradient(problem, shots=1_000_000, **options)


@pytest.mark.parametrize("kind", [qep.one_sided, qep.symmetric])
def test_the_advised_beta_would_do_with_shots(kind):
    """A β whose bias alone is small would have error bars that are longer than the gradient."""
    problem, shots = ordinary(0, (4, 5)), 4000
    options = {"device": qep.statevector(), "shots": shots}
    (text,) = qep.gradient(problem, stencil=kind(0.5), seed=1, **options).diagnostics["warnings"]
    advice = float(text.split("take β = ")[1].split(" ")[0])
    truth = qep.exact_gradient(problem).values

    def spread(beta):
        gradients = [qep.gradient(problem, stencil=kind(beta), seed=s, **options).values for s in range(16)]
        return np.sqrt(np.mean([error(g, truth) ** 2 for g in gradients]))

    assert spread(advice) < min(spread(0.5), spread(0.5 * advice))


def test_the_default_stencil_bears_the_shots_it_has():
    problem = ordinary(0, (5, 6))
    betas = [
        qep.gradient(problem, device=qep.statevector(), shots=n, seed=1).provenance["stencil"]["beta"]
        for n in (100, 10_000, 10**6)
    ]
    without = qep.gradient(problem).provenance["stencil"]
    assert betas[0] > betas[1] > betas[2] > without["beta"] and without["chosen"] == "adaptive"
    truth = qep.exact_gradient(problem).values
    for options in ({}, {"stencil": qep.symmetric(without["beta"])}):  # few shots at the noise-free β would be noise alone
        gradients = [qep.gradient(problem, device=qep.statevector(), shots=300, seed=s, **options).values for s in range(12)]
        spread = np.sqrt(np.mean([error(g, truth) ** 2 for g in gradients]))
        if not options:
            best = spread
    assert best < 0.6 * spread


def test_batches_comparisons_plans_and_runs_take_the_same_beta():
    problems = [ordinary(number, (4, 7)) for number in (0, 3, 4)]
    alone = [qep.gradient(problem).provenance["stencil"] for problem in problems]
    for options in ({}, {"preparer": qep.Adiabatic(time=6, steps=20)}):
        batch = qep.gradients(problems, **options)
        single = [qep.gradient(problem, **options) for problem in problems]
        for one, other in zip(batch, single, strict=True):
            assert one.provenance["stencil"] == other.provenance["stencil"]
            np.testing.assert_allclose(one.values, other.values, atol=1e-7)
    for problem, stencil in zip(problems, alone, strict=True):
        assert qep.compare(problem).settings["stencil"] == stencil
        assert qep.plan(problem).stencil.beta == stencil["beta"]
        assert qep.gradient(problem, stencil=qep.symmetric("adaptive")).provenance["stencil"] == stencil
    shots = {"device": qep.statevector(), "shots": 2000}
    used = qep.gradient(problems[0], **shots).provenance["stencil"]["beta"]
    assert qep.plan(problems[0], **shots).stencil.beta == qep.compare(problems[0], **shots).settings["stencil"]["beta"] == used
    fixed = qep.gradient(problems[0], stencil=qep.symmetric(0.07)).provenance["stencil"]
    assert fixed == {"kind": "symmetric", "beta": 0.07}


def test_a_training_keeps_one_beta():
    problem = ordinary(0, (4, 5))
    options = {"weights": problem.weights, "epochs": 2, "batch_size": 2, "seed": 0}
    result = qep.train(problem.network, [[0.4], [-0.3], [0.1]], [1.0, 0.2, -0.4], **options)
    stencil = result.settings["stencil"]
    assert stencil["kind"] == "symmetric" and 0 < stencil["beta"] <= 0.1
    again = qep.train(
        problem.network, [[0.4], [-0.3], [0.1]], [1.0, 0.2, -0.4], stencil=qep.symmetric(stencil["beta"]), **options
    )
    assert again.weights == result.weights
    assert all(0 <= row["beta_bias"] < 1 for row in result.history)


@pytest.mark.parametrize("beta", [5e-324, 1e-200, 1e200, -1e-300])
def test_a_beta_that_overflows_is_refused(beta):
    for make in (qep.one_sided, qep.symmetric, qep.extrapolated):
        with pytest.raises(InputError, match="beta: .* must not overflow"):
            make(beta)


@pytest.mark.parametrize("observable", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e7])
def test_a_nudge_lost_to_rounding_is_refused_or_reported(observable, size):
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    cost = qep.SquaredError([0.9]).observable() if observable else qep.SquaredError([0.9])
    problem = qep.Problem(network, size * np.r_[0.8, -0.6, 0.3, 0.2, 0.1, 0.9, 1.0, 1.1], x=[0.5 * size], cost=cost)
    with pytest.raises(InputError, match="beta: .* is lost in the rounding of H"):
        qep.gradient(problem, stencil=qep.symmetric(1e-18 * size))
    for share in (1e-15, 1e-13, 1e-9, 1e-2):
        gradient = qep.gradient(problem, stencil=qep.symmetric(share * size))
        wrong = error(gradient.values, qep.exact_gradient(problem).values)
        assert wrong < 0.06 or any("rounding" in text for text in gradient.diagnostics["warnings"])
        assert wrong > 0.04 or not told(gradient)


@pytest.mark.parametrize("field", ["values", "loss", "predictions"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_nan_and_infinity_are_refused_as_results(field, wrong):
    gradient = qep.gradient(ordinary(0, (4, 5)))
    value = wrong if field == "loss" else np.full_like(getattr(gradient, field), wrong)
    with pytest.raises(InputError, match="is not finite; .* too large or too small"):
        checked(replace(gradient, **{field: value}))


def test_a_bias_that_cannot_be_computed_is_called_unknown():
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2], transverse=False)
    problem = qep.Problem(network, np.ones(network.num_weights), x=[0.5], cost=qep.SquaredError([-1.0]))
    gradient = qep.gradient(problem, stencil=qep.symmetric(2.0)).diagnostics["beta_bias"]
    assert gradient["relative"] is None and "not known: without a transverse field" in gradient["note"]
    assert json.dumps(plain(gradient), allow_nan=False)


def test_a_spec_without_a_stencil_adapts(tmp_path):
    from qep_qiskit.experiment import load

    text = """
    network = {kind = "ising", sites = 3, edges = "chain", inputs = [0], outputs = [2]}
    cost = {kind = "squared_error"}
    sample = {x = [0.5], y = [1.0]}
    """
    path = tmp_path / "spec.toml"
    path.write_text(text)
    spec = load(path)
    document = qep.gradient(spec.problem(), **spec.settings()).to_dict()
    assert document["provenance"]["stencil"]["chosen"] == "adaptive"
    path.write_text(text + 'stencil = {kind = "extrapolated"}\n')
    spec = load(path)
    document = qep.gradient(spec.problem(), **spec.settings()).to_dict()
    assert document["provenance"]["stencil"]["kind"] == "extrapolated" and document["diagnostics"]["beta_bias"]["relative"] < 0.01
