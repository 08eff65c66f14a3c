"""Work that does not fit into memory or time is refused in one line before it begins; large work that fits runs."""

import sys
import time

import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit import memory as room
from qep_qiskit.cli.main import cli
from qep_qiskit.errors import InputError

SPEC = """
network = {{kind = "{kind}", sites = {sites}, edges = "{edges}", inputs = [0], outputs = [1]}}
cost = {{kind = "squared_error"}}
sample = {{x = [0.5], y = [1.0]}}
preparation = {{{preparation}}}
"""
TOO_LARGE = {
    "exact on 26 sites": ("ising", 26, "chain", 'method = "exact"', "26 qubits need about 9.4 GB"),
    "exact on 25 sites": ("ising", 25, "ring", 'method = "exact"', "25 qubits need about 4.7 GB"),
    "1000 sites complete": ("ising", 1000, "complete", 'method = "mps"', "501,500 terms need about 4 TB"),
    "600 sites complete": ("ising", 600, "complete", 'method = "mean_field"', "180,900 terms"),
    "1000 phases complete": ("phase_oscillators", 1000, "complete", 'method = "mean_field"', "501,500 terms"),
    "100,000 oscillators complete": ("oscillators", 100_000, "complete", 'method = "exact"', "100000 sites"),
    "100,000 resistors complete": ("resistors", 100_000, "complete", 'method = "exact"', "100000 sites"),
    "a million steps": ("ising", 3, "chain", 'method = "adiabatic", steps = 1000000', "125,000 steps or fewer"),
    "a million steps on 20": ("ising", 20, "chain", 'method = "adiabatic", steps = 1000000', "steps or fewer"),
    "bond 100,000": ("ising", 400, "chain", 'method = "mps", bond_dimension = 100000', "need about 64 TB"),
    "bond 50,000": ("ising", 100, "ring", 'method = "mps", bond_dimension = 50000', "need about 4 TB"),
    "1000 layers": ("ising", 12, "complete", 'method = "vqe", layers = 1000', "1000 layers of 90 angles need about 259 GB"),
}


@pytest.fixture
def small_machine(monkeypatch):
    monkeypatch.setattr(room, "free_memory", lambda: 4_000_000_000)


@pytest.mark.parametrize("what", TOO_LARGE)
def test_work_that_does_not_fit_gives_one_line(tmp_path, small_machine, what):
    kind, sites, edges, preparation, named = TOO_LARGE[what]
    (tmp_path / "s.toml").write_text(SPEC.format(kind=kind, sites=sites, edges=edges, preparation=preparation))
    begun = time.process_time()
    result = CliRunner().invoke(cli, ["gradient", str(tmp_path / "s.toml")])
    assert time.process_time() - begun < 15
    assert result.exit_code == 2 and result.stderr.count("\n") == 1 and named in result.stderr, result.stderr


DRAWN = {
    "product states": {"preparer": qep.MeanField()},
    "matrix product states": {"preparer": qep.MPS()},
    "light cones": {"preparer": qep.VQE(layers=1), "sites": 30},
    "noisy light cones": {"preparer": qep.VQE(layers=1), "device": "fake_torino", "sites": 20},
    "aer": {"device": qep.aer()},
    "a snapshot on aer": {"device": qep.fake("lima", engine="aer"), "preparer": qep.VQE(layers=1)},
}


@pytest.mark.parametrize("what", DRAWN)
def test_shots_that_are_drawn_one_by_one_must_fit(small_machine, what):
    options = {"sites": 4, **DRAWN[what]}
    network = qep.ising(sites=options.pop("sites"), edges="chain", inputs=[0], outputs=[1])
    problem = qep.Problem(network, network.initial_weights(seed=1), x=[0.5], cost=qep.SquaredError([0.1]))
    with pytest.raises(InputError, match="measurement.shots: 1,000,000,000 shots need about .* of memory"):
        qep.gradient(problem, stencil=qep.symmetric(0.2), shots=10**9, **options)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_large_legal_uses_are_not_refused(small_machine):
    network = qep.ising(sites=127, edges="heavy-hex", inputs=[0], outputs=[126])
    assert len(network.terms) > 380
    assert len(qep.ising(sites=60, edges="complete", inputs=[0], outputs=[1]).terms) == 1770 + 120
    chain = qep.oscillators(sites=1000, edges="chain", inputs=[0], outputs=[999])
    weights = chain.initial_weights(seed=1)
    assert qep.gradient(qep.Problem(chain, weights, x=[0.5], cost=qep.SquaredError([0.1]))).values.shape == (1999,)
    small = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
    problem = qep.Problem(small, small.initial_weights(seed=1), x=[0.5], cost=qep.SquaredError([0.1]))
    for preparer in (qep.Adiabatic(steps=2000), qep.MPS(bond_dimension=100_000), qep.VQE(layers=2)):
        qep.gradient(problem, preparer=preparer, stencil=qep.symmetric(0.1), seed=1)


def test_small_needs_are_granted_without_a_look_at_the_system(monkeypatch):
    monkeypatch.setattr(room, "free_memory", lambda: 0)
    room.require(room.SMALL - 1, "network.sites: 3 sites", "take fewer")
    with pytest.raises(InputError, match="take fewer"):
        room.require(room.SMALL, "network.sites: 3 sites", "take fewer")


def test_free_memory_heeds_the_limit_of_the_process(monkeypatch):
    whole = room.free_memory()
    if not sys.platform.startswith("linux"):
        assert whole is None
        return
    assert whole is not None and 0 < whole < 2**50
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda which: (2**40, 2**40))
    assert room.free_memory() <= 2**40
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1, 1))
    assert room.free_memory() == 0


def test_sizes_in_words():
    assert [room.size(n) for n in (5, 1500, 9.4e9, 64e12, 1e30)] == [
        "5 bytes",
        "1.5 kB",
        "9.4 GB",
        "64 TB",
        "more than any machine has",
    ]
