"""Shots and β that are planned again after every step."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import qep_qiskit as qep
import qep_qiskit.training.loop.sources
from qep_qiskit.equilibrium.noise import ShotNoise
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.rounds import run
from qep_qiskit.errors import InputError
from qep_qiskit.experiment import load
from qep_qiskit.measurement.split import Split
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.settings import Settings
from qep_qiskit.training import SGD, Adam, Momentum, PlannedShots
from qep_qiskit.training.from_spec import task_from
from qep_qiskit.training.loop.sources import mean_of
from qep_qiskit.training.rules.step_plan import Seen

BATCH = np.array([0, 1])
GRADIENT, COVARIANCE = np.array([3.0, -1.0]), np.diag([2.0, 4.0])
A = np.array([[[1.0, 0.0], [4.0, 9.0]], [[16.0, 0.0], [25.0, 36.0]]])
"""The summed variance of one shot, by sample, phase and basis."""


def shot_noise(a, nudge):
    """The noise of a sample with 100 shots per circuit; every bar is as long as the covariance says."""
    whole = np.diag(COVARIANCE)
    return ShotNoise(np.stack([0.25 * a, 0.75 * a]), nudge, whole, np.zeros(2), whole)


def after_one_step(rule, *, saturation=2.0, beta=0.5, rate=0.1, loss=1.0, loss_stderr=0.0, order=2, nudges=(1.0, 1.0)):
    noise = [shot_noise(a, nudge) for a, nudge in zip(A, nudges, strict=True)]
    memory = rule.start(2)
    first = rule.planned(100, beta, BATCH, memory)
    assert (first.splits, first.shots, first.beta) == (None, 100, beta)
    _, memory = rule.update(GRADIENT, COVARIANCE, 100, rate, memory)
    return rule.learned(Seen(GRADIENT, COVARIANCE, noise, BATCH, first, order, saturation, rate, loss, loss_stderr), memory)


def test_the_split_has_the_most_gain_per_shot():
    """Against a scan of all totals and splits by hand, for two samples with three circuits each."""
    rule = PlannedShots(base=SGD(), lipschitz=4.0, minimum=2, maximum=10**6)
    memory = after_one_step(rule)
    signal = float(memory["plan"][0])
    assert signal == pytest.approx(10.0 - 6.0)  # the square of the gradient, less its noise
    eta, lipschitz = 0.1, 4.0

    def gain_per_shot(shots):
        noise = sum(a / (4 * n) for a, n in zip(A[A > 0], shots, strict=True))  # of the mean of two samples
        return ((eta - lipschitz * eta**2 / 2) * signal - lipschitz * eta**2 / 2 * noise) / sum(shots)

    roots = np.sqrt(A[A > 0])
    best = max(np.linspace(0.05, 20, 4000), key=lambda n: gain_per_shot(n * roots))
    allowed = float(memory["allowed"][0])
    np.testing.assert_allclose(np.sum(A[A > 0] / (4 * best * roots)), allowed, rtol=0.01)


def test_shots_follow_the_noise_of_every_circuit_and_share_jobs():
    rule = PlannedShots(base=SGD(), lipschitz=40.0, minimum=2, maximum=10**6)
    plan = rule.planned(100, 0.1, BATCH, after_one_step(rule))
    tables = np.array([split.table for split in plan.splits])
    used = A > 0
    ratio = tables[used] / np.sqrt(A[used])
    assert ratio.max() / ratio.min() <= 2.0 + 1e-9  # rounded to powers of two
    assert set(np.log2(tables[used] / 2) % 1) == {0.0}
    assert plan.record["beta"] == 0.5 and plan.record["shots_reason"] == "the most loss is won per shot"


def test_the_noise_of_a_plan_is_that_of_the_weights_as_they_count_now():
    """Adam divides by the size of a gradient: a weight without one at first has noise of another weight later."""
    rule, shots, rate = PlannedShots(base=Adam(), lipschitz=4.0), 100, 0.1
    whole = 2.0 * np.diag(COVARIANCE)  # of one of the two samples
    noise = [ShotNoise(shots * np.multiply.outer(whole, a / a.sum()), 1.0, whole, np.zeros(2), whole) for a in A]
    memory = rule.start(2)
    for step in range(12):
        plan = replace(rule.planned(shots, 0.5, BATCH, memory), shots=shots, beta=0.5)
        gradient = np.array([1.0, float(step > 0)])
        _, memory = rule.update(gradient, COVARIANCE, shots, rate, memory)
        memory = rule.learned(Seen(gradient, COVARIANCE, noise, BATCH, plan, 2, 2.0, rate, 1.0, 0.0), memory)
    predicted = memory["circuits"][:-1].sum() / shots / len(BATCH) ** 2 / 0.5**2
    np.testing.assert_allclose(predicted, memory["plan"][1], rtol=0.2)


@pytest.mark.parametrize(
    ("order", "saturation", "expected"),
    [(2, 3.0, 0.5 * (2 / 3) ** 0.5), (2, 1e-6, 0.75), (1, 4.0, 0.5 / 1.5), (1, 1.6, 0.625)],
)
def test_the_nudge_with_the_largest_gain_per_shot(order, saturation, expected):
    """A third of the gradient is left along its limit at a saturation of 2; one step changes β by at most a factor of 1.5."""
    memory = after_one_step(PlannedShots(base=SGD(), lipschitz=4.0), saturation=saturation, order=order)
    assert float(memory["beta"][0]) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("preparer", [qep.Exact(), qep.Adiabatic(time=4, steps=8)], ids=["exact", "ramp"])
@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_no_beta_is_above_the_largest(preparer):
    network = qep.ising(sites=3, edges="chain", outputs=[2])
    options = {"stencil": qep.symmetric(0.5), "optimizer": PlannedShots(largest_beta=0.3), "epochs": 4, "seed": 1}
    result = qep.train(network, Y=[1.0], preparer=preparer, shots=20, progress="off", **options)
    assert all(abs(row["beta"]) <= 0.3 for row in result.history)


def test_an_unknown_saturation_keeps_the_strength_of_the_nudge():
    rule = PlannedShots(base=SGD(), lipschitz=4.0)
    memory = after_one_step(rule, saturation=None)
    assert float(memory["beta"][0]) == 0.5
    plan = rule.planned(100, 0.1, BATCH, memory)
    noise = [shot_noise(a, 0.8) for a in A]
    memory = rule.learned(Seen(GRADIENT, COVARIANCE, noise, BATCH, plan, 2, None, 0.1, 1.0, 0.1), memory)
    assert float(memory["beta"][0]) == pytest.approx(0.5 / 0.8)
    assert "error signal" in rule.planned(100, 0.1, BATCH, memory).record["beta_reason"]


def test_nothing_is_left_to_win_below_the_error_bar_of_the_loss():
    """The noise is then allowed as for the gradient with which one step wins the loss's error bar, (η − Lη²/2) Σ d g²."""
    rule, eta, lipschitz, error = PlannedShots(base=SGD(), lipschitz=4.0), 0.1, 4.0, 0.9
    memory = after_one_step(rule, loss_stderr=error)
    reach = lipschitz * eta
    assert float(memory["allowed"][0]) == pytest.approx((2 - reach) / (2 * reach) * error / (eta - lipschitz * eta**2 / 2))
    assert "below the error bar of the loss" in rule.planned(100, 0.1, BATCH, memory).record["shots_reason"]
    visible = after_one_step(rule, loss_stderr=0.1)
    assert "error bar" not in rule.planned(100, 0.1, BATCH, visible).record["shots_reason"]


