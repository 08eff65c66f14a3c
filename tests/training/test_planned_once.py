"""Options left to the planner are planned once for a training; and the arguments that `train` shows."""

import inspect

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.forecasting import planner
from qep_qiskit.measurement.split import Split
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.training import task_of
from qep_qiskit.training.fitting import spread
from qep_qiskit.training.loop.distributed import Distributed
from qep_qiskit.training.loop.settlement import settled
from qep_qiskit.workers import Serial

X, Y = np.array([[-1.0], [1.0]]), np.array([-0.5, 0.5])
OPTIONS = {"epochs": 2, "batch_size": 1, "learning_rate": 0.1, "seed": 3}
LEFT = {
    "beta": {"stencil": qep.symmetric("auto"), "shots": 400},
    "split": {"stencil": qep.one_sided(0.2), "shots": qep.optimal_shots(400)},
    "both": {"stencil": qep.symmetric("auto"), "shots": qep.optimal_shots(400), "mitigation": "tensored"},
    "noiseless": {"stencil": qep.symmetric("auto")},
}


def network():
    return qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])


def fit(run=None, **overrides):
    return qep.train(network(), X, Y, run=run, **{**OPTIONS, **overrides})


def told(result):
    return np.asarray(result.weights).tobytes(), [{k: v for k, v in row.items() if k != "seconds"} for row in result.history]


@pytest.fixture
def plans(monkeypatch):
    """Count how often the planner is asked."""
    requests = []
    plain = planner.best_choice
    monkeypatch.setattr(planner, "best_choice", lambda *args: requests.append(args) or plain(*args))
    return requests


@pytest.mark.parametrize("left", LEFT)
def test_planned_once_and_kept_with_the_run(tmp_path, plans, left):
    options = {**LEFT[left], "device": qep.simulator(noise="fake_guadalupe")} if left == "both" else LEFT[left]
    whole = fit(validation=(X, Y), **options)
    assert len(plans) == 1 and len(whole.history) == 4
    planned = whole.settings["planned"]
    assert planned["stencil"]["beta"] != "auto" and whole.settings["stencil"]["kind"] == planned["stencil"]["kind"]

    def stop(step):
        raise KeyboardInterrupt

    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "run", validation=(X, Y), on_step=stop, **options)
    assert told(fit(tmp_path / "run", validation=(X, Y), **options)) == told(whole)
    assert len(plans) == 2  # again for the run, but not when it resumes
    with RunStore.open(tmp_path / "run") as store:
        stored = store.get("training", "planned")
        assert stored["beta"] == planned["stencil"]["beta"] and store.get("training", "settings")["planned"] == stored


def test_the_numbers_are_those_of_the_first_gradient():
    problem = qep.Problem(network(), network().initial_weights(seed=3), X[0], cost=qep.SquaredError([Y[0]]))
    expected = qep.plan(problem, stencil=qep.symmetric("auto"), shots=qep.optimal_shots(400), seed=3).settings
    task = settled(task_of(network(), X, Y, **OPTIONS, **{**LEFT["both"], "mitigation": "none"}))
    assert task.settings.stencil == expected["stencil"] and task.settings.shots == expected["shots"]


def test_a_split_serves_training_and_held_out_samples():
    split = Split([[100, 0], [300, 200], [300, 200]])
    result = fit(shots=split, stencil=qep.symmetric(0.2), validation=(X, Y))
    assert {row["shots_per_circuit"] for row in result.history} == {220}
    assert result.history[0]["shots"] == split.total and result.epochs[0]["validation_shots"] == 200


def test_workers_share_what_was_planned():
    task = spread(task_of(network(), X, Y, **OPTIONS, **LEFT["beta"]), Serial(), anyway=True)
    planned = settled(task)
    assert isinstance(planned.source, Distributed) and planned.settings.stencil.beta != "auto"


def test_requests_that_cannot_be_planned_are_refused():
    with pytest.raises(InputError, match="adaptive_shots sets the shots of each step; give one number of shots"):
        fit(optimizer="adaptive_shots", shots=qep.optimal_shots(100))
    with pytest.raises(InputError, match="gradient: 'exact' is computed"):
        fit(gradient="exact", shots=qep.optimal_shots(100))


def test_train_shows_all_of_its_arguments():
    parameters, checked = inspect.signature(qep.train).parameters, inspect.signature(task_of).parameters
    assert all(p.kind is not p.VAR_KEYWORD for p in parameters.values())
    assert {name: parameters[name].default for name in checked} == {name: p.default for name, p in checked.items()}
    extra = ["run", "resubmit", "confirm", "workers", "scheduler", "on_step", "progress"]
    assert list(parameters) == [*checked, *extra]
    lines = [line.strip() for line in inspect.getdoc(qep.train).split("Returns\n")[0].splitlines()]
    documented = {name.strip() for line in lines if line and not line.endswith(".") for name in line.split(" :")[0].split(",")}
    assert set(parameters) <= documented


def test_nothing_is_planned_for_exact_gradients():
    network = qep.ising(sites=3, inputs=[0], outputs=[2])
    options = {"gradient": "exact", "epochs": 2, "learning_rate": 0.1}
    planned, plain = (qep.train(network, [[0.5]], [0.3], **options, **more) for more in ({"stencil": qep.symmetric("auto")}, {}))
    assert dict(planned.weights) == dict(plain.weights)
    assert "planned" not in planned.settings
