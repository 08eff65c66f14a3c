"""Whatever is wrong with the input is one line that names it, exit 2, and nothing is written."""

import socket
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from qiskit.quantum_info import SparsePauliOp

import qep_qiskit as qep
from qep_qiskit.cli.main import cli

# (what is set, what the line must name)
BAD_KEYS = [
    (["network.sitse=4"], ["network.sitse", "4", "did you mean 'sites'"]),
    (["networks.sites=4"], ["networks", "4", "did you mean 'network'"]),
    (["network.kind=isling"], ["network.kind", '"isling"', "ising", "did you mean 'ising'"]),
    (["network.kind=oscillator"], ["network.kind", '"oscillator"', "did you mean 'oscillators'"]),
    (["network.kind="], ["network.kind", "missing", "ising"]),
    (["network.sites=-3"], ["network.sites", "-3", "from 1 to 1000"]),
    (["network.sites=true"], ["network.sites", "true", "whole number"]),
    (["network.sites=2.5"], ["network.sites", "2.5", "whole number"]),
    (["network.sites=four"], ["network.sites", '"four"', "whole number"]),
    (["network.outputs=[9]"], ["network.outputs", "9", "0 to 2"]),
    (["network.outputs=[]"], ["network.outputs", "at least one"]),
    (["network.outputs="], ["network.outputs", "missing"]),
    (["network.inputs=[0, 0]"], ["network.inputs", "0", "twice"]),
    (["network.inputs=[0.5]"], ["network.inputs[0]", "0.5"]),
    (["network.edges=rnig"], ["network.edges", "rnig", "ring"]),
    (["network.edges=[[0, 7], [1, 2]]"], ["network.edges", "7", "0 to 2"]),
    (["network.edges=[[0, 1]]"], ["network.outputs", "2", "disconnected"]),
    (["network.edges=[[0, 1, 2]]"], ["network.edges", "[0, 1, 2]", "pair"]),
    (["network.edges=[[true, 2], [1, 2]]"], ["network.edges", "true"]),
    (["network.clamp=1"], ["network.clamp", "1", "true or false"]),
    (["weights.J=[0.1]"], ["weights.J", "[0.1]", "expected 2"]),
    (["weights.J=[0.1, nan]"], ["weights.J[1]", "nan", "finite"]),
    (["weights.K=[0.1]"], ["weights.K", "[0.1]", "J, h, g"]),
    (["weights.J[0,2]=0.1"], ["weights.J[0,2]", "0.1", "did you mean 'J["]),
    (["weights.h=[1, true, 0]"], ["weights.h[1]", "true", "finite number"]),
    (["weights.g=" + "9" * 400], ["weights.g", "999", "finite number"]),
    (["sample.x=[0.5, 0.5]"], ["sample.x", "[0.5, 0.5]", "expected 1"]),
    (["sample.x=[nan]"], ["sample.x[0]", "nan", "finite"]),
    (["sample.x=[inf]"], ["sample.x[0]", "inf", "finite"]),
    (["sample.y=[1.0, 0.0]"], ["sample.y", "[1.0, 0.0]", "expected 1"]),
    (["sample.y="], ["sample.y", "missing"]),
    (["sample.y=north"], ["sample.y", '"north"', "list of finite numbers"]),
    (["cost.kind=mse"], ["cost.kind", '"mse"', "squared_error"]),
    (["cost.kind=observable", "cost.operator={ZZ = 1.0}", "sample.y="], ["cost.operator", "ZZ", "3 qubits"]),
    (["cost.kind=observable", "cost.operator={ZQZ = 1.0}", "sample.y="], ["cost.operator", "ZQZ", "X, Y, Z"]),
    (["cost.kind=observable", "cost.operator={ZIZ = 1.0}"], ["sample.y", "1.0", "observable"]),
    (["cost.kind=softmax_cross_entropy", "sample.y=0"], ["softmax_cross_entropy", "single output", "one output per class"]),
    (["cost.kind=softmax_cross_entropy", "sample.y=3", "network.outputs=[1, 2]"], ["sample.y", "3", "from 0 to 1"]),
    (["cost.kind=softmax_cross_entropy", "sample.y=0", "cost.scale=-1"], ["cost.scale", "-1", "above 0"]),
    (["stencil.beta=0"], ["stencil.beta", "0", "other than 0"]),
    (["stencil.beta=nan"], ["stencil.beta", "nan", "other than 0"]),
    (["stencil.beta=automatic"], ["stencil.beta", '"automatic"', '"auto"']),
    (["measurement.split=best"], ["measurement.split", '"best"', '"optimal"']),
    (["measurement.split=optimal", "measurement.shots="], ["measurement.split", "needs measurement.shots"]),
    (["measurement.split=[[10, 10]]"], ["measurement.split", "leave shots out"]),
    (["stencil.kind=central"], ["stencil.kind", '"central"', "symmetric"]),
    (["stencil.beat=0.1"], ["stencil.beat", "0.1", "did you mean 'beta'"]),
    (["preparation.method=vqa"], ["preparation.method", '"vqa"', "did you mean 'vqe'"]),
    (["preparation.method=vqe", "preparation.layers=0"], ["preparation.layers", "0", "from 1"]),
    (["preparation.method=vqe", "preparation.ansatz=hamiltonain"], ["preparation.ansatz", "'hamiltonian'"]),
    (["preparation.method=vqe", "preparation.ansatz=no.qasm"], ["preparation.ansatz", "no.qasm"]),
    (["preparation.method=vqe", "preparation.ansatz=" + "x" * 300], ["preparation.ansatz", "x… is not allowed", "efficient_su2"]),
    (["preparation.method=vqe", "preparation.optimizer=BFGS"], ["preparation.optimizer", '"BFGS"', "L_BFGS_B"]),
    (["preparation.method=vqe", "preparation.steps=10"], ["preparation.steps", "10", "vqe"]),
    (["preparation.method=adiabatic", "preparation.time=-1"], ["preparation.time", "-1", "above 0"]),
    (["preparation.method=adiabatic", "preparation.order=3"], ["preparation.order", "3", "1 or 2"]),
    (["preparation.method=adiabatic", "preparation.order=true"], ["preparation.order", "true", "1 or 2"]),
    (["preparation.method=adiabatic", "preparation.time=1.7e308"], ["preparation.time", "1.7e+308", "shorter time"]),
    (["preparation.method=adiabatic", "preparation.nudge_time=1.7e308"], ["preparation.nudge_time", "1.7e+308", "nudge_steps"]),
    (["preparation.layers=3"], ["preparation.layers", "3", "unknown key", 'method = "exact"', 'goes with method = "vqe"']),
    (["device.name=statevector", "device.noise=fake_lima"], ["device.noise", 'it goes with name = "aer" or name = "simulator"']),
    (["network.masses=2.0"], ["network.masses", "unknown key", 'goes with kind = "oscillators"']),
    (["network.inputs=[1e300]"], ["network.inputs[0]", "1e+300", "list of sites"]),
    (["network.edges=[[0, 1e300]]"], ["network.edges", "1e+300", "pairs"]),
    (["network.qubits=[0, 1, 1e300]"], ["network.qubits[2]", "1e+300", "device qubit"]),
    (["measurement.split=[[1e300]]", "measurement.shots="], ["measurement.split", "1e+300", "phase and basis"]),
    (["measurement.split=[[10]]", "measurement.shots="], ["measurement.split: has 1 phase × 1 basis", "3 phases × 2 bases"]),
    (["measurement.split=[[-1]]", "measurement.shots="], ["measurement.split", "-1"]),
    (["measurement.split=[[0, 0]]", "measurement.shots=", "stencil.beta=auto"], ["measurement.split", "no shots"]),
    (["seed=1e300"], ["seed", "1e+300", "whole number"]),
    (["device.name=fake_" + "x" * 300], ["device.name", "xxx...xxx", "qep devices"]),
    (["measurement.mitigation=" + "x" * 300], ["measurement.mitigation", "xxx...xxx", "tensored"]),
    (["measurement.shots=-100"], ["measurement.shots", "-100", "whole number"]),
    (["measurement.shots=0"], ["measurement.shots", "0", "whole number"]),
    (["measurement.shots=1.5e0"], ["measurement.shots", "1.5", "whole number"]),
    (["measurement.mitigation=m9"], ["measurement.mitigation", "m9", "tensored"]),
    (["device.name=aers"], ["device.name", '"aers"', "did you mean 'aer'"]),
    (["device.name=imb_torino"], ["device.name", '"imb_torino"', "ibm_<name>"]),
    (["device.name=ibm_torino", "device.gate_twirling=yes"], ["device.gate_twirling", "true or false"]),
    (["device.name=fake_guadaloupe"], ["device.name", "fake_guadaloupe", "did you mean 'fake_guadalupe'"]),
    (["device.noise=fake_nowhere"], ["device.noise", "fake_nowhere"]),
    (["device.name=aer", "device.method=fast"], ["device.method", "fast", "density_matrix"]),
    (["seed=-1"], ["seed", "-1", "from 0"]),
    (["shots=10"], ["shots", "10", "unknown key"]),
    (["network=3"], ["network", "whole section"]),
    (["measurement"], ["measurement", "section.key=value"]),
    (["weights.h=0", "network.inputs=[]", "sample.x=[]", "weights.g=0"], ["degenerate"]),
]  # fmt: skip

