"""Noise acts on everything that runs: measurements, basis changes, flips, folds, any gate; and what acts on nothing is said."""

import numpy as np
import pytest
from device_contract import frequencies
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import CU1Gate, RXGate, SXGate, TGate, UnitaryGate, XGate
from qiskit.quantum_info import Operator, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, amplitude_damping_error, depolarizing_error, pauli_error
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qep_qiskit as qep
from qep_qiskit.devices.device import Compiled, Work
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.mitigation import twirling
from qep_qiskit.measurement.mitigation.folding import folded

BOTH = pytest.mark.parametrize("make", [qep.aer, qep.simulator])
POOR_STATES = pytest.mark.filterwarnings("ignore:(the ansatz|the state at):qep_qiskit.errors.NudgeWarning")
"""The circuits are made for their gates, not for ground states."""
RAMP = qep.Adiabatic(time=4, steps=12)


def problem(sites=2, edges="chain"):
    network = qep.ising(sites=sites, edges=edges, inputs=[0], outputs=[sites - 1])
    return qep.Problem(network, network.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))


def predictions(device, shots=None, preparer=RAMP, case=None, **options):
    return qep.gradient(case or problem(), preparer=preparer, stencil=qep.symmetric(0.2), device=device, shots=shots, **options)


def z_of(device, circuit, axes, values=((),)):
    compiled = device.compile(circuit)
    (rows,) = device.distribution([Work(compiled, axes, np.asarray(values, dtype=float).reshape(len(values), -1))])
    return [samples.weights @ (1.0 - 2.0 * samples.outcomes) for samples in rows]


@BOTH
@pytest.mark.parametrize(
    ("error", "scale", "shifted"),
    [(pauli_error([("X", 0.1), ("I", 0.9)]), 0.8, False), (amplitude_damping_error(0.3), 0.7, True)],
    ids=["flip", "decay"],
)
def test_errors_on_measure_are_in_exact_answers_shots_and_forecasts(make, error, scale, shifted):
    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx"])
    model.add_all_qubit_quantum_error(error, "measure")
    free = predictions(None).predictions
    exact, sampled = predictions(make(noise=model)), predictions(make(noise=model, seed=1), 40_000)
    np.testing.assert_allclose(exact.predictions, scale * free + 1 - scale if shifted else scale * free, atol=1e-9)
    assert np.all(np.abs(sampled.predictions - exact.predictions) < 4.5 * sampled.predictions_stderr)
    assert exact.provenance["device"]["noise"] == "NoiseModel on measure"
    options = {"preparer": RAMP, "stencil": qep.symmetric(0.2), "device": make(noise=model, seed=2), "shots": 40_000}
    ratio = qep.plan(problem(), **options).stderr / qep.gradient(problem(), **options).stderr
    np.testing.assert_allclose(ratio, 1.0, atol=0.06)


@BOTH
@pytest.mark.parametrize(
    ("basis", "noisy", "prepare", "expected"),
    [
        (["rx", "ry", "rz", "cx"], ["rx", "ry"], lambda c, a: c.ry(a, 0), 0.81),
        (["h", "t", "cx"], ["h"], lambda c, a: c.h(0), 0.81),
        (["h", "p", "cx"], ["h"], lambda c, a: c.h(0), 0.81),
        (["u3", "cx"], ["u3"], lambda c, a: c.ry(a, 0), 0.81),
        (["u", "cz"], ["u"], lambda c, a: c.ry(a, 0), 0.81),
        (["r", "rz", "cz"], ["r"], lambda c, a: c.ry(a, 0), 0.81),
        (["rz", "sx", "x", "cx"], ["sx"], lambda c, a: c.sx(0), 0.81),
    ],
)
def test_basis_changes_are_made_of_the_models_gates_and_bear_their_noise(make, basis, noisy, prepare, expected):
    """One noisy gate prepares, one turns the axis into Z."""
    model = NoiseModel(basis_gates=basis)
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), noisy)
    circuit, axis = QuantumCircuit(1), "Y" if "sx" in noisy else "X"
    prepare(circuit, Parameter("a"))
    (mean,) = z_of(make(noise=model), circuit, axis, [[np.pi / 2][: circuit.num_parameters]])
    assert abs(mean[0]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "gates", [(), ("rx", "ry", "rz"), ("h", "t"), ("h", "p"), ("u3",), ("r", "rz"), ("ry", "rz"), ("rx", "rz"), ("rz", "sx", "x")]
)
def test_basis_changes_read_their_axis(gates):
    for axis in "XYZ":
        turn = basis_change(axis, gates)
        assert set(turn.count_ops()) <= set(gates or ("rz", "sx"))
        read = Operator(turn).adjoint() @ Operator.from_label("Z") @ Operator(turn)
        np.testing.assert_allclose(read.data, Operator.from_label(axis).data, atol=1e-9)


