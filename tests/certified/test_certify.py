"""Certified intervals contain the true gradient, and say why where there is none."""

import dataclasses
import json
import pickle

import numpy as np
import pytest
from certified_cases import WAYS, certified, true_gradient, true_input_gradient
from click.testing import CliRunner
from dense import Dense
from random_problems import random_problem

import qep_qiskit as qep
from qep_qiskit.certified.evidence import variances_of
from qep_qiskit.cli.main import cli
from qep_qiskit.equilibrium.families import free_family

NETWORK = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=5), x=[0.5], cost=qep.SquaredError([1.0]))
TRUE = true_gradient(PROBLEM)
FAR_ENOUGH = {"exact": 0.02, "exact, extrapolated": 1e-3, "matrix product states": 0.02, "light cones": 5e-3}
"""The share of the widths at which some interval of these problems no longer contains the true derivative; with shots 0.1."""


@pytest.mark.parametrize("way", [way for way in WAYS if "light cones" not in way])
def test_the_true_gradient_lies_inside_and_outside_of_far_narrower_intervals(way):
    outcomes = [certified(random_problem(number), way) for number in (0, 2, 6, 7, 12)]
    largest = [outcome.largest for outcome in outcomes]
    assert max(largest) <= 1.0
    assert max(largest) > FAR_ENOUGH.get(way, 0.1)


@pytest.mark.parametrize("way", ["exact", "matrix product states", "exact, one-sided, shots"])
def test_the_derivatives_by_the_inputs_lie_inside_too(way):
    shares = []
    for number in (0, 2, 3, 6, 7, 11):
        problem = random_problem(number)
        certificate = qep.certify(problem, inputs=True, seed=0, confidence=0.999, **WAYS[way])
        assert certificate.contains(true_gradient(problem)).all()
        true = true_input_gradient(problem)
        error = np.abs(certificate.gradient.input_values - true)
        assert np.all((certificate.input_lower <= true) & (true <= certificate.input_upper))
        shares += list(error[certificate.input_half_width > 0] / certificate.input_half_width[certificate.input_half_width > 0])
        assert all(value in certificate[name] for name, value in zip(certificate.gradient.input_names, true, strict=True))
    assert FAR_ENOUGH.get(way, 0.1) < max(shares) <= 1.0


def test_intervals_of_inputs_are_shown_saved_and_absent_unless_asked(tmp_path):
    certificate = qep.certify(PROBLEM, inputs=True)
    assert str(certificate).splitlines()[-1].startswith("x[0]") and "x[0]" in certificate._repr_html_()
    document = certificate.to_dict()
    assert document["input_names"] == ["x[0]"] and document["input_lower"] == certificate.input_lower.tolist()
    assert qep.load_result(certificate.save(tmp_path / "certificate.json")).input_upper == certificate.input_upper
    plain = qep.certify(PROBLEM)
    assert plain.input_half_width.shape == (0,) and "input_names" not in plain.to_dict() and "x[0]" not in str(plain)
    with pytest.raises(qep.InputError, match="x\\[0\\]"):
        plain["x[0]"]
    unbounded = qep.certify(PROBLEM, inputs=True, preparer=qep.Thermal(1.0))
    assert str(unbounded["x[0]"]) == "no bound" and unbounded.to_dict()["input_lower"] is None


def test_light_cones_without_state_vectors():
    outcome = certified(random_problem(0), "light cones")
    assert FAR_ENOUGH["light cones"] < outcome.largest <= 1.0 and outcome.part == "states"


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize("preparer", [qep.Adiabatic(time=15, steps=60), qep.MeanField()])
def test_other_approximations_of_the_ground_state(preparer):
    certificate = qep.certify(PROBLEM, preparer=preparer)
    assert certificate.contains(TRUE).all() and certificate.largest_part == "states"


