"""Fingerprints: what counts, what does not, and the same digest in every process."""

import dataclasses
import functools
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector, QuantumCircuit
from qiskit.circuit.classical import expr
from qiskit.circuit.library import RZGate, UnitaryGate, XGate
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, amplitude_damping_error, depolarizing_error, pauli_error
from qiskit_algorithms.optimizers import ADAM, COBYLA, SPSA

import qep_qiskit as qep
from qep_qiskit.fingerprints import FileContent, UnidentifiedError, difference, fingerprint, identity, named, read_once

t, a, b = ParameterVector("t", 12), Parameter("a"), Parameter("b")
FACTOR = 2.0


def circuit(build, qubits=3, name="one"):
    circuit = QuantumCircuit(qubits, name=name)
    build(circuit)
    return circuit


def switch(value):
    def build(c):
        register = ClassicalRegister(2, "r")
        c.add_register(register)
        c.measure([0, 1], register)
        with c.if_test((register[0], value)):
            c.x(2)
        with c.while_loop(expr.less(register, 2 + value)):
            c.h(0)

    return build


def defined(inner):
    part = circuit(inner, 2).to_gate(label="part")
    return lambda c: c.append(part, [2, 0])


def unnamed(angle):
    def build(c):
        part = QuantumCircuit(2)  # Qiskit counts its name up
        part.crx(angle, 0, 1)
        c.append(part.to_gate().inverse(), [0, 1])

    return build


CIRCUITS = {
    "angle": (lambda c: c.rx(0.1, 0), lambda c: c.rx(0.1 + 1e-15, 0)),
    "qubit": (lambda c: c.cx(0, 1), lambda c: c.cx(1, 0)),
    "parameter": (lambda c: c.rx(a, 0), lambda c: c.rx(b, 0)),
    "expression": (lambda c: c.rx(2 * a + b, 0), lambda c: c.rx(2 * a - b, 0)),
    "element": (lambda c: c.rx(t[2], 0), lambda c: c.rx(Parameter("t[2]"), 0)),
    "global phase": (lambda c: c.h(0), lambda c: (c.h(0), setattr(c, "global_phase", 0.3))),
    "label": (lambda c: c.append(XGate(), [0]), lambda c: c.append(XGate(label="noisy"), [0])),
    "control state": (lambda c: c.mcx([0, 1], 2, ctrl_state=1), lambda c: c.mcx([0, 1], 2, ctrl_state=2)),
    "controlled": (lambda c: c.append(RZGate(0.1).control(1), [0, 1]), lambda c: c.append(RZGate(0.2).control(1), [0, 1])),
    "unitary": (lambda c: c.append(UnitaryGate(np.eye(2)), [0]), lambda c: c.append(UnitaryGate(np.diag([1, 1j])), [0])),
    "unnamed definition": (unnamed(0.1), unnamed(0.2)),
    "definition": (defined(lambda c: c.rx(0.1, 0)), defined(lambda c: c.rx(0.2, 0))),
    "control flow": (switch(0), switch(1)),
    "order": (lambda c: (c.h(0), c.x(0)), lambda c: (c.x(0), c.h(0))),
}


@pytest.mark.parametrize("case", CIRCUITS)
def test_circuits_differ_by_their_gates_and_not_by_their_names(case):
    one, other = CIRCUITS[case]
    assert fingerprint(circuit(one)) == fingerprint(circuit(one, name="two"))
    assert fingerprint(circuit(one)) == fingerprint(circuit(one).copy())
    assert fingerprint(circuit(one)) != fingerprint(circuit(other))


def test_a_circuit_that_grows_has_another_fingerprint():
    grown = circuit(lambda c: c.ry(t[0], 0))
    before = fingerprint(grown)
    grown.ry(t[1], 1)
    assert fingerprint(grown) != before


def noise(rate=0.01, wires=None, readout=None, kind=depolarizing_error):
    model = NoiseModel()
    if wires is None:
        model.add_all_qubit_quantum_error(kind(rate, 1), ["x", "sx"])
    else:
        model.add_quantum_error(kind(rate, 1), ["x", "sx"], wires)
    if readout is not None:
        model.add_all_qubit_readout_error(ReadoutError([[1 - readout, readout], [0, 1]]))
    return model