@BOTH
def test_old_snapshots_turn_and_flip_in_their_own_gates(make):
    device = qep.fake("burlington", engine="aer" if make is qep.aer else "simulator")
    circuit = QuantumCircuit(2)
    circuit.h(0)
    compiled = device.compile(circuit)
    assert set(compiled.rotated("XY").count_ops()) <= set(compiled.gates)
    assert set(twirling.construct(compiled, "ZX").circuit.count_ops()) <= set(compiled.gates)


@BOTH
def test_flips_before_the_measurement_bear_the_noise_of_the_models_gates(make):
    model = NoiseModel(basis_gates=["rx", "ry", "rz", "cx"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["rx"])
    device, circuit = make(noise=model), QuantumCircuit(1)
    circuit.ry(0.4, 0)
    after = twirling.construct(device.compile(circuit), "Z")
    (rows,) = device.distribution([Work(after, "Z", np.array([[0.0], [np.pi]]))])
    means = [samples.weights @ (1 - 2 * samples.outcomes[:, 0]) for samples in rows]
    np.testing.assert_allclose(means, [0.81 * np.cos(0.4), -0.81 * np.cos(0.4)], atol=1e-9)


def test_flips_that_the_gates_cannot_express_are_refused():
    model = NoiseModel(basis_gates=["h", "t", "cx"])
    circuit = QuantumCircuit(1)
    circuit.h(0)
    with pytest.raises(InputError, match="mitigation"):
        twirling.construct(qep.simulator(noise=model).compile(circuit), "Z")


LABELLED = {
    "r": lambda c, t: c.r(t[0], t[1], 0),
    "cu1": lambda c, t: c.append(CU1Gate(t[0]), [0, 1]),
    "unitary": lambda c, t: c.append(UnitaryGate(Operator(XGate())), [0]),
    "labelled matrix": lambda c, t: c.append(UnitaryGate(Operator(RXGate(0.7)), label="labelled matrix"), [0]),
    "slow": lambda c, t: c.append(SXGate(label="slow"), [0]),
    "turn": lambda c, t: c.append(RXGate(t[0], label="turn"), [0]),
    "ccx": lambda c, t: c.ccx(0, 1, 2),
}


def mixed(build):
    """The gate among others that a compiler would merge it with."""
    circuit, t = QuantumCircuit(3), ParameterVector("t", 4)
    for q in range(3):
        circuit.ry(t[q], q)
    circuit.rz(0.3, 0)
    build(circuit, t)
    circuit.rz(t[3], 0)
    circuit.sx(0)
    return circuit


@BOTH
@POOR_STATES
@pytest.mark.parametrize("name", LABELLED)
def test_noise_on_any_gate_acts_or_is_refused(make, name):
    circuit = mixed(LABELLED[name])
    size = {"cu1": 2, "ccx": 3}.get(name, 1)
    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx", "rx"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.5, size), name)
    options = {"preparer": qep.VQE(ansatz=circuit, starts=1, max_iterations=3, tolerance=1e3), "case": problem(3), "seed": 1}
    if make is qep.simulator and name == "ccx":
        with pytest.raises(InputError, match=r"'ccx'.*qep\.aer"):
            predictions(make(noise=model), **options)
        return
    noisy = predictions(make(noise=model), **options)
    assert noisy.provenance["device"]["noise"] == f"NoiseModel on {name}"
    assert not [text for text in noisy.diagnostics["warnings"] if text.startswith("device")]
    structure = noisy.free.circuits()[0]
    values = np.asarray(structure.values)[0]
    bound = structure.circuit.assign_parameters(dict(zip(structure.circuit.parameters, values, strict=True)))
    bound = transpile(bound, basis_gates=["rz", "sx", "x", "cx", "rx", "r"], optimization_level=0) if name == "r" else bound
    plain = bound.copy()
    plain.save_density_matrix()
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    rho = np.asarray(simulator.run(plain).result().data(0)["density_matrix"])
    chances = np.real(np.diag(rho)).reshape(2, 4)
    assert noisy.predictions[0] == pytest.approx(chances[0].sum() - chances[1].sum(), abs=1e-9)
    compiled = make(noise=model).compile(structure.circuit)
    ((samples,),) = make(noise=model).distribution([Work(compiled, "ZZZ", np.asarray(structure.values)[:1])])
    np.testing.assert_allclose(frequencies(samples), np.real(np.diag(rho)), atol=1e-9)
    assert np.abs(np.real(np.diag(rho)) - Statevector(bound).probabilities()).max() > 1e-3 or name == "cu1"


def test_noise_that_acts_on_nothing_is_reported_in_one_line_each():
    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx", "swap", "nowhere"])
    model.add_quantum_error(depolarizing_error(0.1, 2), "measure", [0, 1])
    model.add_readout_error(ReadoutError(np.full((4, 4), 0.25)), [0, 1])
    for make in (qep.aer, qep.simulator):
        values = predictions(make(noise=model))
        lines = [text for text in values.diagnostics["warnings"] if text.startswith("device")]
        assert len(lines) == 3 and not any("\n" in line for line in lines)
        for words in (("'nowhere', 'swap'",), ("'measure'", "(0, 1)"), ("readout", "(0, 1)")):
            assert any(all(word in line for word in words) for line in lines), (words, lines)
        assert values.provenance["device"]["noise"] == "NoiseModel on cx"


def test_a_gate_that_aer_knows_by_another_label_is_reported_to_have_no_errors():
    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx", "slow"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), "sx")
    circuit = QuantumCircuit(1)
    circuit.append(SXGate(label="slow"), [0])
    device = qep.simulator(noise=model)
    from qep_qiskit.devices.simulated.noise_notes import ran_on

    (line,) = [text for text in ran_on(device, [(device.compile(circuit), "Y")]).notes() if "labelled" in text]
    assert "'sx' labelled 'slow'" in line


def test_pairs_that_a_devices_model_does_not_know_are_named():
    case = problem(4, [(0, 1), (0, 3), (1, 2)])
    model = NoiseModel.from_backend(FakeManilaV2())
    for make in (qep.aer, qep.simulator):
        (line,) = [t for t in predictions(make(noise=model), case=case).diagnostics["warnings"] if "other qubits only" in t]
        assert "'cx' on qubits (0, 3)" in line and "qep.fake" in line
    assert not [t for t in predictions(qep.fake("manila"), case=case).diagnostics["warnings"] if t.startswith("device")]


def test_qubits_beyond_a_devices_model_are_named():
    model = NoiseModel.from_backend(FakeManilaV2())
    circuit = QuantumCircuit(6)
    circuit.sx(range(6))
    device = qep.simulator(noise=model)
    from qep_qiskit.devices.simulated.noise_notes import ran_on

    lines = ran_on(device, [(device.compile(circuit), "Z" * 6)]).notes()
    assert any("'sx' on qubits 5 has no errors" in line for line in lines)


@BOTH
@pytest.mark.parametrize("gates", [["h", "cx"], ["rz", "cx"], ["rz"], ["x", "cz"]])
def test_gates_that_cannot_express_the_circuit_are_refused_in_one_line(make, gates):
    with pytest.raises(InputError, match=r"device\.noise") as error:
        predictions(make(noise=NoiseModel(basis_gates=gates)))
    assert "\n" not in str(error.value) and gates[0] in str(error.value)


PHASED = {
    "p": lambda c, t: c.p(t[2], 0),
    "cp": lambda c, t: c.cp(t[2], 0, 1),
    "u": lambda c, t: c.u(t[2], t[0], t[1], 0),
    "cu": lambda c, t: c.cu(t[2], t[0], t[1], t[2], 0, 1),
    "r": lambda c, t: c.r(t[2], t[0], 0),
    "crx": lambda c, t: c.crx(t[2], 0, 1),
}


@pytest.mark.parametrize("gate", PHASED)
@pytest.mark.parametrize("basis", [None, ["rz", "sx", "x", "cx"], ["rx", "rz", "cx", "own"]], ids=["plain", "translated", "kept"])
def test_free_parameters_in_phases_are_taken_by_all_devices(gate, basis):
    """Aer fails on a free global phase, and binds some gates' angles wrongly without a word."""
    t = ParameterVector("t", 3)
    circuit = QuantumCircuit(2)
    circuit.ry(t[0], 0)
    circuit.ry(t[1], 1)
    PHASED[gate](circuit, t)
    circuit.rx(t[0], 0)
    circuit.cx(0, 1)
    values = np.array([[0.4, 1.1, -0.7], [2.1, -0.3, 0.9]])
    gates = None if basis is None else [gate if name == "own" else name for name in basis]
    right = [Statevector(circuit.assign_parameters(row)).probabilities() for row in values]
    for device in (qep.aer(noise=gates and NoiseModel(gates)), qep.aer(noise=gates and NoiseModel(gates), method="statevector")):
        work = Work(device.compile(circuit), "ZZ", values)
        np.testing.assert_allclose([frequencies(s) for s in device.distribution([work])[0]], right, atol=1e-9)
        np.testing.assert_allclose([frequencies(s) for s in device.sample([work], shots=20_000, seed=1)[0]], right, atol=0.02)


@POOR_STATES
def test_a_parameter_that_is_nothing_but_a_global_phase():
    t = ParameterVector("t", 3)
    circuit = QuantumCircuit(2, global_phase=t[2])
    circuit.ry(t[0], 0)
    circuit.ry(t[1], 1)
    circuit.cx(0, 1)
    vqe = qep.VQE(ansatz=circuit, starts=1)
    right = qep.gradient(problem(), preparer=vqe, seed=1).predictions
    for device in (qep.aer(), qep.simulator(), qep.fake("manila"), qep.aer(noise="manila")):
        exact = qep.gradient(problem(), preparer=vqe, device=device, seed=1)
        sampled = qep.gradient(problem(), preparer=vqe, device=device, seed=1, shots=2000)
        np.testing.assert_allclose(exact.predictions, right, atol=1e-9 if "fake" not in str(device.describe()["noise"]) else 0.1)
        assert np.all(np.abs(sampled.predictions - exact.predictions) < 5 * sampled.predictions_stderr)


def test_rows_without_parameters_are_all_run():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    for device in (qep.aer(), qep.simulator(), qep.fake("manila", engine="aer")):
        (rows,) = device.sample([Work(device.compile(circuit), "Z", np.zeros((3, 0)))], shots=100, seed=1)
        assert all(samples.weights @ samples.outcomes[:, 0] > 0.8 for samples in rows)


def purity(compiled, noise):
    circuit = compiled.circuit.copy()
    circuit.save_density_matrix()
    rho = np.asarray(AerSimulator(method="density_matrix", noise_model=noise).run(circuit).result().data(0)["density_matrix"])
    return float(np.real(np.trace(rho @ rho)))


def as_it_is(circuit, model):
    wires = tuple(range(circuit.num_qubits))
    device = qep.aer(noise=model)
    return Compiled(circuit, wires, wires, wires, gates=device.compile(circuit).gates, noise=model)


@pytest.mark.parametrize(
    ("gate", "basis"),
    [
        ("t", ["rz", "sx", "cx"]),
        ("t", ["h", "t", "tdg", "cx"]),
        ("s", ["h", "s", "sdg", "cx", "t"]),
        ("tdg", ["h", "u1", "cx"]),
        ("sx", ["sx", "p", "cx"]),
        ("sxdg", ["rz", "sx", "cx"]),
        ("h", ["h", "t", "cx"]),
    ],
)
def test_a_factor_multiplies_the_noise_of_the_gate_itself(gate, basis):
    """A gate and its inverse, folded: the purity is that of the gate's noise as many times."""
    model = NoiseModel(basis_gates=[*basis, gate])
    error = depolarizing_error(0.08, 1)
    model.add_all_qubit_quantum_error(error, gate)
    circuit = QuantumCircuit(1)
    getattr(circuit, gate)(0)
    for factor in (3, 5):
        after = folded(as_it_is(circuit, model), factor, "global")
        assert Operator(after.circuit).equiv(Operator(circuit))
        assert purity(after, model) == pytest.approx((1 + (1 - 0.08) ** (2 * factor)) / 2, abs=1e-9)


def test_an_inverse_with_the_same_errors_is_taken():
    model = NoiseModel(basis_gates=["h", "t", "tdg", "cx"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.08, 1), ["t", "tdg"])
    circuit = QuantumCircuit(1)
    circuit.t(0)
    after = folded(as_it_is(circuit, model), 3, "global")
    assert dict(after.circuit.count_ops()) == {"t": 2, "tdg": 1}


@pytest.mark.parametrize(("gate", "basis", "noisy"), [("t", ["h", "t", "cx"], ["t"]), ("sx", ["rz", "sx", "cx"], ["rz", "sx"])])
def test_a_fold_whose_noise_would_not_be_the_gates_is_refused(gate, basis, noisy):
    model = NoiseModel(basis_gates=basis)
    model.add_all_qubit_quantum_error(depolarizing_error(0.08, 1), noisy)
    circuit = QuantumCircuit(1)
    getattr(circuit, gate)(0)
    with pytest.raises(InputError, match=f"'zne' cannot fold the gate '{gate}'"):
        folded(as_it_is(circuit, model), 3, "global")


def test_labels_are_kept_by_folds():
    model = NoiseModel(basis_gates=["rz", "sx", "cx", "t"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.08, 1), "slow")
    for gate in (XGate(label="slow"), TGate(label="slow"), SXGate(label="slow"), RXGate(0.4, label="slow")):
        circuit = QuantumCircuit(1)
        circuit.append(gate, [0])
        after = folded(as_it_is(circuit, model), 3, "global")
        assert purity(after, model) == pytest.approx((1 + (1 - 0.08) ** 6) / 2, abs=1e-9)


def test_gates_on_three_qubits_are_folded_with_those_on_two():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    circuit.cx(0, 1)
    after = folded(as_it_is(circuit, NoiseModel(basis_gates=["ccx", "cx"])), 3, "two_qubit")
    assert dict(after.circuit.count_ops()) == {"ccx": 3, "cx": 3}


def test_a_circuit_that_was_changed_is_compiled_again():
    for device in (qep.aer(), qep.simulator(), qep.fake("manila")):
        circuit = QuantumCircuit(1)
        circuit.x(0)
        first = device.compile(circuit)
        circuit.x(0)
        ((samples,),) = device.distribution([Work(device.compile(circuit), "Z", np.zeros((1, 0)))])
        assert samples.weights @ samples.outcomes[:, 0] < 0.2
        assert device.compile(circuit.copy()) is device.compile(circuit) is not first


def test_a_model_whose_gates_are_changed_compiles_again():
    model = NoiseModel(basis_gates=["rz", "sx", "cx"])
    device, circuit = qep.simulator(noise=model), QuantumCircuit(1)
    circuit.ry(0.4, 0)
    assert "ry" not in device.compile(circuit).circuit.count_ops()
    model.add_all_qubit_quantum_error(depolarizing_error(0.5, 1), "ry")
    assert z_of(device, circuit, "Z")[0] == pytest.approx(0.5 * np.cos(0.4), abs=1e-9)
