"""OpenQASM 3 files: what is read, what is written, and one clear line for what cannot be."""

from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import Operator, PauliList

from qep_qiskit.ansatz import build
from qep_qiskit.ansatz.qasm import export, load
from qep_qiskit.errors import InputError

PAULIS = PauliList(["ZZ"])
HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.qasm"
    path.write_text(text, encoding="utf-8")
    return path


def same(first: QuantumCircuit, second: QuantumCircuit, values: np.ndarray) -> bool:
    return Operator(first.assign_parameters(values)).equiv(Operator(second.assign_parameters(values)))


def test_gates_that_qiskit_defines_in_the_file_come_back_as_its_own(tmp_path):
    a, b = Parameter("a_0"), Parameter("a_1")
    circuit = QuantumCircuit(3)
    circuit.rzz(a, 0, 1)
    circuit.ryy(2 * b + 0.3 * a, 2, 1)
    circuit.rxx(0.123456789012345678 * a, 0, 2)
    circuit.sxdg(1)
    read = load(export(circuit, tmp_path / "c.qasm"))
    assert [item.operation.name for item in read.data] == ["rzz", "ryy", "rxx", "sxdg"]
    assert type(read.data[0].operation) is type(circuit.data[0].operation)
    assert same(read, circuit, np.array([0.7, -1.1]))


def test_a_gate_of_another_meaning_is_expanded(tmp_path):
    text = "gate rzz(t) a, b { rx(t) a; cx a, b; }\ninput float[64] t_0;\nqubit[2] q;\nrzz(t_0) q[1], q[0];\n"
    read = load(written(tmp_path, HEAD + text))
    assert [item.operation.name for item in read.data] == ["rx", "cx"]
    assert [read.find_bit(qubit).index for qubit in read.data[1].qubits] == [1, 0]


def test_a_parameter_vector_is_written_with_names_that_sort(tmp_path):
    circuit = efficient_su2(3, ["ry", "rz"], reps=1)
    read = load(export(circuit, tmp_path / "c.qasm"))
    assert [p.name for p in read.parameters] == [f"theta_{k:03d}" for k in range(12)]
    assert "// theta_010 was θ[10]" in (tmp_path / "c.qasm").read_text(encoding="utf-8")
    assert same(read, circuit, np.random.default_rng(4).uniform(-3, 3, 12))


def test_names_that_meet_their_successors_are_kept_apart(tmp_path):
    circuit = build("real_amplitudes", num_qubits=2, paulis=PAULIS, layers=1)
    circuit.ry(Parameter("a"), 0)
    circuit.cx(0, 1)
    read = load(export(circuit, tmp_path / "c.qasm"))
    assert [p.name for p in read.parameters] == [f"theta_{k:03d}" for k in range(5)]
    assert same(read, circuit, np.array([0.3, 1.1, -0.4, 2.0, 0.9]))


def test_a_files_own_names_are_kept_and_bound_by_name(tmp_path):
    text = "".join(f"input float[64] t_{k};\n" for k in range(12)) + "qubit[2] q;\n"
    text += "".join(f"ry(t_{k}) q[{k % 2}];\n" for k in range(12))
    circuit = build(written(tmp_path, HEAD + text), num_qubits=2, paulis=PAULIS)
    values = {f"t_{k}": 0.1 * k for k in range(12)}
    operator = Operator(circuit.assign_parameters(values))
    expected = QuantumCircuit(2)
    expected.ry(0.1 * sum(range(0, 12, 2)), 0)
    expected.ry(0.1 * sum(range(1, 12, 2)), 1)
    np.testing.assert_allclose(operator.data, Operator(expected).data, atol=1e-12)


def test_measurements_and_unused_inputs_are_dropped(tmp_path):
    text = "input float[64] a;\ninput float[64] b;\nbit[2] c;\nqubit[2] q;\nry(b) q[0];\nc = measure q;\n"
    circuit = build(written(tmp_path, HEAD + text), num_qubits=2, paulis=PAULIS)
    assert [p.name for p in circuit.parameters] == ["b"]
    assert circuit.num_clbits == 0


def test_circuits_are_found_by_name_in_the_current_folder_and_in_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert build("ising_chain_4", num_qubits=4, paulis=PAULIS).num_parameters == 33
    (tmp_path / "circuits").mkdir()
    export(load("efficient_su2_4"), tmp_path / "circuits" / "ising_chain_4.qasm")
    assert build("ising_chain_4.qasm", num_qubits=4, paulis=PAULIS).num_parameters == 32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "qubit[2] q\nh q[0];\n", "line 4:0: unexpected 'h'"),
        ("OPENQASM 3.0;\nqubit[2] q;\nfoo q[0];\n", "gate 'foo' is not defined"),
        ("hello", "line 1"),
        ("", "it holds no statement"),
        (HEAD + "qubit[2] q;\nry(a) q[0];\n", "Undefined symbol 'a'"),
        (HEAD + "qubit[2] q;\nh q[5];\n", "mine.qasm"),
        (HEAD + "qubit[2] q;\nh q[0];\n", "no parameter"),
        (HEAD + "input float[64] a;\nqubit[2] q;\nreset q[0];\nry(a) q[0];\n", "holds 'reset'"),
        (HEAD + "input float[64] a;\nbit c;\nqubit[2] q;\nc = measure q[0];\nry(a) q[0];\n", "after a measurement"),
        (HEAD + "input float[64] a;\nqubit[3] q;\nry(a) q[0];\n", "has 3 qubits, the network has 2"),
    ],
)
def test_an_unsuitable_file_gives_one_line(tmp_path, text, message, capfd):
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=r"mine\.qasm") as caught:
        build(path, num_qubits=2, paulis=PAULIS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_bytes_that_are_not_text_are_refused(tmp_path):
    path = tmp_path / "mine.qasm"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"mine\.qasm"):
        load(path)


@pytest.mark.parametrize("name", ["nowhere.qasm", "folder/nowhere", Path("nowhere")])
def test_a_missing_file_is_named(name):
    with pytest.raises(InputError, match=r"no file is called '.*nowhere"):
        build(name, num_qubits=2, paulis=PAULIS)


def test_export_overwrites_only_on_request(tmp_path):
    path = export(load("real_amplitudes_4"), tmp_path / "c.qasm")
    before = path.read_text()
    with pytest.raises(InputError, match="exists and is not overwritten"):
        export(load("efficient_su2_4"), path)
    assert path.read_text() == before
    export(load("efficient_su2_4"), path, overwrite=True)
    assert path.read_text() != before


def test_export_refuses_a_bad_place_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"does not end in \.qasm"):
        export(QuantumCircuit(1), tmp_path / "c.txt")
    with pytest.raises(InputError, match="does not exist"):
        export(QuantumCircuit(1), tmp_path / "no" / "c.qasm")
    assert list(tmp_path.iterdir()) == []