BAD_FILES = [
    ("[network\n", ["bad.toml", "TOML", "line 1"]),
    ("seed = 1\n", ["[network]", "missing"]),
    ("network = 3\n[cost]\nkind = 'squared_error'\n", ["network", "3", "section"]),
    ("[network]\nkind = 'pauli'\noutputs = [{Z = 1}]\nterms = {g = {X = -1, ZZ = 1}}\n[cost]\nkind = 'squared_error'\n"
     "[sample]\ny = [1.0]\n", ["network.terms.g", "ZZ"]),
    ("[network]\nkind = 'pauli'\noutputs = [{Z = 1}]\nterms = {g = {operator = {X = -1}, input = 2}}\n[cost]\n"
     "kind = 'squared_error'\n[sample]\ny = [1.0]\n", ["network.terms.g", "2", "out of range"]),
    ("[network]\nkind = 'pauli'\noutputs = [{Z = 1}]\nterms = {g = {X = nan}}\n[cost]\nkind = 'squared_error'\n"
     "[sample]\ny = [1.0]\n", ["network.terms.g", "nan"]),
]  # fmt: skip


def one_line(result):
    assert result.exit_code == 2, (result.output, result.exception)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    return lines[0]


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("settings", "named"), BAD_KEYS, ids=[" ".join(s)[:60] for s, _ in BAD_KEYS])
def test_a_bad_key_is_refused(small_spec, tmp_path, monkeypatch, settings, named):
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    words = [word for setting in settings for word in ("--set", setting)]
    # both verbs read a spec in the same way; compare is the one that writes
    verb = "gradient" if settings[0].startswith("seed") else "compare"
    line = one_line(CliRunner().invoke(cli, [verb, str(small_spec), *words]))
    for text in named:
        assert text in line
    assert files(tmp_path) == before