def test_the_variance_of_light_cones_is_that_of_the_state():
    vqe = qep.VQE(layers=1, starts=1, tolerance=0.1, simulation="light_cones")
    for number in (1, 4):
        problem = random_problem(number)
        prepared = vqe.prepare(free_family(problem))
        bare = dataclasses.replace(prepared, phases=tuple(dataclasses.replace(phase, variance=None) for phase in prepared.phases))
        nothing = np.zeros_like(problem.hamiltonian_row)
        (variance,) = variances_of(problem, bare, np.zeros(1), nothing)
        dense, state = Dense(problem), prepared.states()[0]
        product = (dense.rest + sum(w * s for w, s in zip(dense.weights, dense.slopes, strict=True))) @ state
        wanted = np.linalg.norm(product) ** 2 - np.vdot(state, product).real ** 2
        assert variance == pytest.approx(wanted, abs=1e-10)


def test_without_shots_or_random_start_the_intervals_are_certain():
    certificate = qep.certify(PROBLEM)
    assert certificate.confidence == 1.0 and certificate.contains(TRUE).all() and not certificate.assumptions
    assert certificate.gap <= Dense(PROBLEM).gap and certificate.half_width.max() < 1e-6
    assert TRUE[0] in certificate[NETWORK.names[0]] and TRUE[0] + 1.0 not in certificate[NETWORK.names[0]]
    assert qep.certify(PROBLEM, shots=1000, confidence=0.9).confidence == 0.9


def test_a_given_beta_is_kept_and_one_that_may_close_the_gap_has_no_interval():
    certificate = qep.certify(PROBLEM, stencil=qep.symmetric(0.02))
    assert certificate.gradient.provenance["stencil"]["beta"] == 0.02 and certificate.largest_part == "finite β"
    refused = qep.certify(PROBLEM, stencil=qep.symmetric(3.0))
    assert "β" in refused.reason and "\n" not in refused.reason
    assert np.isnan(refused.lower).all() and str(refused[NETWORK.names[0]]) == "no bound"


def test_an_error_signal_that_nearly_vanishes():
    cost = qep.LinearCost([1e-200])
    certificate = qep.certify(qep.Problem(NETWORK, PROBLEM.weights, x=[0.5], cost=cost))
    true = true_gradient(qep.Problem(NETWORK, PROBLEM.weights, x=[0.5], cost=qep.LinearCost([1.0])))
    assert certificate.contains(1e-200 * true).all() and certificate.half_width.max() < 1e-90


def test_wider_bounds_from_fewer_shots_and_more_confidence():
    def half(shots, confidence):
        certificate = qep.certify(PROBLEM, stencil=qep.symmetric(0.05), shots=shots, confidence=confidence, seed=1)
        return certificate.parts["shots"]

    assert np.all(half(100, 0.99) > 2 * half(10_000, 0.99))
    assert np.all(half(1000, 0.999999) > half(1000, 0.9))


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize(
    ("options", "cost", "words"),
    [
        ({"preparer": qep.Thermal(1.0)}, None, "not the ground state"),
        ({"preparer": qep.Exact(level=1)}, None, "not the ground state"),
        ({"device": qep.simulator(noise="fake_manila"), "preparer": qep.VQE(layers=1), "shots": 100}, None, "noise"),
        ({}, qep.ExpectationCost(lambda v: float(v @ v), lambda v: 2 * v), "curvature"),
    ],
)
def test_no_interval_where_no_bound_is_known(options, cost, words):
    problem = PROBLEM if cost is None else qep.Problem(NETWORK, PROBLEM.weights, x=[0.5], cost=cost)
    certificate = qep.certify(problem, **options)
    assert words in certificate.reason and "\n" not in certificate.reason and not certificate.parts
    assert certificate.to_dict()["lower"] is None and certificate.gradient.values.shape == TRUE.shape
    assert "no interval" in repr(certificate) and "interval" in certificate._repr_html_()
    assert certificate.facts() == [certificate.reason] and certificate.reason in str(certificate)