def damping(rate, _):
    return amplitude_damping_error(rate)


def test_noise_models_differ_by_their_errors():
    models = [noise(), noise(0.3), noise(wires=[0]), noise(wires=[1]), noise(readout=0.1), noise(readout=0.2)]
    models += [noise(kind=damping), noise(0.3, kind=damping), noise(kind=lambda r, _: pauli_error([("X", r), ("I", 1 - r)]))]
    digests = [fingerprint(model) for model in models]
    assert len(set(digests)) == len(models)
    assert fingerprint(noise(readout=0.2)) == digests[5]
    devices = [fingerprint(qep.aer(noise=model)) for model in models[:2]]
    assert devices[0] == fingerprint(qep.aer(noise=noise())) != devices[1]


def test_a_device_that_was_used_is_the_same_device():
    device, network = qep.aer(noise=noise(), seed=3), qep.ising(sites=2, edges="chain", outputs=[1])
    before = fingerprint(device)
    problem = qep.Problem(network, network.initial_weights(seed=1), cost=qep.SquaredError([1.0]))
    qep.gradient(problem, preparer=qep.Adiabatic(time=2, steps=12), device=device, shots=50)
    assert fingerprint(device) == before != fingerprint(qep.aer(noise=noise(), seed=4))


def pauli(coefficient=-1.0, output="IZ"):
    return qep.pauli(terms={"g": {"XI": coefficient, "IX": -1.0}}, fixed={"ZZ": -1.0}, outputs=[{output: 1.0}])


PAIRS = {
    "network coefficient": lambda: (pauli(), pauli(-1.01)),
    "network output": lambda: (pauli(), pauli(output="ZI")),
    "oscillators": lambda: (
        qep.oscillators(sites=2, masses=1.0, inputs=[0], outputs=[1]),
        qep.oscillators(sites=2, masses=1.1, inputs=[0], outputs=[1]),
    ),
    "levels": lambda: (
        qep.oscillators(sites=2, outputs=[1], levels=2),
        qep.oscillators(sites=2, outputs=[1], levels=2, encoding="gray"),
    ),
    "cost": lambda: (qep.SquaredError([0.1]), qep.SquaredError([0.2])),
    "kind of cost": lambda: (qep.SquaredError([0.1]), qep.SquaredError([0.1]).observable()),
    "operator": lambda: (qep.ObservableCost({"ZI": 1.0}), qep.ObservableCost({"ZI": 1.5})),
    "expectation cost": lambda: (qep.softmax_cross_entropy(0, scale=2.0), qep.softmax_cross_entropy(0, scale=3.0)),
    "iterations": lambda: (qep.VQE(max_iterations=2000), qep.VQE(max_iterations=20)),
    "tolerance": lambda: (qep.MeanField(max_iterations=100), qep.MeanField(max_iterations=10)),
    "optimizer option": lambda: (qep.VQE(optimizer=SPSA(maxiter=5)), qep.VQE(optimizer=SPSA(maxiter=6))),
    "optimizer": lambda: (qep.VQE(optimizer=COBYLA(tol=1e-3)), qep.VQE(optimizer=COBYLA(tol=1e-4))),
    "rate": lambda: (qep.VQE(optimizer=ADAM(lr=0.1)), qep.VQE(optimizer=ADAM(lr=0.2))),
    "ansatz": lambda: (qep.VQE(ansatz=circuit(lambda c: c.rx(a, 0))), qep.VQE(ansatz=circuit(lambda c: c.ry(a, 0)))),
    "temperature": lambda: (qep.Thermal(1.0), qep.Thermal(1.1)),
    "initial": lambda: (qep.Adiabatic(initial={"X": -1.0}), qep.Adiabatic(initial={"X": -1.0, "Z": 0.1})),
    "stencil": lambda: (qep.symmetric(0.1), qep.symmetric(0.2)),
    "split": lambda: (qep.Split([[1, 2]]), qep.Split([[2, 1]])),
    "method": lambda: (qep.aer(method="statevector"), qep.aer(method="density_matrix")),
    "snapshot": lambda: (qep.fake("guadalupe"), qep.fake("manila")),
    "sampler": lambda: (StatevectorSampler(seed=1), StatevectorSampler(seed=2)),
    "backend": lambda: (GenericBackendV2(3, seed=1), GenericBackendV2(3, seed=2)),
    "backend's noise": lambda: tuple(BackendSamplerV2(backend=AerSimulator(noise_model=noise(r))) for r in (0.1, 0.2)),
    "array": lambda: (np.arange(4.0), np.arange(4.0).reshape(2, 2)),
    "order of a list": lambda: ([1, 2], [2, 1]),
    "type in a set": lambda: ({1, "a"}, {1, "b"}),
    "pauli sum": lambda: (SparsePauliOp("XI", 1.0), SparsePauliOp("XI", 1.0 + 1e-15)),
    "partial": lambda: (functools.partial(math.pow, 2), functools.partial(math.pow, 3)),
}


