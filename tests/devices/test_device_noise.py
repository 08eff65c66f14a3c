"""Noise: of the active qubits only, with both readout flips; bound at run time or before, it is the same."""

import numpy as np
import pytest
from device_contract import entangled, exact_probabilities, frequencies, product_state, work_of
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

import qep_qiskit as qep
from qep_qiskit.devices.simulated.noise import active_wires, cut_to, noise_of
from qep_qiskit.devices.simulated.snapshots import snapshot
from qep_qiskit.simulation.noise.aer_model import confusion_of

ROWS = np.random.default_rng(8).uniform(-2, 2, (2, 12))


def readout_only(up=0.03, down=0.09):
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]))
    return model


def gates_and_readout():
    model = readout_only(0.02, 0.07)
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 1), ["sx", "rz"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    return model


@pytest.mark.parametrize("make", [qep.aer, qep.simulator])
def test_a_distribution_equals_a_density_matrix_of_each_circuit_bound_by_itself(make):
    """Qiskit and Aer alone: the circuit bound first, the noisy density matrix, and the readout written out by hand."""
    model = gates_and_readout()
    device = make(noise=model)
    work = work_of(device, entangled(), "XYZ", ROWS)
    (distribution,) = device.distribution([work])
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    flips = np.array([[0.98, 0.07], [0.02, 0.93]])
    for row, samples in zip(ROWS, distribution, strict=True):
        circuit = work.compiled.rotated("XYZ").assign_parameters(row)
        circuit.save_density_matrix()
        before = np.real(np.diag(np.asarray(simulator.run(circuit).result().data(0)["density_matrix"])))
        after = np.kron(np.kron(flips, flips), flips) @ before
        np.testing.assert_allclose(frequencies(samples), after, atol=1e-10)
        assert np.abs(after - exact_probabilities(entangled(), "XYZ", row)).max() > 0.02


@pytest.mark.parametrize("make", [gates_and_readout, readout_only], ids=["gates", "readout"])
def test_run_time_binding_gives_what_circuits_bound_before_give(make):
    model, shots = make(), 100_000
    device = qep.aer(noise=model)
    work = work_of(device, entangled(), "ZXZ", ROWS)
    (drawn,) = device.sample([work], shots=shots, seed=1)
    simulator = AerSimulator(noise_model=model)
    for row, samples in zip(ROWS, drawn, strict=True):
        circuit = work.compiled.measured("ZXZ").assign_parameters(row)
        counts = simulator.run(circuit, shots=shots, seed_simulator=2).result().get_counts()
        separate = np.array([counts.get(f"{k:03b}", 0) / shots for k in range(8)])
        sigma = np.sqrt(2 * np.clip(separate, 1e-4, None) / shots)
        assert (np.abs(frequencies(samples) - separate) < 5 * sigma).all()


def test_noise_of_the_active_qubits_equals_the_whole_devices():
    """The same compiled circuit under Aer's own model of all five qubits, and cut down under ours."""
    here = snapshot("fake_manila")
    passes = generate_preset_pass_manager(optimization_level=3, backend=here.backend, seed_transpiler=11)
    circuit = QuantumCircuit(3)
    circuit.ry(0.4, 0)
    circuit.rx(1.2, 2)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.cx(0, 2)
    whole = passes.run(circuit)
    wires = whole.layout.final_index_layout()
    full = AerSimulator(method="density_matrix", noise_model=NoiseModel.from_backend(here.backend, readout_error=False))
    measured = whole.copy()
    measured.save_probabilities(wires)
    expected = np.asarray(full.run(measured).result().data(0)["probabilities"])
    active = sorted(active_wires(whole) | set(wires))
    small = cut_to(whole, active)
    assert small.num_qubits < whole.num_qubits
    place = [active.index(w) for w in wires]
    model = noise_of(here, active)
    small.save_probabilities(place)
    probabilities = np.asarray(
        AerSimulator(method="density_matrix", noise_model=model).run(small).result().data(0)["probabilities"]
    )
    np.testing.assert_allclose(probabilities, expected, atol=1e-10)
    device = qep.fake("manila")
    ((samples,),) = device.distribution([work_of(device, circuit, "ZZZ")])
    for q, wire in enumerate(wires):
        up, down = here.readout[wire]
        blocks = expected.reshape(-1, 2, 2**q)
        expected = np.stack(
            [(1 - up) * blocks[:, 0] + down * blocks[:, 1], up * blocks[:, 0] + (1 - down) * blocks[:, 1]], axis=1
        ).reshape(-1)
    np.testing.assert_allclose(frequencies(samples), expected, atol=1e-10)


def test_both_readout_flips_of_a_snapshot_are_used():
    here, device = snapshot("fake_manila"), qep.fake("manila")
    properties = here.backend.properties()
    idle, flipped = QuantumCircuit(2), QuantumCircuit(2)
    flipped.x([0, 1])
    (zeros,), (ones,) = device.distribution([work_of(device, idle, "ZZ"), work_of(device, flipped, "ZZ")])
    up = zeros.weights @ zeros.outcomes
    down = 1 - ones.weights @ ones.outcomes
    for q, qubit in enumerate(device.compile(idle).qubits):
        assert up[q] == pytest.approx(properties.qubit_property(qubit, "prob_meas1_prep0")[0], abs=1e-9)
    for q, qubit in enumerate(device.compile(flipped).qubits):
        assert down[q] > properties.qubit_property(qubit, "prob_meas0_prep1")[0] - 1e-9  # the X gate adds its own error
        assert down[q] == pytest.approx(properties.qubit_property(qubit, "prob_meas0_prep1")[0], abs=3e-3)
    assert (down > 1.5 * up).any()


def test_confusion_matrices_are_columns_by_state_and_perfect_without_a_model():
    assert [m.tolist() for m in confusion_of(None, [0, 3])] == [np.eye(2).tolist()] * 2
    (matrix,) = confusion_of(readout_only(), [1])
    np.testing.assert_allclose(matrix, [[0.97, 0.09], [0.03, 0.91]])
    model = readout_only()
    model.add_readout_error(ReadoutError([[0.8, 0.2], [0.1, 0.9]]), [1])
    np.testing.assert_allclose(confusion_of(model, [0, 1]), [[[0.97, 0.09], [0.03, 0.91]], [[0.8, 0.1], [0.2, 0.9]]])


@pytest.mark.parametrize("make", [qep.aer, qep.simulator])
def test_readout_error_reaches_the_shots(make):
    device, shots = make(noise=readout_only()), 50_000
    idle = QuantumCircuit(2)
    ((samples,),) = device.sample([work_of(device, idle, "ZZ")], shots=shots, seed=3)
    sigma = np.sqrt(0.03 * 0.97 / shots)
    np.testing.assert_allclose(samples.weights @ samples.outcomes, 0.03, atol=5 * sigma)


def test_noise_is_that_of_the_qubits_in_use():
    """A network on two qubits of a device sees those qubits' rates, whichever they are."""
    device = qep.fake("manila")
    for qubits in ([0, 1], [3, 4], [4, 3]):
        circuit = QuantumCircuit(2)
        circuit.cx(0, 1)
        compiled = device.compile(circuit, qubits=qubits)
        assert list(compiled.start) == qubits
        work = work_of(device, circuit, "ZZ")
        ((samples,),) = device.distribution([type(work)(compiled, "ZZ", np.zeros((1, 0)))])
        up = [snapshot("fake_manila").readout[q][0] for q in compiled.qubits]
        np.testing.assert_allclose(samples.weights @ samples.outcomes, up, atol=0.02)


def test_a_sampler_result_keeps_all_shots():
    device = qep.fake("manila")
    ((samples,),) = device.sample([work_of(device, product_state(), "ZZZZ")], shots=777, seed=1)
    assert samples.shots == 777
