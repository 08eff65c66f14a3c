"""A training's jobs go through its run: found again wherever its process ends, and asked for before they are paid."""

import os
import signal

import numpy as np
import pytest
from points import named
from remote import FolderDevice

import qep_qiskit as qep
from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.report import training_page as page
from qep_qiskit.runs import turning_points, verbs
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.listing import progress_of
from qep_qiskit.training.life.interrupts import InterruptedTrainingError

pytestmark = pytest.mark.usefixtures("impatient")

X, Y = np.array([[-1.0], [1.0]]), np.array([-1.0, 1.0])
OPTIONS = {"epochs": 2, "batch_size": 2, "learning_rate": 0.1, "seed": 3, "shots": 50, "stencil": qep.symmetric(0.3)}
JOBS = ("1 job 1", "1 job 2", "2 job 1", "2 job 2", "2 job 3")


class Ended(BaseException):
    """The end of a process."""


@pytest.fixture
def at(tmp_path):
    """Return a function that trains in one folder on the device kept in a second folder."""
    (tmp_path / "jobs").mkdir()

    def fit(*faults, device=None, run=tmp_path / "run", **overrides):
        options = {**OPTIONS, "mitigation": "tensored", "validation": (X[:1], Y[:1]), **overrides}
        network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
        return qep.train(network, X, Y, device=device or FolderDevice(tmp_path / "jobs", faults), run=run, **options)

    return fit


def told(result):
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in result.history]
    return np.asarray(result.weights).tobytes(), history, list(result.epochs), result.shots


def sent(folder):
    return len(list((folder / "jobs").glob("*.json")))


def points(jobs):
    """Return every point of some jobs, and of a step, as the sources name them."""
    names = named("runs/jobs/courier.py", "runs/jobs/journal.py")
    labels = [n for n in names if not any(word in n for word in ("group", "reply lost", "adopted"))]
    steps = [f"step 1: {what}" for what in ("before it is kept", "kept")]
    return [name.replace("{job.purpose}", job).replace("{purpose}", job) for name in labels for job in jobs] + steps


@pytest.mark.parametrize(("job", "epochs"), [("1 job 2", 1), *(pytest.param(k, 2, marks=pytest.mark.slow) for k in JOBS)])
def test_a_training_terminated_at_any_point_of_a_job_resumes(at, tmp_path, monkeypatch, job, epochs):
    whole = told(at(run=tmp_path / "whole", epochs=epochs))
    total = sent(tmp_path)
    for number, point in enumerate(points([f"step {job}"])):

        def end(name, point=point):
            if name == point:
                raise Ended

        monkeypatch.setattr(turning_points, "observer", end)
        folder = tmp_path / f"run{number}"
        with pytest.raises(Ended):
            at(run=folder, epochs=epochs)
        monkeypatch.setattr(turning_points, "observer", turning_points.ignore)
        assert told(at(run=folder, epochs=epochs)) == whole, point
        assert sent(tmp_path) == total * (number + 2), point
    with RunStore.open(folder) as store:
        assert len({job.tag for job in store.jobs()}) == total == 3 * epochs


def test_a_job_that_was_another_one_is_refused(at, tmp_path, monkeypatch):
    def end(name):
        if name == "submit step 1 job 1: id written":
            raise Ended

    monkeypatch.setattr(turning_points, "observer", end)
    with pytest.raises(Ended):
        at()
    monkeypatch.setattr(turning_points, "observer", turning_points.ignore)
    plain = FolderDevice.sent
    monkeypatch.setattr(FolderDevice, "sent", lambda self, circuit, values: plain(self, circuit, values + 1e-3))
    with pytest.raises(
        InputError, match="step 1 job 1 of .* was sent with other circuits, values or shots.*another folder"
    ) as caught:
        at()
    assert "\n" not in str(caught.value) and sent(tmp_path) == 1
    monkeypatch.setattr(FolderDevice, "sent", lambda self, circuit, values: plain(self, circuit, values + 1e-13))
    at()  # the last digits of another processor are no other circuit


def test_cautions_are_shown_with_the_price(at, monkeypatch):
    monkeypatch.setattr(FolderDevice, "cautions", lambda self: ["the calibration is old"], raising=False)

    def refuse(price, store):
        assert price["cautions"] == ["the calibration is old"]
        raise InputError("nothing was sent")

    with pytest.raises(InputError, match="nothing was sent"):
        at(confirm=refuse)