@pytest.mark.parametrize("loss", [1e-9, -0.2])
def test_a_loss_below_its_error_bar_makes_no_huge_curvature(loss):
    memory = after_one_step(PlannedShots(base=SGD()), loss=loss, loss_stderr=0.5)
    assert float(memory["curvature"][0]) == pytest.approx(float(memory["plan"][0]) / (2 * 0.5))


def test_a_learning_rate_of_zero_wants_few_shots():
    rule = PlannedShots(base=SGD(), lipschitz=4.0, minimum=2)
    plan = rule.planned(100, 0.1, BATCH, after_one_step(rule, rate=0.0, loss_stderr=0.1))
    assert plan.shots < 100 and 1e9 < plan.record["noise_wanted"] < np.inf


XOR, SIGNS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]), np.array([-1.0, 1.0, 1.0, -1.0])
EDGES = [(i, j) for i in range(5) for j in range(max(i + 1, 2), 5)]
NETWORK = qep.ising(sites=5, edges=EDGES, inputs=[0, 1], outputs=[4], clamp=True)


def trained(**options):
    options = {"shots": 20, "optimizer": "planned_shots", "learning_rate": 0.2, "batch_size": 4, "epochs": 8, **options}
    options = {"bounds": {"g": (0.5, 2.0)}, **options}
    return qep.train(NETWORK, XOR, SIGNS, compare_every=0, seed=1, **options)


def test_a_training_spends_and_explains_its_plan():
    result = trained()
    rows = result.history
    assert rows[0]["shots"] == 4 * 5 * 20 and "first step" in rows[0]["shots_reason"]
    assert rows[0]["beta"] > 0.1 and rows[0]["beta_reason"] == "the largest gain per shot"
    assert len({row["beta"] for row in rows}) > 2
    for row in rows[1:]:
        split = np.array(row["split"])
        spent = 4 * (split.sum() - split[0, 1])  # the free phase is measured in Z alone
        assert split.min() >= 2 and row["shots"] <= spent + 2
        if row["nudged"] == 4:
            assert row["shots"] == pytest.approx(spent, abs=2)
    assert min(row["nudged"] for row in rows) < 4 == rows[0]["nudged"]
    assert result.settings["optimizer"]["name"] == "planned_shots"


