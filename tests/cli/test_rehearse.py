"""`qep rehearse`: the whole life of a run from the command line, against the mock service, with the real client."""

import base64
import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from qep_qiskit.cli.main import cli
from qep_qiskit.rehearsal.faults import FAULTS
from qep_qiskit.runs.file.store import RunStore

TOKEN = "planted-token-0815-fedcba"
CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/planted:instance::"
SPEC = """
seed = 11
[network]
kind = "ising"
sites = SITES
edges = "chain"
inputs = [0, 1]
outputs = [OUTPUT]
[cost]
kind = "KIND"
[sample]
x = [0.5, -0.5]
y = [1.0]
[stencil]
kind = "symmetric"
beta = 0.05
[preparation]
method = "exact"
[measurement]
shots = SHOTS
mitigation = "tensored"
[device]
name = "DEVICE"
"""


@pytest.fixture(autouse=True)
def secrets(monkeypatch, tmp_path):
    monkeypatch.setenv("QISKIT_IBM_TOKEN", TOKEN)
    monkeypatch.setenv("QISKIT_IBM_INSTANCE", CRN)
    monkeypatch.setenv("QEP_LOOKUP_SECONDS", "1")
    monkeypatch.chdir(tmp_path)
    for name in ("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def spec_file(folder, *, kind="squared_error_observable", sites=2, shots=500, device="ibm_lagos"):
    path = folder / "life.toml"
    text = SPEC.replace("KIND", kind).replace("SITES", str(sites)).replace("OUTPUT", str(sites - 1))
    path.write_text(text.replace("SHOTS", str(shots)).replace("DEVICE", device))
    return str(path)


def rehearsed(*words):
    result = CliRunner().invoke(cli, ["rehearse", *words])
    return result, json.loads(result.stdout) if "--json" in words and result.stdout else None


def decoded(page):
    """A file with the downloads in its links as plain text, in which a search finds what they hold."""
    return re.sub(rb"base64,([A-Za-z0-9+/=]+)", lambda match: base64.b64decode(match[1]), page)


def test_the_life_of_a_run_in_words(tmp_path):
    result, _ = rehearsed(spec_file(tmp_path), "--queue", "0.3", "--run", "one")
    assert result.exit_code == 0, result.output
    for words in (
        "$ qep submit ",
        "$ qep status one",
        "$ qep collect one --yes",
        "1 billed",
        "nothing is sent to IBM",
        "error bars",
    ):
        assert words in result.stdout
    with RunStore.open(tmp_path / "one") as store:
        assert "mock service" in store.description["service"]
        assert "mock service" in json.dumps(store.gradients()[0]["provenance"])


def test_the_life_of_a_run_in_json_with_a_fault_and_no_secret_anywhere(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    result, progress = rehearsed(spec_file(tmp_path), "--queue", "0", "--fault", "echo", "--fault", "lost-reply", "--json")
    assert result.exit_code == 0, result.output
    assert progress["state"] == "done" and progress["ledger"]["faults"] == {"echo": 1, "lost-reply": 1}
    assert sum(job["seconds"] > 0 for job in progress["ledger"]["jobs"]) == 1
    assert any("was refused" in step["message"] for step in progress["steps"])
    contents = [decoded(path.read_bytes()) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(contents) >= 3
    for text in [*contents, result.output.encode(), result.stderr.encode(), caplog.text.encode()]:
        for secret in (TOKEN, CRN, "eyJ"):
            assert secret.encode() not in text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "SPEC: missing; give a spec file, or --serve"),
        (["SPEC", "--fault", "stormy"], "fault: unknown 'stormy'.*did you mean 'storm'"),
        (["SPEC", "--fault", "storm:x"], "fault: 'storm:x' is not allowed"),
        (["SPEC", "--noise", "fulll"], "noise: unknown 'fulll'; allowed: full, readout, none; did you mean 'full'"),
    ],
)
def test_wrong_input(tmp_path, words, line):
    result, _ = rehearsed(*[spec_file(tmp_path) if word == "SPEC" else word for word in words])
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert re.search(line, result.stderr), result.stderr
    assert not (tmp_path / "hardware_runs").exists()


