"""Forty hostile files of all kinds end within 5 s and 500 MB, with one line and exit 2, and leave nothing behind."""

import io
import os
import warnings

import pytest
from click.testing import CliRunner
from hostile_files import files, measured
from qiskit import QuantumCircuit, qpy

from qep_qiskit.cli.main import cli
from qep_qiskit.foreign.circuits import read_circuits

FILES = files()


def test_there_are_forty():
    assert len(FILES) >= 40


def left(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def is_one_line(code, stderr):
    assert code == 2, stderr
    assert stderr.startswith("qep: ") and stderr.count("\n") == 1 and len(stderr) < 700 and "internal error" not in stderr, stderr


@pytest.mark.parametrize("name", [name for name in FILES if "MB" not in name and "GB" not in name])
def test_a_hostile_file_is_refused_in_one_line(tmp_path, monkeypatch, name):
    contents, words = FILES[name]
    for file, content in contents.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, words)
    is_one_line(result.exit_code, result.stderr)
    assert left(tmp_path) == set(contents)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_takes_little_time_and_memory(tmp_path, name):
    contents, words = FILES[name]
    done, seconds, megabytes = measured(contents, words, tmp_path)
    is_one_line(done.returncode, done.stderr)
    assert left(tmp_path) == set(contents)
    assert seconds < 5.0 and megabytes < 500.0


def test_reading_circuits_is_quiet_beside_jax(monkeypatch):
    """JAX warns of every fork of the process; the child that reads circuits uses no thread."""
    fork, written = os.fork, io.BytesIO()

    def warned():
        warnings.warn("os.fork() was called. os.fork() is incompatible with threads, and JAX is", RuntimeWarning, stacklevel=2)
        return fork()

    monkeypatch.setattr(os, "fork", warned)
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    qpy.dump(circuit, written)
    assert read_circuits({"circuit": written.getvalue()}) == {"circuit": circuit}