def test_many_qubits_need_a_gap_which_is_named_as_an_assumption():
    network = qep.ising(sites=18, edges="chain", inputs=[0], outputs=[17])
    weights = {name: {"J": 0.3, "h": 0.1, "g": 1.2}[name[0]] for name in network.names}
    problem = qep.Problem(network, weights, x=[0.5], cost=qep.SquaredError([1.0]))
    options = {"preparer": qep.MPS(8, gap=False), "stencil": qep.symmetric(0.01)}
    assert "18 qubits" in qep.certify(problem, **options).reason
    assumed = qep.certify(problem, gap=0.8, **options)
    assert "gap=0.8" in assumed.assumptions[0] and assumed.method == "given"
    with pytest.raises(qep.InputError, match="^gap: 1000 is not allowed; give at most .* since no energy"):
        qep.certify(problem, gap=1e3, **options)
    exact = qep.exact_gradient(problem)
    assert assumed.contains(exact).all() and np.abs(exact.values).max() > 10 * assumed.half_width.max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gap": -1.0}, "^gap: "),
        ({"gap": 1e3}, "^gap: 1000 is not allowed; give at most [0-9.]+, as the whole spectrum says"),
        ({"confidence": 1.0}, "^confidence: .* between 0 and 1"),
        ({"confidence": 0.0}, "^confidence: .* between 0 and 1"),
        ({"confidence": "high"}, "^confidence: 'high' .* between 0 and 1"),
        ({"shots": qep.optimal_shots(100)}, "^shots: "),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(qep.InputError, match=message):
        qep.certify(PROBLEM, **options)


def test_a_certificate_is_a_value(tmp_path):
    certificate = qep.certify(PROBLEM, shots=1000)
    assert pickle.loads(pickle.dumps(certificate)) == certificate
    assert qep.load_result(certificate.save(tmp_path / "c.json")) == certificate
    assert "median half-width" in repr(certificate) and len(str(certificate).splitlines()) == len(certificate)
    assert "shots" in certificate._repr_html_()
    axes = certificate.plot(exact=TRUE)
    assert len(axes.patches) == len(NETWORK.names)
    assert certificate.plot(axes) is axes
    pytest.importorskip("pandas")
    table = certificate.to_frame()
    np.testing.assert_allclose(table.upper - table.lower, 2 * certificate.half_width)
    with pytest.raises(qep.InputError, match="^gradient: "):
        certificate.contains([1.0])


def test_the_command(small_spec):
    runner = CliRunner()
    result = runner.invoke(cli, ["gradient", str(small_spec), "--certify", "--json", "--set", "measurement.shots="])
    printed = json.loads(result.stdout)
    lower, upper = (np.array(printed["certificate"][end]) for end in ("lower", "upper"))
    assert np.all((lower < printed["exact"]) & (printed["exact"] < upper))
    assert set(printed["certificate"]["parts"]) == {"finite_beta", "states", "truncation", "error_signal", "shots", "rounding"}
    shown = runner.invoke(cli, ["gradient", str(small_spec), "--certify", "--confidence", "0.9"]).output
    assert "certified" in shown and "confidence 0.9" in shown
    for option in (["--gap", "1"], ["--confidence", "0.9"]):
        alone = runner.invoke(cli, ["gradient", str(small_spec), *option])
        assert alone.exit_code == 2 and f"{option[0]}: goes with --certify" in alone.output


def test_a_given_gap_works_beyond_state_vectors():
    chain = qep.ising(sites=30, edges="chain", inputs=[0], outputs=[29])
    weights = {name: {"J": 0.0, "h": 0.1, "g": 1.2}[name[0]] for name in chain.names}
    problem = qep.Problem(chain, weights, x=[0.5], cost=qep.SquaredError([1.0]))
    certificate = qep.certify(problem, preparer=qep.MPS(2, gap=False), gap=2.0, stencil=qep.symmetric(0.01))
    free = np.hypot(0.1, 1.2)  # the output is a spin in a field: ⟨Z⟩ = h/√(h² + g²)
    true = 2 * (0.1 / free - 1) * (-0.1 * 1.2 / free**3)
    place = chain.names.index("g[29]")
    assert certificate.lower[place] <= true <= certificate.upper[place] and len(certificate.assumptions) == 1
    with pytest.raises(qep.InputError, match="^gap: 10000 is not allowed; give at most .* since no energy"):
        qep.certify(problem, preparer=qep.MPS(2, gap=False), gap=1e4)