def test_a_sample_without_an_error_signal_has_no_nudged_circuits():
    """The gradient is zero then, and its bar is the free phase's own error, carried to the gradient."""
    problem = qep.Problem(NETWORK, NETWORK.initial_weights(0), x=[1.0, 1.0], cost=qep.SquaredError([1.0]))
    split = Split([[2, 0], [4, 4], [4, 4]])
    for seed in range(40):
        settings = Settings(stencil=qep.symmetric(0.5), shots=2, seed=seed)
        full, spared = (reduce(*run([problem], settings, splits=[split], sparing=sparing)[0]) for sparing in (False, True))
        assert full.provenance["shots_total"] == 18 and full.loss == spared.loss
        if abs(full.predictions[0] - 1.0) > 1e-9:
            np.testing.assert_array_equal(full.values, spared.values)
        else:
            assert spared.provenance["shots_total"] == 2 and not spared.values.any() and (spared.stderr > 0).all()
            assert full.values.any() and (spared.stderr < full.stderr).all()
            return
    raise AssertionError("no free phase without an error")


def test_workers_measure_the_same_plan():
    here, there = trained(epochs=3), trained(epochs=3, workers=1)
    assert [row["beta"] for row in here.history] == [row["beta"] for row in there.history]
    assert [row["shots"] for row in here.history] == [row["shots"] for row in there.history]


def test_a_displaced_sample_counts_only_if_the_mean_of_its_batch_is_lost_too():
    problems = [qep.Problem(NETWORK, NETWORK.initial_weights(0), x=x, cost=qep.SquaredError([1.0])) for x in XOR[:2]]
    one, other = (qep.gradient(problem, stencil=qep.symmetric(0.05)) for problem in problems)
    marked = replace(one.diagnostics, warnings=("displaced",), more={"too_large_beta": {"warning": "displaced"}})
    one = replace(one, diagnostics=marked)
    assert mean_of([one, other]).warnings == ()
    lost = {**marked.beta_bias, "values": 3 * np.asarray(marked.beta_bias["limit"])}
    assert mean_of([replace(one, diagnostics=replace(marked, beta_bias=lost))]).warnings == ("displaced",)


def test_a_network_that_has_learned_spends_little():
    shots = [row["shots"] for row in trained(epochs=20, batch_size=1, shots=100, bounds={"g": (0.3, 2.0)}).history]
    assert max(shots[40:]) < shots[0] == 5 * 100


def test_a_run_of_an_earlier_version_that_stored_less_resumes(tmp_path):
    run = tmp_path / "run"
    trained(epochs=2, run=run)
    with RunStore.open(run, write=True) as store:
        last = store.checkpoint("last")
        arrays = {key: array for key, array in last.arrays.items() if key not in ("memory won", "memory loss variance")}
        assert len(arrays) == len(last.arrays) - 2
        store.put_checkpoint(replace(last, arrays=arrays))
    assert len(trained(epochs=3, run=run).history) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shots": None}, "planned_shots sets the shots of each step; give shots for the first one"),
        (
            {"optimizer": PlannedShots(), "gradient": qep.training.loop.sources.LinearResponse()},
            "planned_shots needs the gradient's error bar",
        ),
    ],
)
def test_what_cannot_be_planned(options, words):
    with pytest.raises(InputError, match=words):
        trained(**options)


def test_bad_options():
    for minimum, maximum in ((1, None), ("10", None), (10, 5), (10, 0), (10, 50.5), (True, None)):
        with pytest.raises(
            InputError, match=f"planned_shots: minimum {minimum!r} and maximum {maximum!r} .* <= minimum <= maximum"
        ):
            PlannedShots(minimum=minimum, maximum=maximum)
    with pytest.raises(InputError, match="planned_shots: base"):
        PlannedShots(base=PlannedShots())
    assert PlannedShots(base=Momentum()).describe()["base"]["name"] == "momentum"


def limited(*settings):
    spec = load(Path(qep.__file__).parent / "starters" / "training.toml", overrides=[(f"training.{k}", v) for k, v in settings])
    return task_from(spec)[0].optimizer


def test_limits_from_a_spec():
    rule = limited(("optimizer", "planned_shots"), ("minimum_shots", 4), ("maximum_shots", 64))
    assert rule == PlannedShots(minimum=4, maximum=64)
    with pytest.raises(InputError, match="training.maximum_shots: 64 is not allowed, since adam does not change the shots"):
        limited(("maximum_shots", 64))
    with pytest.raises(InputError, match="adaptive_shots: minimum 9 and maximum 8 are not allowed"):
        limited(("optimizer", "adaptive_shots"), ("minimum_shots", 9), ("maximum_shots", 8))