@pytest.mark.parametrize("case", PAIRS)
def test_every_option_counts(case):
    (one, other), (again, _) = PAIRS[case](), PAIRS[case]()
    assert fingerprint(one) == fingerprint(again) != fingerprint(other)


def test_only_differences_of_value_count():
    assert fingerprint({"a": 1, "b": {3, 4}}) == fingerprint({"b": {4, 3}, "a": 1.0})
    assert fingerprint(np.array([1, 2])) == fingerprint(np.array([1.0, 2.0])) == fingerprint(np.array([1, 2], dtype="int8"))
    assert fingerprint(0.0) == fingerprint(-0.0) and fingerprint(1) != fingerprint(True) and fingerprint("1") != fingerprint(1)
    assert fingerprint(["ab", "c"]) != fingerprint(["a", "bc"])


def scaled(factor):
    return lambda y: qep.SquaredError(np.atleast_1d(factor * y))


def helper(y):
    return FACTOR * y


def test_functions_by_what_they_do(monkeypatch):
    assert fingerprint(lambda y: y + 1) == fingerprint(lambda y: y + 1) != fingerprint(lambda y: y + 2)
    assert fingerprint(lambda y: y + 1) != fingerprint(lambda y: y + 1.0)
    assert fingerprint(lambda y: y.real) != fingerprint(lambda y: y.imag)
    assert fingerprint(scaled(1.0)) == fingerprint(scaled(1.0)) != fingerprint(scaled(-1.0))
    assert fingerprint(lambda y, k=1: y) != fingerprint(lambda y, k=2: y)
    assert fingerprint(np.cos) != fingerprint(np.sin) and fingerprint(math.cos) != fingerprint(math.sin)

    def uses(y):
        return helper(y)

    before = fingerprint(uses)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert fingerprint(uses) != before

    def documented(y):
        """Say one thing."""
        return y

    first = fingerprint(documented)

    def documented(y):
        """Say another, in another place."""
        return y

    assert fingerprint(documented) == first


def test_functions_that_call_themselves_and_each_other():
    def even(n):
        return True if n == 0 else odd(n - 1)

    def odd(n):
        return False if n == 0 else even(n - 1)

    assert len(fingerprint(even)) == 64 and fingerprint(even) != fingerprint(odd)


class Rule:
    gain = 2.0

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step, total):
        return self.gain * self.rate

    @functools.cached_property
    def memory(self):
        return [self.rate]


def test_objects_and_classes_of_the_user(monkeypatch):
    rule = Rule(0.1)
    before = fingerprint(rule)
    assert rule.memory and fingerprint(rule) == before != fingerprint(Rule(0.2))
    monkeypatch.setattr(Rule, "gain", 3.0)
    assert fingerprint(rule) != before
    monkeypatch.undo()
    monkeypatch.setattr(Rule, "__call__", lambda self, step, total: self.rate)
    assert fingerprint(rule) != before