@pytest.mark.parametrize(("text", "named"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_bad_file_is_refused(tmp_path, monkeypatch, text, named):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.toml"
    path.write_text(text)
    before = files(tmp_path)
    line = one_line(CliRunner().invoke(cli, ["gradient", str(path)]))
    for part in named:
        assert part in line
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda folder: folder / "smal.toml", ["smal.toml", "no such file", "did you mean 'small.toml'"]),
        (lambda folder: folder, ["specs", "is a folder"]),
        (lambda folder: folder / "binary.toml", ["binary.toml", "UTF-8"]),
    ],
    ids=["missing", "folder", "binary"],
)
def test_unreadable_spec(small_spec, make, named):
    (small_spec.parent / "binary.toml").write_bytes(b"\xff\xfe\x00")
    line = one_line(CliRunner().invoke(cli, ["gradient", str(make(small_spec.parent))]))
    for text in named:
        assert text in line


WIDE = """OPENQASM 3.0;
include "stdgates.inc";
input float[64] theta_0;
qubit[5] q;
ry(theta_0) q[0];
"""


@pytest.mark.parametrize(("text", "named"), [("OPENQASM 3.0;\nqubit[3 q;\n", []), (WIDE, ["5", "3"])])
def test_bad_circuit_file(small_spec, tmp_path, monkeypatch, text, named):
    monkeypatch.chdir(tmp_path)
    (small_spec.parent / "own.qasm").write_text(text)
    before = files(tmp_path)
    words = ["--set", "preparation.method=vqe", "--set", "preparation.ansatz=own.qasm"]
    line = one_line(CliRunner().invoke(cli, ["compare", str(small_spec), *words]))
    for part in ["own.qasm", *named]:
        assert part in line
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["gradeint", "x.toml"], ["gradeint"]),
        (["gradient"], ["SPEC"]),
        (["gradient", "x.toml", "--sed", "1"], ["--sed", "--seed"]),
        (["gradient", "x.toml", "--seed", "one"], ["--seed", "one"]),
        (["circuits", "draw"], ["draw"]),
        (["circuits", "show", "nothing_here"], ["nothing_here"]),
    ],
)
def test_bad_usage_gives_one_line(words, named):
    line = one_line(CliRunner().invoke(cli, words))
    for text in named:
        assert text in line