def test_the_price_is_shown_and_confirmed_once(at, tmp_path):
    questions = []

    def refuse(price, store):
        questions.append(price)
        raise InputError("nothing was sent")

    with pytest.raises(InputError, match="nothing was sent"):
        at(confirm=refuse)
    assert sent(tmp_path) == 0
    at(confirm=lambda price, store: questions.append(price))
    at(confirm=refuse)  # all is done: nothing to ask for
    assert len(questions) == 2 and questions[0] == questions[1]
    with RunStore.open(tmp_path / "run") as store:
        jobs = store.jobs()
        assert questions[0]["jobs"] == len(jobs) == 6 and questions[0]["steps"] == 2
        assert questions[0]["circuits"] == sum(len(pub.values) for job in jobs for pub in job.pubs)
        assert questions[0]["shots"] == sum(job.shots * len(pub.values) for job in jobs for pub in job.pubs)
    at(confirm=lambda price, store: questions.append(price), epochs=3)
    assert questions[-1]["jobs"] == 3 and questions[-1]["steps"] == 1


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"run": None}, "run: missing; jobs on ibm_folder are paid for, and only a run keeps them: give a folder"),
        ({"workers": 2}, "workers: 2 does not go with ibm_folder, whose jobs go through one run; leave it out"),
        ({"scheduler": "tcp://x:1"}, "scheduler: 'tcp://x:1' does not go with ibm_folder"),
        ({"shots": None}, "shots: missing; ibm_folder measures, so give the shots of each circuit"),
    ],
)
def test_bad_options_are_refused_before_anything_is_sent(at, tmp_path, options, line):
    with pytest.raises(InputError, match=line) as caught:
        at(**options)
    assert "\n" not in str(caught.value) and sent(tmp_path) == 0


def test_a_failed_job_is_sent_again_only_when_asked(at, tmp_path):
    with pytest.raises(
        InputError, match=r"step 1 job 1. failed: the device is on fire; `qep.train.*resubmit=True.` sends it again"
    ):
        at("failed")
    with pytest.raises(InputError, match="sends it again"):
        at()
    result = at(resubmit=True)
    assert sent(tmp_path) == 7 and told(result) == told(at(run=tmp_path / "whole"))


def test_an_interrupt_while_a_job_waits_is_heard(at, tmp_path):
    def press(text, share=None):
        if text.startswith("waiting for step 1 job 1"):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(InterruptedTrainingError, match="0 of 2 steps are kept in .*; step 1 job 1 is under way on ibm_folder"):
        at("queue", progress=press)
    with RunStore.open(tmp_path / "run") as store:
        assert [job.state for job in store.jobs()] == ["queued"]
    assert told(at()) == told(at(run=tmp_path / "whole"))
    assert sent(tmp_path) == 12


def test_a_service_that_does_not_answer_is_retried_for_a_while(at, tmp_path):
    class Silent(FolderDevice):
        left = 4

        def status(self, job_id):
            self.left -= 1
            if self.left >= 0:
                raise DeviceError("device: no answer")
            return super().status(job_id)

    device = Silent(tmp_path / "jobs")
    at(device=device)
    device.left = 5
    with pytest.raises(DeviceError, match="no answer; nothing is lost: `qep.train.* resumes it"):
        at(device=device, run=tmp_path / "other")


def test_circuits_are_compiled_once_per_run_and_again_if_a_qubit_is_lost(at, tmp_path):
    class Counting(FolderDevice):
        compiled = 0
        faulty = False

        def _compile(self, circuit, qubits):
            Counting.compiled += 1
            return super()._compile(circuit, qubits)

        def check(self, pubs):
            if self.faulty:
                raise InputError("device: qubit 1 is faulty now; compile again")

    def stop(step):
        raise Ended

    with pytest.raises(Ended):
        at(device=Counting(tmp_path / "jobs"), on_step=stop)
    assert Counting.compiled == 4  # the states, on any qubits and on those again, and two calibration circuits
    broken = Counting(tmp_path / "jobs")
    broken.faulty = True
    with pytest.raises(InputError, match=r"qubit 1 is faulty now; compile again; `qep.train\(.*\)` does"):
        at(device=broken)
    assert Counting.compiled == 4
    at(device=Counting(tmp_path / "jobs"))
    assert Counting.compiled == 8

    class Breaking(FolderDevice):
        checked = 0

        def check(self, pubs):
            self.checked += 1
            if self.checked == 2:
                raise InputError("device: qubit 1 is faulty now")

    with pytest.raises(InputError, match="step 1 began on these qubits: try again when they are back"):
        at(device=Breaking(tmp_path / "jobs"), run=tmp_path / "other")


def test_status_and_page_describe_the_training(at, tmp_path):
    at()
    summary = verbs.status(tmp_path / "run", ask=False)
    assert (summary.state, summary.kind, summary.steps, summary.jobs, summary.seconds) == (
        "done",
        "training",
        2,
        {"done": 6},
        9.0,
    )
    with RunStore.open(tmp_path / "run") as store:
        assert progress_of(store) == {"steps": 2, "total": 2, "seconds": 9.0, "estimate": None, "asked": False}
        text = page.page(store)
        assert "6 on ibm_folder, 9.0 QPU seconds billed" in text and "step 2 job 3" in text
    with pytest.raises(InputError, match="is a training; `qep train --resume"):
        verbs.collect(tmp_path / "run", device=FolderDevice(tmp_path / "jobs"))


def test_a_training_is_cancelled(at, tmp_path):
    with pytest.raises(InterruptedTrainingError):
        at("queue", progress=lambda text, share=None: text.startswith("waiting") and os.kill(os.getpid(), signal.SIGINT))
    assert verbs.cancel(tmp_path / "run", device=FolderDevice(tmp_path / "jobs", ("queue",))) == ["job000"]
    with pytest.raises(InputError, match="cancelled by the user; .*resubmit=True"):
        at()
    with pytest.raises(InputError, match="was begun from Python and has no spec"):
        verbs.cancel(tmp_path / "run")
