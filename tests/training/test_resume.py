"""A training that was killed and resumed equals an uninterrupted one, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import points
import pytest
from cases import CASES

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.training.life.checkpoints import state_of
from qep_qiskit.training.life.interrupts import InterruptedTrainingError
from qep_qiskit.training.loop.starts import carries, kept, restored

HERE = Path(__file__).parent


def told(result):
    """Everything of a result that does not depend on the clock."""
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in result.history]
    return np.asarray(result.weights).tobytes(), history, list(result.epochs), result.shots, result.stopped


@pytest.mark.parametrize("case", CASES)
def test_a_run_stopped_after_every_step_is_the_same(tmp_path, case):
    whole = told(CASES[case](None))
    stops = 0

    def stop(step):
        raise KeyboardInterrupt

    while True:
        try:
            result = CASES[case](tmp_path / "run", on_step=stop)
        except KeyboardInterrupt:
            stops += 1
            continue
        break
    assert stops == len(result.history) > 3
    assert told(result) == whole


def killed(folder, case, at):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, points.HERE, at, str(HERE / "cases.py"), case, str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("at", ["step 3: before it is kept", pytest.param("step 3: kept", marks=pytest.mark.slow)])
def test_a_training_killed_at_a_step_resumes(tmp_path, at):
    done = killed(tmp_path / "run", "shots", at)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with RunStore.open(tmp_path / "run") as store:
        assert len(store.steps()) == (3 if at.endswith(": kept") else 2) == state_of(store).step
    assert told(CASES["shots"](tmp_path / "run")) == told(CASES["shots"](None))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["shots", "noise"])
def test_a_training_killed_at_twenty_random_moments_resumes(tmp_path, case):
    """SIGKILL at twenty random moments of a run, which goes on each time and ends as if nothing had happened."""
    epochs, rng, moments, kills = 150, np.random.default_rng(6), [], 0
    command = [sys.executable, str(HERE / "cases.py"), case]
    whole = told(CASES[case](None, epochs=epochs))

    def begun(folder):
        return subprocess.Popen([*command, str(folder), str(epochs)], stderr=subprocess.PIPE)

    def steps_of(folder):
        if not (folder / "run.db").exists():
            return 0
        with RunStore.open(folder) as store:
            return len(store.steps())

    started, process = time.monotonic(), begun(tmp_path / "first")
    while steps_of(tmp_path / "first") == 0 and process.poll() is None:
        time.sleep(0.05)
    start_up = time.monotonic() - started
    process.kill()
    process.communicate()
    folder = tmp_path / "run0"
    while kills < 20:
        before, count, process = steps_of(folder), int(rng.integers(0, 6)), begun(folder)
        while count and steps_of(folder) < before + count and process.poll() is None:
            time.sleep(0.01)
        try:
            process.wait(timeout=rng.random() * (0.03 if count else start_up))
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        _, errors = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), errors
        moments.append(steps_of(folder))
        if process.returncode == 0:
            assert told(CASES[case](folder, epochs=epochs)) == whole
            folder = tmp_path / f"run{kills}"
    assert len(set(moments)) > 5, moments
    assert told(CASES[case](folder, epochs=epochs)) == whole
    print(f"{case}: killed {kills} times, after steps {moments}")


def test_the_first_interrupt_keeps_the_step_and_the_second_aborts(tmp_path):
    def press(step):
        if step.state.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(InterruptedTrainingError, match=r"2 of \d+ steps are kept in") as caught:
        CASES["shots"](tmp_path / "run", on_step=press)
    assert isinstance(caught.value, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is before

    def press_twice(step):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        CASES["shots"](tmp_path / "run", on_step=press_twice)
    assert not isinstance(caught.value, InterruptedTrainingError)
    with RunStore.open(tmp_path / "run") as store:
        assert len(store.steps()) == 3
    assert told(CASES["shots"](tmp_path / "run")) == told(CASES["shots"](None))


def test_a_finished_run_is_read_and_can_continue_for_more_epochs(tmp_path):
    first = CASES["exact"](tmp_path / "run")
    assert told(CASES["exact"](tmp_path / "run")) == told(first)
    longer = CASES["exact"](tmp_path / "run", epochs=4)
    assert len(longer.history) > len(first.history) and told(longer) == told(CASES["exact"](None, epochs=4))


def test_another_training_does_not_resume_a_run(tmp_path):
    CASES["exact"](tmp_path / "run")
    with pytest.raises(InputError, match="holds another training .its learning_rate is 0.1, not 0.2.; give another folder"):
        CASES["exact"](tmp_path / "run", learning_rate=0.2)
    with pytest.raises(InputError, match="its seed is 1, not 2"):
        CASES["exact"](tmp_path / "run", seed=2)
    with RunStore.create(tmp_path / "other", "", description={"kind": "gradient"}):
        pass
    with pytest.raises(InputError, match="holds a run of another kind"):
        CASES["exact"](tmp_path / "other")


def test_large_starts_are_recomputed_and_small_ones_are_kept():
    assert carries(qep.VQE(), 4, 10) and carries(qep.Exact(), 8, 10)
    assert not carries(qep.Exact(), 7, 10) and not carries(qep.Exact(), 20, 1000) and not carries(qep.Adiabatic(), 8, 10)
    network = qep.ising(sites=3, edges="chain", outputs=[2])
    problem = qep.Problem(network, network.initial_weights(seed=1), cost=qep.SquaredError([1.0]))
    for preparer in (qep.Exact(), qep.VQE(layers=1)):
        free = qep.gradient(problem, preparer=preparer).free
        start = restored(kept(free, preparer), preparer)
        np.testing.assert_array_equal(kept(start, preparer), kept(free, preparer))
