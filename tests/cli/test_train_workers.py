"""`qep train --workers`: the same end for any number of workers, and after a stop."""

import json

import pytest
from click.testing import CliRunner

from qep_qiskit.cli.main import cli
from qep_qiskit.experiment import load
from qep_qiskit.training import fitting as fit
from qep_qiskit.training.from_spec import task_from
from qep_qiskit.training.life.checkpoints import kept_steps
from qep_qiskit.workers import Serial

SPEC = """
seed = 2
[network]
kind = "ising"
sites = 4
edges = "complete"
inputs = [0, 1]
outputs = [3]
[cost]
kind = "squared_error"
[measurement]
shots = 100
[data]
source = "xor"
samples = 12
held_out = 0.0
[training]
epochs = 2
batch_size = 12
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "xor.toml"
    path.write_text(SPEC)
    return path


def run(*words):
    result = CliRunner().invoke(cli, ["train", *map(str, words)], standalone_mode=False)
    return result.return_value, result.output


class Stopped(Exception):
    pass


def stop(step):
    raise Stopped


def begun_in_tasks(path, folder, on_step):
    spec = load(path)
    task, provenance = task_from(spec)
    kept_steps(fit.spread(task, Serial(), anyway=True), folder, spec_text=spec.to_toml(), about=provenance, on_step=on_step)


def test_a_run_begun_with_workers_resumes_without_them(spec, tmp_path):
    begun_in_tasks(spec, tmp_path / "whole", lambda step: None)
    with pytest.raises(Stopped):
        begun_in_tasks(spec, tmp_path / "stopped", stop)
    ends = [json.loads(run("--resume", tmp_path / name, "--json")[1])["weights"] for name in ("whole", "stopped")]
    assert ends[0] == ends[1]


def test_workers_cannot_join_a_run_that_was_begun_without(spec, tmp_path):
    assert run(spec, "--run", tmp_path / "run", "--json")[0] in (0, None)
    code, text = run("--resume", tmp_path / "run", "--workers", "2")
    assert code == 2 and "begun without workers" in text


@pytest.mark.parametrize(
    "words", [("--workers", "0"), ("--scheduler", "nowhere"), ("--workers", "2", "--scheduler", "tcp://a:1")]
)
def test_bad_workers_give_one_line_and_nothing_is_written(spec, tmp_path, words):
    code, text = run(spec, "--run", tmp_path / "run", *words)
    assert code == 2 and len(text.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_one_and_two_workers_end_alike(spec, tmp_path):
    ends = [json.loads(run(spec, "--run", tmp_path / k, "--workers", k, "--json")[1])["weights"] for k in ("1", "2")]
    assert ends[0] == ends[1]
