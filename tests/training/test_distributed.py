"""Samples of a batch on workers: the same weights for any number of them, and when one dies."""

import os
import signal
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.training import fitting as fit
from qep_qiskit.training import steps, task_of
from qep_qiskit.training.loop.distributed import Distributed
from qep_qiskit.workers import Serial, pool


@dataclass(frozen=True)
class Shuffled:
    """Gives results in another order, as workers do."""

    seen: list = field(default_factory=list)

    def results(self, function, shared, items):
        for number in reversed(range(len(items))):
            self.seen.append(number)
            yield number, function(shared, items[number])


def options(**overrides):
    network = qep.ising(sites=3, edges="complete", inputs=[0], outputs=[2])
    X = np.linspace(-1, 1, 10)[:, None]
    return (network, X, 0.5 * X[:, 0]), {"epochs": 2, "batch_size": 10, "learning_rate": 0.1, **overrides}


def trained(processes, **overrides):
    arguments, keywords = options(**overrides)
    task = task_of(*arguments, **keywords)
    spread = replace(task, source=Distributed(task.source, processes, size=4))
    return fit.gathered(spread)


@pytest.mark.parametrize(
    "overrides",
    [{}, {"shots": 200, "device": "statevector"}, {"gradient": "exact"}, {"preparer": qep.VQE(layers=1, starts=1), "epochs": 1}],
    ids=["exact states", "shots", "linear response", "vqe"],
)
def test_the_order_of_results_does_not_matter(overrides):
    shuffled = Shuffled()
    here, there = trained(Serial(), **overrides), trained(shuffled, **overrides)
    assert shuffled.seen[:3] == [2, 1, 0]
    assert np.array_equal(np.asarray(here.weights), np.asarray(there.weights))
    assert [row["loss"] for row in here.history] == [row["loss"] for row in there.history]


def test_without_shots_tasks_change_nothing_but_the_last_digits():
    arguments, keywords = options()
    whole = qep.train(*arguments, **keywords)
    assert np.abs(np.asarray(whole.weights) - np.asarray(trained(Serial()).weights)).max() < 1e-9


def test_tasks_draw_shots_of_their_own():
    arguments, keywords = options(shots=100, device="statevector")
    task = task_of(*arguments, **keywords)
    same = replace(task, samples=replace(task.samples, X=np.full((10, 1), 0.3), costs=(qep.SquaredError([0.1]),) * 10))
    spread = replace(same, source=Distributed(task.source, Serial(), size=5))
    losses = []

    class Watch(Serial):
        def results(self, function, shared, items):
            for number, item in enumerate(items):
                answer = function(shared, item)
                losses.append([g.loss for g in answer])
                yield number, answer

    next(steps(replace(spread, source=replace(spread.source, pool=Watch()))))
    assert losses[0] != losses[1]


@dataclass(frozen=True)
class Mortal:
    """A source whose worker dies the first time that it is asked."""

    source: object
    flag: str

    def __call__(self, problems, settings, **keywords):
        if not os.path.exists(self.flag):
            open(self.flag, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.source(problems, settings, **keywords)

    def describe(self, settings):
        return self.source.describe(settings)


@pytest.mark.slow
def test_workers_and_a_dead_worker_give_the_same_weights(tmp_path):
    here = np.asarray(trained(Serial(), shots=200, device="statevector").weights)
    for count in (1, 2):
        with pool(count) as processes:
            assert np.array_equal(here, np.asarray(trained(processes, shots=200, device="statevector").weights))
    arguments, keywords = options(shots=200, device="statevector")
    one, two = (np.asarray(qep.train(*arguments, **keywords, workers=count).weights) for count in (1, 2))
    assert np.array_equal(one, two)
    task = task_of(*arguments, **keywords)
    with pool(2) as processes:
        source = Distributed(Mortal(task.source, str(tmp_path / "died")), processes, size=4)
        assert np.array_equal(here, np.asarray(fit.gathered(replace(task, source=source)).weights))
    assert (tmp_path / "died").exists()
