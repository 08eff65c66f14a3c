"""OpenQASM files whose sizes are beyond all ansätze are refused in one line, before anything of that size is made."""

import time

import pytest

from qep_qiskit.ansatz.qasm import load
from qep_qiskit.errors import InputError

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def doubling(levels, first="h a; h a;"):
    gates = [f"gate g0 a {{{first}}}"] + [f"gate g{k} a {{g{k - 1} a; g{k - 1} a;}}" for k in range(1, levels)]
    return "\n".join(gates) + f"\nqubit q; g{levels - 1} q;"


HOSTILE = {
    "a hundred million qubits": ("qubit[100000000] q;", "100,000,000"),
    "hexadecimal": ("qubit[0xFFFFFFF] q;", "268,435,455"),
    "in the old way": ("qreg q[100000000];", "100,000,000"),
    "bits": ("bit[100000000] c; qubit q; h q;", "100,000,000"),
    "bits in the old way": ("creg c[100000000]; qubit q; h q;", "100,000,000"),
    "an input of bits": ("input bit[100000000] c; qubit q; h q;", "100,000,000"),
    "a size to be worked out": ("qubit[10 * 10000000] q;", "an expression"),
    "no qubits": ("qubit[0] q;", "size 0"),
    "many registers": ("".join(f"qubit[1000] q{k};" for k in range(50)), "50,000"),
    "2^40 gates": (doubling(40), "10^12"),
    "2^40 gates of names that are known": (doubling(40).replace("g38", "cz").replace("g37", "cx"), "10^12"),
    "2^20 gates": (doubling(20), "1,048,57"),
    "broadcast in a definition's body": ("qubit[1000] q;\n" + "gate g a {" + "h a;" * 1000 + "}\n" + "g q;\n" * 100, "gates"),
    "a definition by itself": ("gate g0 a {g1 a;} gate g1 a {g0 a;} qubit q; g0 q;", "by itself"),
    "100,000 lines": ("qubit[2] q;\n" + "cx q[0], q[1];\n" * 100_000, "100,003 statements"),
    "broadcast": ("qubit[1000] q;\n" + "h q;\n" * 5000, "gates"),
    "a long range": ("qubit[4] q; let a = q[0:100000000000]; h a;", "range"),
    "a range to be worked out": ("qubit[4] q; let a = q[0:1000*1000*1000*1000]; h a;", "range"),
    "a loop": ("qubit[4] q; for int i in [0:1000000000] { h q[0]; }", "range"),
    "a control of many": ("qubit[4] q; ctrl(1000000000) @ x q[0], q[1];", "modifier"),
    "a power": ("qubit[4] q; pow(1000000000) @ x q[0];", "modifier"),
    "brackets": ("qubit q; rz(" + "(" * 20_000 + "1" + ")" * 20_000 + ") q;", "characters"),
    "some brackets": ("qubit q; rz(" + "(" * 200 + "1" + ")" * 200 + ") q;", "levels"),
    "signs": ("qubit q; rz(" + "-" * 2000 + "1) q;", "levels"),
    "a long sum": ("qubit q; rz(1" + "+1" * 20_000 + ") q;", "characters"),
    "a long number": ("qubit q; rz(" + "9" * 5000 + ") q;", "digits"),
    "another file": ('include "/etc/passwd"; qubit q;', "imports"),
    "megabytes": ("//" + "x" * 3_000_000, "bytes"),
    "a while loop": ("qubit q; while (true) { h q; }", ""),
    "nothing": ("\x00\x01", ""),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_gives_one_line(tmp_path, what):
    text, named = HOSTILE[what]
    path = tmp_path / "odd.qasm"
    path.write_text(HEAD + text)
    begun = time.process_time()
    with pytest.raises(InputError) as caught:
        load(path)
    assert time.process_time() - begun < 15
    assert named in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_large_circuits_that_are_plain_are_read(tmp_path):
    path = tmp_path / "large.qasm"
    path.write_text(HEAD + doubling(8) + "\n// " + "(" * 300 + "-" * 300)
    assert len(load(path).data) == 256
    path.write_text(HEAD + "qubit[500] q;\n" + "h q;\n" * 20 + "cx q[0], q[1];\n" * 500)
    assert len(load(path).data) == 10_500