@pytest.mark.parametrize("case", ["lock", "file", "opens", "thread's"])
def test_an_object_without_content_is_refused_in_one_line_that_says_how_to_name_it(case, tmp_path):
    lock, path = threading.Lock(), tmp_path / "a.txt"
    path.write_text("1")

    def reads(y):
        return float(open("a.txt").read()) * y

    with open(path) as stream:
        value = {"lock": lambda y: lock, "file": lambda y: stream.read(), "opens": reads, "thread's": threading.Event()}[case]
        with pytest.raises(UnidentifiedError, match=r"^cost: .*name the function that uses it: qep\.named\(") as caught:
            fingerprint(value, "cost")
    assert "\n" not in str(caught.value) and "0x" not in str(caught.value)
    assert fingerprint(named("mine", reads)) == fingerprint(named("mine", lambda y: y)) != fingerprint(named("other", reads))


def test_files_by_their_bytes(tmp_path):
    path, moved = tmp_path / "one.qasm", tmp_path / "two.qasm"
    path.write_text("a")
    moved.write_text("a")
    assert fingerprint(path) == fingerprint(moved) == fingerprint(FileContent(path))
    before = identity({"ansatz": path}, "preparer")
    path.write_text("b")
    assert fingerprint(path) != fingerprint(moved)
    assert difference(before, identity({"ansatz": path}, "preparer")) == "the file one.qasm changed since it began"


@dataclasses.dataclass(frozen=True)
class Options:
    rate: float = 0.1
    matrix: tuple = (1, 2)
    memory: dict = dataclasses.field(default_factory=dict, compare=False)


def test_the_difference_of_two_identities_is_named():
    first = identity({"rule": Options()}, "task")
    assert difference(first, identity({"rule": Options(memory={1: 2})}, "task")) is None
    assert difference(first, identity({"rule": Options(rate=0.2)}, "task")) == "its task.rule.rate is 0.1, not 0.2"
    assert difference(first, identity({"rule": Options(matrix=(2, 1))}, "task")) == "its task.rule.matrix changed since it began"


SCRIPT = """
import numpy as np, qep_qiskit as qep
from qiskit.circuit import QuantumCircuit, ParameterVector
from qep_qiskit.fingerprints import fingerprint
from qiskit_aer.noise import NoiseModel, depolarizing_error
t = ParameterVector("t", 3); c = QuantumCircuit(2); c.ry(t[0] * 2 + t[1], 0); c.cx(0, 1)
m = NoiseModel(); m.add_all_qubit_quantum_error(depolarizing_error(.1, 2), ["cx", "cz"])
names = {"x", "y", "zz"}
class Own:
    def __init__(self): self.a = {"p", "q", "r"}
    def __call__(self, y): return y in {"u", "v", "w"} and np.cos(y)
net = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
cost = qep.ExpectationCost(lambda v: float((v - 1) @ (v - 1)), lambda v: 2 * (v - 1))
values = (c, m, names, Own(), net, cost, qep.fake("manila"), qep.VQE(ansatz=c), lambda y: y in {"a", "b", "c"})
print([fingerprint(value) for value in values])
"""


def test_other_processes_agree():
    def run(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    first = run("1")
    assert first == run("2") and len(set(eval(first))) == 9


def test_a_users_module_is_part_of_the_identity_of_functions_that_use_it(tmp_path, monkeypatch):
    Path(tmp_path / "mine_for_fingerprints.py").write_text("def half(y): return y / 2\nOTHER = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import mine_for_fingerprints

    def cost(y):
        return mine_for_fingerprints.half(y)

    before = fingerprint(cost)
    mine_for_fingerprints.OTHER = 2
    assert fingerprint(cost) == before
    mine_for_fingerprints.half = lambda y: y / 3
    assert fingerprint(cost) != before


def test_an_object_is_read_once_within_a_block_and_anew_after_it():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    with read_once():
        first = fingerprint(circuit)
        circuit.z(0)
        assert fingerprint(circuit) == first  # which is why no object may change within the block
    assert fingerprint(circuit) != first