def test_out_is_a_file(small_spec, tmp_path):
    target = tmp_path / "taken"
    target.write_text("mine")
    line = one_line(CliRunner().invoke(cli, ["compare", str(small_spec), "--out", str(target)]))
    assert "--out" in line
    assert str(target) in line
    assert target.read_text() == "mine"


@pytest.mark.parametrize("setting", ["measurement.shots=-1", pytest.param("weights.J=[nan, 1]", marks=pytest.mark.slow)])
def test_as_a_program(small_spec, tmp_path, setting):
    before = files(tmp_path)
    words = [sys.executable, "-m", "qep_qiskit.cli", "compare", str(small_spec), "--set", setting]
    run = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
    assert setting.split("=")[0] in run.stderr
    assert run.stdout == ""
    assert files(tmp_path) == before


def small_network(**changes):
    return qep.ising(**({"sites": 3, "edges": "chain", "inputs": [0], "outputs": [2]} | changes))


def small_problem(weights=(1.0, 0.5, 0.1, 0.2, 0.3, 1.0, 1.0, 1.0), x=(0.5,), cost=None, network=None):
    return qep.Problem(network or small_network(), weights, x, cost=cost or qep.SquaredError([1.0]))


BAD_CALLS = {
    "no sites": (lambda: small_network(sites=0, inputs=[], outputs=[0]), "0"),
    "site out of range": (lambda: small_network(outputs=[3]), "3"),
    "clamped output": (lambda: small_network(clamp=True, outputs=[0]), "0"),
    "loop": (lambda: small_network(edges=[(1, 1)]), "1, 1"),
    "edge twice": (lambda: small_network(edges=[(0, 1), (1, 0), (1, 2)]), "twice"),
    "edge of clamped sites": (lambda: small_network(clamp=True, inputs=[0, 1], edges="chain"), "clamped"),
    "disconnected": (lambda: small_network(edges=[(0, 1)]), "2"),
    "label": (lambda: qep.pauli(terms={"g": {"XQ": 1}}, outputs=[{"ZZ": 1}]), "XQ"),
    "labels of two widths": (lambda: qep.pauli(terms={"g": {"XX": 1}}, outputs=[{"Z": 1}]), "'Z'"),
    "complex": (lambda: qep.pauli(terms={"g": SparsePauliOp(["X"], [1j])}, outputs=[{"Z": 1}]), "1j"),
    "no terms": (lambda: qep.pauli(terms={}, outputs=[{"Z": 1}]), "terms"),
    "weights too short": (lambda: small_problem(weights=[1.0]), "8"),
    "weight nan": (lambda: small_problem(weights=[np.nan] * 8), "nan"),
    "weight by unknown name": (lambda: small_problem(weights={"J[0,9]": 1.0}), "J[0,9]"),
    "x too long": (lambda: small_problem(x=[1.0, 2.0]), "x"),
    "x infinite": (lambda: small_problem(x=[np.inf]), "inf"),
    "target too long": (lambda: small_problem(cost=qep.SquaredError([1.0, 0.0])), "2"),
    "cost is a number": (lambda: small_problem(cost=3.0), "3.0"),
    "cost operator's width": (lambda: small_problem(cost=qep.ObservableCost({"ZZ": 1.0})), "2 qubits"),
    "loss is not a function": (lambda: qep.ExpectationCost(1.0, None), "1.0"),
    "beta zero": (lambda: qep.symmetric(0.0), "0.0"),
    "beta nan": (lambda: qep.one_sided(float("nan")), "nan"),
    "beta is a word": (lambda: qep.extrapolated("small"), "small"),
    "layers": (lambda: qep.VQE(layers=0), "layers"),
    "ansatz": (lambda: qep.gradient(small_problem(), preparer=qep.VQE(ansatz="hamiltonain")), "hamiltonain"),
    "schedule": (lambda: qep.Adiabatic(schedule="cosnie"), "cosnie"),
    "time": (lambda: qep.Adiabatic(time=-1.0), "-1.0"),
    "unknown snapshot": (lambda: qep.fake("guadaloupe"), "guadaloupe"),
    "aer method": (lambda: qep.aer(method="fast"), "fast"),
    "shots": (lambda: qep.gradient(small_problem(), device=qep.aer(), shots=-5), "-5"),
    "shots nan": (lambda: qep.gradient(small_problem(), device=qep.aer(), shots=float("nan")), "nan"),
    "mitigation": (lambda: qep.gradient(small_problem(), device=qep.aer(), shots=10, mitigation="tensor"), "tensor"),
    "device": (lambda: qep.gradient(small_problem(), device=3, shots=10), "3"),
    "preparer": (lambda: qep.gradient(small_problem(), preparer="exact"), "exact"),
    "stencil": (lambda: qep.gradient(small_problem(), stencil=0.1), "0.1"),
    "degenerate": (
        lambda: qep.exact_gradient(
            small_problem([1.0, 1.0, 0, 0, 0, 0, 0, 0], x=[], network=small_network(inputs=[])),
        ),
        "degenerate",
    ),
}


@pytest.mark.parametrize("what", BAD_CALLS)
def test_a_bad_call_is_refused(what):
    call, named = BAD_CALLS[what]
    with pytest.raises(qep.InputError) as caught:
        call()
    text = str(caught.value)
    assert named in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--port", "70000", "port: 70000 is not allowed; give a whole number from 0 to 65535"),
        ("--port", "-1", "port: -1 is not allowed"),
        ("--port", "taken", "cannot be used (Address already in use); give another one"),
        ("--queue", "nan", "queue_seconds: nan is not allowed"),
        ("--queue", "-1", "queue_seconds: -1.0 is not allowed; give a finite number of at least 0"),
        ("--service-seed", "-1", "seed: -1 is not allowed"),
    ],
)
def test_a_bad_rehearsal_is_refused(small_spec, tmp_path, monkeypatch, option, value, named):
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = str(other.getsockname()[1]) if value == "taken" else value
        assert named in one_line(CliRunner().invoke(cli, ["rehearse", str(small_spec), option, number]))
    assert files(tmp_path) == before
