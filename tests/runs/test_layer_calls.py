"""The calls of layers go through a run: nothing is paid twice wherever the program ends, and every answer is kept."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner
from points import named
from remote import FolderDevice

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.errors import NudgeWarning
from qep_qiskit.jax import layer
from qep_qiskit.layers.kept import InterruptedCallError
from qep_qiskit.report.pages import write_page
from qep_qiskit.runs import turning_points, verbs
from qep_qiskit.runs.calls import calls_of
from qep_qiskit.runs.file.store import RunStore

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
WEIGHTS = NETWORK.weight_vector([1.0, 0.2, -0.1, 1.0, 0.8])
SAMPLES, TARGETS = np.array([[0.5], [-0.4]]), np.array([[0.3], [-0.2]])
OPTIONS = {"shots": 50, "stencil": qep.symmetric(0.3), "seed": 3}


class Ended(BaseException):
    """The end of a process."""


@pytest.fixture(autouse=True)
def in_float64(impatient):
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        yield


@pytest.fixture
def device(tmp_path):
    """Return a function that makes the device whose jobs are in a folder."""
    (tmp_path / "jobs").mkdir()
    return lambda *faults: FolderDevice(tmp_path / "jobs", faults)


def sent(folder):
    return len(list((folder / "jobs").glob("*.json")))


def trained(predict, steps=2):
    """Some steps of gradient descent: the weights and the losses."""

    def loss(weights):
        return jnp.mean((predict(weights, SAMPLES) - TARGETS) ** 2)

    weights, losses = jnp.asarray(WEIGHTS), []
    for _ in range(steps):
        value, slope = jax.value_and_grad(loss)(weights)
        weights, losses = weights - 0.1 * slope, [*losses, float(value)]
    return np.asarray(weights).tobytes(), losses


def points(call):
    """Every point of the jobs of a call, and of the call, as the sources name them."""
    names = named("runs/jobs/courier.py", "runs/jobs/journal.py")
    labels = [n for n in names if not any(word in n for word in ("group", "reply lost", "adopted"))]
    jobs = [name.replace("{job.purpose}", f"call {call} job 1").replace("{purpose}", f"call {call} job 1") for name in labels]
    return jobs + [name.replace("{number + 1}", str(call)) for name in named("layers/kept.py")]


@pytest.mark.parametrize(
    ("call", "steps", "every"), [(2, 1, 3), *(pytest.param(n, 2, 1, marks=pytest.mark.slow) for n in (1, 2, 3, 4))]
)
def test_a_program_that_ends_anywhere_resumes_and_pays_nothing_twice(device, tmp_path, monkeypatch, call, steps, every):
    whole = trained(layer(NETWORK, device=device(), run=tmp_path / "whole", **OPTIONS), steps)
    assert sent(tmp_path) == 2 * steps  # forward and backward, one job for both samples
    for number, point in enumerate(points(call)[::every]):

        def end(name, point=point):
            if name == point:
                raise Ended

        folder = tmp_path / f"run{number}"
        monkeypatch.setattr(turning_points, "observer", end)
        with pytest.raises(Ended):
            trained(layer(NETWORK, device=device(), run=folder, **OPTIONS), steps)
        monkeypatch.setattr(turning_points, "observer", turning_points.ignore)
        assert trained(layer(NETWORK, device=device(), run=folder, **OPTIONS), steps) == whole, point
        assert sent(tmp_path) == 2 * steps * (number + 2), point
        with RunStore.open(folder) as store:
            calls = {"calls": 2 * steps, "answered": 2 * steps, "predictions": steps, "pullbacks": steps}
            assert calls_of(store) == {**calls, "samples": 4 * steps, "seconds": 3.0 * steps}
            assert len(store.jobs()) == 2 * steps


def test_every_way_of_jax_finds_the_same_calls(device, tmp_path):
    samples = np.linspace(-1, 1, 64)[:, None]
    predict = layer(NETWORK, device=device(), run=tmp_path / "run", **OPTIONS)
    loss = lambda w, x: predict(w, x)[0]  # noqa: E731
    each = jax.jit(jax.vmap(jax.value_and_grad(loss), (None, 0)))
    values, slopes = each(WEIGHTS, samples)
    assert sent(tmp_path) == 2  # one job each way for 64 samples
    again = layer(NETWORK, device=device("storm"), run=tmp_path / "run", **OPTIONS)  # which sends nothing
    np.testing.assert_array_equal(again(WEIGHTS, samples)[:, 0], values)
    _, pulled = jax.vjp(again, jnp.tile(WEIGHTS, (64, 1)), samples)
    np.testing.assert_array_equal(pulled(np.ones((64, 1)))[0], slopes)
    predict(WEIGHTS + 1e-9, samples[:2])
    assert sent(tmp_path) == 3  # other weights, another job
    layer(NETWORK, device=device(), run=tmp_path / "run", **{**OPTIONS, "shots": 60})(WEIGHTS, samples[:2])
    other = qep.ising(sites=2, edges="chain", inputs=[1], outputs=[0])
    layer(other, device=device(), run=tmp_path / "run", **OPTIONS)(WEIGHTS, samples[:2])
    assert sent(tmp_path) == 5  # layers share a folder: each finds its own calls


def test_vjp_keeps_its_jobs_and_its_error_bars(device, tmp_path):
    def pulled(*faults):
        options = {**OPTIONS, "device": device(*faults), "run": tmp_path / "run", "mitigation": "tensored"}
        return qep.vjp(NETWORK, WEIGHTS, SAMPLES, [[1.0], [0.0]], **options)

    first, second = pulled(), pulled("storm")
    number = sent(tmp_path)
    for name in ("weights", "inputs", "weights_stderr", "inputs_stderr"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.weights_stderr[0].all() and first.gradients[0] == second.gradients[0] and second.gradients[1] is None
    qep.vjp(NETWORK, WEIGHTS, SAMPLES, [[1.0], [0.0]], device=device(), run=tmp_path / "run", **OPTIONS)
    assert sent(tmp_path) > number  # another mitigation


def test_the_answers_of_a_simulator_are_kept_too(tmp_path, monkeypatch):
    first = trained(layer(NETWORK, run=tmp_path / "run", shots=200))

    def fail(*_, **__):
        raise AssertionError("measured again")

    monkeypatch.setattr("qep_qiskit.layers.function.predictions", fail)
    monkeypatch.setattr("qep_qiskit.layers.function.vjp", fail)
    assert trained(layer(NETWORK, run=tmp_path / "run", shots=200)) == first


def test_the_price_is_asked_before_a_job_and_stops_it(device, tmp_path):
    prices = []

    def enough(price, store):
        prices.append(price)
        if price["spent_qpu_seconds"] > 2:
            raise qep.InputError("confirm: that is enough")

    with pytest.raises(qep.InputError, match="that is enough"):
        trained(layer(NETWORK, device=device(), run=tmp_path / "run", confirm=enough, **OPTIONS))
    assert sent(tmp_path) == 2 and [price["call"] for price in prices] == [1, 2, 3]
    assert (prices[0]["jobs"], prices[0]["shots"], prices[1]["purpose"]) == (1, 2 * 50, "pullback")
    assert CliRunner().invoke(cli, ["status", str(tmp_path / "run")]).exit_code == 3
    trained(layer(NETWORK, device=device(), run=tmp_path / "run", **OPTIONS))
    assert sent(tmp_path) == 4


def test_a_batch_warns_once_of_what_all_its_samples_have():
    with pytest.warns(NudgeWarning) as caught:
        options = {"preparer": qep.VQE(layers=1), "stencil": qep.symmetric(1.0), "shots": 50}
        qep.vjp(NETWORK, WEIGHTS, np.linspace(-1, 1, 6)[:, None], [1.0], **options)
    assert caught
    texts = ["".join(c for c in str(w.message) if not c.isdigit() and c not in ".,") for w in caught]
    assert len(set(texts)) == len(texts)


def test_a_failed_job_is_sent_again_only_when_asked(device, tmp_path):
    failed = r"call 1 job 1. failed: the device is on fire; `layer\(..., run='.*', resubmit=True\)` sends it again"
    with pytest.raises(qep.InputError, match=failed):
        layer(NETWORK, device=device("failed"), run=tmp_path / "run", **OPTIONS)(WEIGHTS, SAMPLES)
    with pytest.raises(qep.InputError, match=failed):
        layer(NETWORK, device=device(), run=tmp_path / "run", **OPTIONS)(WEIGHTS, SAMPLES)
    layer(NETWORK, device=device(), run=tmp_path / "run", resubmit=True, **OPTIONS)(WEIGHTS, SAMPLES)
    assert sent(tmp_path) == 2


def test_ctrl_c_says_how_to_resume(device, tmp_path):
    def press(text, share=None):
        if text.startswith("waiting for call 1 job 1"):
            raise KeyboardInterrupt

    with pytest.raises(InterruptedCallError, match="all that was sent is recorded: the program .* run='.*run', resumes it"):
        layer(NETWORK, device=device("queue"), run=tmp_path / "run", progress=press, **OPTIONS)(WEIGHTS, SAMPLES)
    layer(NETWORK, device=device(), run=tmp_path / "run", **OPTIONS)(WEIGHTS, SAMPLES)
    assert sent(tmp_path) == 1


def test_a_foreign_or_damaged_folder_is_one_line_before_anything_runs(device, tmp_path):
    layer(NETWORK, device=device(), run=tmp_path / "run", **OPTIONS)(WEIGHTS, SAMPLES)
    qep.train(NETWORK, SAMPLES, TARGETS, epochs=1, run=tmp_path / "training")
    (tmp_path / "file").write_text("x")
    other = device()
    other.name = "ibm_other"
    remote = {"device": device(), **OPTIONS}
    cases = [
        ({"run": tmp_path / "training", **remote}, "holds a run of another kind; give another folder"),
        ({"run": tmp_path / "file", **remote}, "is a file; give the path of a folder"),
        ({"run": 3, **remote}, "run: 3 is not allowed; give the path of a folder"),
        ({"run": tmp_path / "run", **OPTIONS, "device": other}, "holds calls on ibm_folder; give another folder for ibm_other"),
        ({**remote}, "run: missing; jobs on ibm_folder are paid for, and only a run keeps them: give a folder"),
        ({"run": tmp_path / "new", **remote, "shots": None}, "shots: missing; ibm_folder measures"),
        ({"run": tmp_path / "new", **remote, "stencil": qep.symmetric("auto")}, "stencil, shots: the planner's choices follow"),
        ({"confirm": print, "shots": 50}, "confirm: needs a run; give the path of a folder as run="),
        ({"run": tmp_path / "new", **remote, "confirm": 3}, "confirm: 3 is not allowed; give a function"),
        ({"run": tmp_path / "new", **remote, "resubmit": "yes"}, "resubmit: 'yes' is not"),
    ]
    data = (tmp_path / "run/run.db").read_bytes()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/run.db").write_bytes(data[: len(data) // 2])
    cases.append(({"run": tmp_path / "broken", **remote}, "damaged"))
    for options, words in cases:
        with pytest.raises(qep.InputError, match=words) as caught:
            layer(NETWORK, **options)
        assert "\n" not in str(caught.value), words
    assert sent(tmp_path) == 1 and not (tmp_path / "new").exists()
    predict = layer(NETWORK, run=tmp_path / "new", **remote)
    with pytest.raises(qep.InputError, match="x: value 0 is nan"):
        predict(WEIGHTS, [[np.nan]])
    assert not (tmp_path / "new").exists()


def test_commands_describe_the_run(device, tmp_path):
    run = tmp_path / "run"
    trained(layer(NETWORK, device=device(), run=run, **OPTIONS), steps=1)
    shown = CliRunner().invoke(cli, ["status", str(run)])
    assert shown.exit_code == 0 and "2 of 2 calls answered: 1 prediction and 1 pullback; 3.0 QPU seconds billed." in shown.stdout
    assert "call  job    state" in shown.stdout and "   2  job 1  done" in shown.stdout
    document = json.loads(CliRunner().invoke(cli, ["status", str(run), "--json"]).stdout)
    assert document["state"] == "done" and document["layer"]["answered"] == 2
    listed = json.loads(CliRunner().invoke(cli, ["runs", "list", str(run), "--json"]).stdout)["runs"]
    assert [(row["kind"], row["state"], row["jobs"]) for row in listed] == [("layer", "done", {"done": 2})]
    for words in (["collect", str(run)], ["report", str(run)], ["train", "--resume", str(run)]):
        refused = CliRunner().invoke(cli, words)
        assert refused.exit_code == 2, words
        assert "is the run of a layer; the program that made it, started again with run=" in refused.stderr
        assert "fetches its jobs; `qep status" in refused.stderr
    with pytest.raises(qep.InputError, match="is the run of a layer"):
        write_page(run)
    assert verbs.status(run, ask=False).state == "done"


def test_the_layer_of_torch_in_a_loop_over_batches(device, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from qep_qiskit.torch import Layer

    def fit(folder):
        torch.manual_seed(0)
        module = Layer(NETWORK, weights=WEIGHTS, device=device(), run=folder, **OPTIONS)
        model = torch.nn.Sequential(torch.nn.Linear(1, 1), module)
        loader = torch.utils.data.DataLoader(list(zip(torch.linspace(-1, 1, 4)[:, None], torch.ones(4, 1), strict=True)), 2)
        steps, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
        for x, y in loader:
            steps.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            steps.step()
            losses.append(loss.item())
        return losses

    def end(name):
        if name == "submit call 4 job 1: sent, id not written":
            raise Ended

    whole = fit(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turning_points, "observer", end)
        with pytest.raises(Ended):
            fit(tmp_path / "run")
    assert sent(tmp_path) == 8 and fit(tmp_path / "run") == whole and sent(tmp_path) == 8