def test_a_job_that_the_service_refuses_is_not_sent_again(tmp_path, monkeypatch):
    monkeypatch.setattr("qep_qiskit.rehearsal.programs.refusal", lambda circuit, machine: "no")
    result, progress = rehearsed(spec_file(tmp_path), "--queue", "0", "--json")
    assert result.exit_code == 1 and progress["state"] == "failed" and progress["ledger"]["jobs"] == []
    assert [step["exit"] for step in progress["steps"]] == [0, 1]
    assert "rehearse with --noise readout" in progress["steps"][-1]["message"]


@pytest.mark.slow
def test_a_job_that_failed_is_sent_again_under_a_new_tag(tmp_path):
    result, progress = rehearsed(spec_file(tmp_path), "--queue", "0", "--fault", "failed-job", "--json")
    assert result.exit_code == 0, result.output
    assert any(step["command"].endswith("--resubmit") for step in progress["steps"])
    assert len(progress["ledger"]["jobs"]) == 2 and sum(job["seconds"] > 0 for job in progress["ledger"]["jobs"]) == 1


def test_faults_are_listed_without_a_spec():
    result, _ = rehearsed("--list-faults")
    assert result.exit_code == 0
    assert all(f"\n{name}\n" in "\n" + result.stdout for name in FAULTS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["squared_error", "squared_error_observable"])
def test_six_sites_on_127_qubits_agree_with_the_exact_gradient(tmp_path, kind):
    """Readout is the only error: after mitigation the exact gradient is within the error bars, as wide as they are at this β."""
    spec = spec_file(tmp_path, kind=kind, sites=6, shots=20_000, device="ibm_brisbane")
    result, progress = rehearsed(spec, "--noise", "readout", "--queue", "0.5", "--json")
    assert result.exit_code == 0, result.output
    for truth in ("noise_free", "exact"):
        assert progress[truth]["largest_z"] < 4 and progress[truth]["mean_square_z"] < 2
    raw = CliRunner().invoke(cli, ["collect", progress["run"], "--mitigation", "none", "--json"])
    assert raw.exit_code == 0


@pytest.mark.slow
def test_separate_commands_share_one_mock_service(tmp_path):
    """Plan to report by hand: every command is a process of its own."""
    spec = spec_file(tmp_path)
    program = [sys.executable, "-m", "qep_qiskit.cli"]
    serving = subprocess.Popen(
        [*program, "rehearse", "--serve", "--queue", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        url = serving.stdout.readline().strip().removeprefix("export QEP_RUNTIME_URL=")
        assert url.startswith("http://127.0.0.1:")
        environment = {**os.environ, "QEP_RUNTIME_URL": url}

        def qep(*words):
            return subprocess.run([*program, *words], env=environment, capture_output=True, text=True, timeout=120)

        submitted = qep("submit", spec, "--run", "hand", "--yes", "--json")
        assert submitted.returncode in (0, 3), submitted.stderr
        assert qep("status", "hand", "--json").returncode in (0, 3)
        done = qep("collect", "hand", "--wait", "--yes", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["state"] == "done"
    finally:
        serving.send_signal(signal.SIGINT)
        _, messages = serving.communicate(timeout=20)
    assert "1 jobs were made" in messages
    assert TOKEN.encode() not in b"".join(p.read_bytes() for p in Path(tmp_path).rglob("*") if p.is_file())


TRAINING = """
data = {source = "xor", samples = 2, noise = 0.0, held_out = 0.0}
training = {epochs = 2, batch_size = 2, learning_rate = 0.1}
"""


def test_a_training_is_played_from_plan_to_report(tmp_path):
    path = tmp_path / "t.toml"
    text = SPEC.replace("KIND", "squared_error_observable").replace("SITES", "3").replace("OUTPUT", "2")
    text = text.replace("SHOTS", "100").replace("DEVICE", "ibm_lagos")
    sample = text[text.index("[sample]") : text.index("[stencil]")]
    path.write_text(TRAINING + text.replace(sample, "").replace('"tensored"', '"none"'))
    result, document = rehearsed(str(path), "--queue", "0", "--noise", "none", "--run", "learned", "--json")
    assert result.exit_code == 0, result.output
    assert [step["command"].split()[1] for step in document["steps"]] == ["plan", "train", "status", "report"]
    training = document["training"]
    assert (training["steps"], training["total"]) == (2, 2) and training["loss_stderr"] > 0
    assert training["qpu_seconds"] == pytest.approx(document["ledger"]["seconds"], abs=1e-3)
    assert training["qpu_seconds"] == pytest.approx(training["qpu_seconds_foreseen"], abs=1e-3)
    assert Path("learned/report.html").is_file() and document["state"] == "done"
