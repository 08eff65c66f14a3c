"""The warning that the limits β → 0 and T → ∞ of a ramp do not commute: given on problems built to fail, silent on good ones."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.integrate import quad

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.preparation import ramp_phase
from qep_qiskit.preparation.family import Family

NETWORK = qep.pauli(terms={"A": {"Z": -1}, "B": {"X": -1}}, outputs=[{"Z": 1}])
PROBLEM = qep.Problem(NETWORK, [0.8, 1.5], cost=qep.ObservableCost({"Z": -1}))
COMMUTE = "do not commute"
pytestmark = pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")


def gradient(schedule, beta, time=105.0, steps=2000, problem=PROBLEM, **options):
    ramp = qep.Adiabatic(time=time, steps=steps, schedule=schedule, initial={"Z": -1}, **options)
    return qep.gradient(problem, preparer=ramp, stencil=qep.symmetric(beta))


def phase_by_quadrature(schedule, time, beta):
    """Return T (Φ(β) − Φ(−β)) / 2 of the two levels of one qubit."""

    def gap(x, b):
        s = {"linear": x, "cosine": (1 - np.cos(np.pi * x)) / 2}[schedule]
        return 2 * np.hypot((1 - s) + s * (0.8 + b), s * 1.5)

    return time * (quad(gap, 0, 1, args=(beta,))[0] - quad(gap, 0, 1, args=(-beta,))[0]) / 2


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_phase_is_that_of_the_two_levels(schedule):
    phase = gradient(schedule, 0.02).diagnostics["ramp"]["phase"]
    assert phase == pytest.approx(phase_by_quadrature(schedule, 105.0, 0.02), rel=0.01)


def test_the_error_signal_is_part_of_the_phase():
    squared = qep.Problem(NETWORK, [0.8, 1.5], cost=qep.SquaredError([0.3]))
    signal = 2 * (0.8 / 1.7 - 0.3)
    scaled, alone = (gradient("cosine", 0.02, problem=p).diagnostics["ramp"]["phase"] for p in (squared, PROBLEM))
    assert scaled == pytest.approx(signal * alone, rel=0.02)


def test_a_linear_ramp_whose_error_a_large_beta_hides_is_warned_of():
    exact = qep.exact_gradient(PROBLEM).values
    small, large = gradient("linear", 1e-3), gradient("linear", 0.3)
    off = [float(np.linalg.norm(g.values - exact) / np.linalg.norm(exact)) for g in (small, large)]
    assert off[0] > 0.3 and off[1] < off[0] / 4  # the ramp's error is hidden, not removed
    (warning,) = [text for text in large.diagnostics.warnings if COMMUTE in text]
    assert "'cosine' or 'quintic'" in warning and "β = 0.3 hides" in warning
    assert not any("take β =" in text for text in large.diagnostics.warnings)
    assert large.diagnostics["ramp"]["deviation"] == pytest.approx(off[0], rel=0.01)
    assert large.diagnostics["ramp"]["phase"] > 10
    assert any("of this ramp is" in text for text in small.diagnostics.warnings)
    assert not any(COMMUTE in text for text in small.diagnostics.warnings)


@pytest.mark.parametrize("nudge", [{}, {"nudge_time": 60.0}], ids=["together", "after"])
@pytest.mark.parametrize("schedule", ["cosine", "smoothstep", "quintic"])
def test_good_ramps_are_silent_at_any_phase(schedule, nudge):
    measured = gradient(schedule, 0.1, **nudge)
    assert measured.diagnostics["ramp"]["phase"] > 1
    assert measured.diagnostics.warnings == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_good_ramp_of_several_qubits_is_silent(seed):
    network = qep.ising(sites=3, outputs=[2])
    rng = np.random.default_rng(seed)
    weights = np.where([name.startswith("g") for name in network.names], 1.0, rng.uniform(-0.5, 0.5, len(network.names)))
    problem = qep.Problem(network, weights, cost=qep.SquaredError([0.5]))
    measured = qep.gradient(problem, preparer=qep.Adiabatic(time=30.0, steps=150), stencil=qep.symmetric(0.05))
    assert measured.diagnostics.warnings == ()
    assert measured.diagnostics["ramp"]["deviation"] < 0.05


def test_several_qubits_are_warned_of_too():
    network = qep.ising(sites=3, outputs=[2])
    problem = qep.Problem(network, network.initial_weights(seed=1), cost=qep.ObservableCost({"ZII": -1.0}))
    ramp = qep.Adiabatic(time=102.0, steps=1000, schedule="linear")
    measured = qep.gradient(problem, preparer=ramp, stencil=qep.symmetric(0.2))
    assert measured.diagnostics["ramp"]["phase"] > 1
    assert any(COMMUTE in text for text in measured.diagnostics.warnings)


SPEC = """
[network]
kind = "pauli"
terms = { A = { Z = -1.0 }, B = { X = -1.0 } }
outputs = [{ Z = 1.0 }]
[weights]
A = 0.8
B = 1.5
[cost]
kind = "observable"
operator = { Z = -1.0 }
[preparation]
method = "adiabatic"
time = 104.5
steps = 2000
schedule = "linear"
[stencil]
kind = "symmetric"
beta = 0.3
"""


def test_a_nudge_ramped_in_too_short_a_time_is_warned_of():
    """The free state is good, and the nudge does nothing: a gradient of zero."""
    result = gradient("cosine", 0.1, nudge_time=1e-3)
    assert result.diagnostics["ramp"]["deviation"] == pytest.approx(1.0, abs=0.01)
    assert any("take a longer nudge_time" in text for text in result.diagnostics.warnings)
    assert not any("ramp" in text for text in gradient("cosine", 0.1, nudge_time=50.0).diagnostics.warnings)


def test_the_command_warns_in_words_and_in_json(tmp_path):
    path = tmp_path / "ramp.toml"
    path.write_text(SPEC)
    words, document = (CliRunner().invoke(cli, ["gradient", str(path), *more]) for more in ([], ["--json"]))
    assert words.exit_code == 0 and COMMUTE in " ".join(words.output.split())
    diagnostics = json.loads(document.stdout)["diagnostics"]
    assert diagnostics["ramp"]["phase"] > 1 and any(COMMUTE in text for text in diagnostics["warnings"])


@pytest.mark.parametrize(
    "ramp", [{"time": 1e-9, "steps": 4}, {"time": 0.01, "steps": 4}, {"time": 20, "steps": 60, "schedule": np.round}]
)
def test_a_flat_ramp_that_leaves_the_gradient_out_is_warned_of(ramp):
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(seed=3), x=[0.4], cost=qep.SquaredError([0.7]))
    exact = qep.exact_gradient(problem).values
    measured = qep.gradient(problem, preparer=qep.Adiabatic(**ramp), stencil=qep.symmetric(0.1))
    assert np.linalg.norm(measured.values - exact) > 0.9 * np.linalg.norm(exact)
    assert any("of this ramp is" in text for text in measured.diagnostics.warnings)


def test_a_batch_reports_what_each_of_its_samples_reports_alone():
    network = qep.ising(sites=5, edges="chain", inputs=[0], outputs=[4])
    weights = network.initial_weights(seed=2)
    problems = [qep.Problem(network, weights, x=[x], cost=qep.SquaredError([1.0])) for x in (-0.8, 0.1, 0.7)]
    options = {"preparer": qep.Adiabatic(time=20.0, steps=60, schedule="linear"), "stencil": qep.symmetric(0.3)}
    together = qep.gradients(problems, **options)
    for problem, member in zip(problems, together, strict=True):
        alone = qep.gradient(problem, **options)
        assert len(member.diagnostics.warnings) == len(alone.diagnostics.warnings) > 0
        for key in ("deviation", "phase"):
            assert member.diagnostics["ramp"][key] == pytest.approx(alone.diagnostics["ramp"][key], rel=1e-4)


def test_few_points_of_a_ramp_give_a_negligible_phase_as_many_do(monkeypatch):
    network = qep.ising(sites=5, edges="chain", inputs=[0], outputs=[4])
    problem = qep.Problem(network, network.initial_weights(seed=2), x=[0.1], cost=qep.SquaredError([1.0]))
    options = {"preparer": qep.Adiabatic(time=20.0, steps=60, schedule="linear"), "stencil": qep.symmetric(0.05)}
    few = qep.gradient(problem, **options).diagnostics["ramp"]["phase"]
    monkeypatch.setattr(ramp_phase, "QUICK_QUBITS", 5)  # all points at once
    many = qep.gradient(problem, **options).diagnostics["ramp"]["phase"]
    assert 0 < few < ramp_phase.NEGLIGIBLE and few != many
    assert few == pytest.approx(many, abs=ramp_phase.LEFT_OUT)


def phases(network, rows, *, ramp, inputs=(0.3,)):
    """Return the phases of ramps to rows of weights, with the nudges of observable costs drawn at random."""
    rng = np.random.default_rng(9)
    families = []
    for row in rows:
        problem = qep.Problem(network, row, x=list(inputs), cost=qep.SquaredError([0.4]))
        strings = tuple(np.flatnonzero(problem.frame.busy).tolist())
        nudge = np.where(problem.frame.busy, rng.normal(size=len(problem.frame.busy)), 0.0)
        families.append(Family(problem.frame, problem.hamiltonian_row, nudge, (0.1, -0.1), strings=strings, limit=True))
    return [prepared.phase_slope for prepared in ramp.prepare_all(families)]


def weights_of(network, kind, count):
    """Return rows of weights: drawn at random, without fields, or all but equal; X fields of one sign make ramps alike."""
    rng, names = np.random.default_rng(4), network.names
    rows = rng.normal(size=(count, len(names)))
    rows[:, [k for k, name in enumerate(names) if name.startswith("g")]] = rng.uniform(0.5, 1.5, (count, network.num_qubits))
    if kind != "random":
        rows[:, [k for k, name in enumerate(names) if name.startswith("h")]] = 0.0
    if kind == "nearly equal":
        rows = np.where([name.startswith("g") for name in names], 1.0, np.sign(rows[0])) + 1e-5 * rows
    return rows


@pytest.mark.parametrize("kind", ["random", "no fields", "nearly equal"])
@pytest.mark.parametrize(
    "options", [{}, {"schedule": "linear", "time": 40.0}, {"nudge_time": 3.0}], ids=["quick", "slow", "after"]
)
@pytest.mark.parametrize("sites", [2, 5, 6])
def test_phases_of_many_ramps_are_those_of_diagonalised_hamiltonians(kind, options, sites):
    network = qep.ising(sites=sites, edges="chain", inputs=[0], outputs=[sites - 1])
    ramp = qep.Adiabatic(**{"time": 5.0, "steps": 8, **options})
    every = phases(network, weights_of(network, kind, 12), ramp=ramp, inputs=[0.3 if kind == "random" else 0.0])
    assert len(every) >= ramp_phase.FEWEST_ROWS
    together, alone = ramp_phase.phase_slopes(every), [phase() for phase in every]
    for slope, expected, phase in zip(together, alone, every, strict=True):
        assert slope == pytest.approx(expected, abs=1e-6 * ramp.time * phase.family.nudge_bound())


def test_most_ramps_of_a_batch_are_not_diagonalised(monkeypatch):
    network = qep.ising(sites=6, edges="chain", inputs=[0], outputs=[5])
    every = phases(network, weights_of(network, "random", 40), ramp=qep.Adiabatic(time=5.0, steps=8))
    diagonalised = []
    alone = ramp_phase._alone
    monkeypatch.setattr(ramp_phase, "_alone", lambda phase, at: diagonalised.extend(at) or alone(phase, at))
    monkeypatch.setattr(ramp_phase, "MOST_AMPLITUDES", 2**10)  # in several parts
    ramp_phase.phase_slopes(every)
    assert len(diagonalised) <= 2


def test_a_phase_of_another_preparer_is_computed_by_its_own_function():
    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    (phase,) = phases(network, weights_of(network, "random", 1), ramp=qep.Adiabatic(time=5.0, steps=8))
    assert ramp_phase.slopes_of([lambda: 0.25, phase, None, lambda: None]) == [0.25, phase(), None, None]
