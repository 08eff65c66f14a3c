"""Local expectations under noise, from the causal cones of strings: what Aer's density matrix of the whole circuit gives."""

import functools

import numpy as np
import pytest
from noisy_circuits import CHAIN, labelled, layered, strings_of, uneven
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import DensityMatrix, PauliList
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    pauli_error,
)

import qep_qiskit as qep
from benchmarks.noisy_strings import NoisyCones
from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.simulation.cones import contraction, noisy
from qep_qiskit.simulation.cones.noisy import rotation_to_z
from qep_qiskit.simulation.noise.aer_model import Unsuited

PIECE = [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5), (5, 6), (4, 7)]
"""A site of degree three with two arms, as on a heavy-hexagonal lattice."""
RING = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5)]


def mixed(num_qubits):
    """Strings that no Ising network has: Y, several letters, three and four sites, signs, the identity."""
    letters = [{0: "Y"}, {0: "X", 1: "Z"}, {0: "Z", 1: "Y", 2: "X"}, {0: "X", 3: "X"}, {1: "Y", 2: "Y", 4: "Z", 5: "X"}, {}]
    labels = [labelled(num_qubits, each) for each in letters]
    return PauliList([*labels, "-" + labels[1]])


def by_density_matrix(circuit, model, row, paulis, *, readout):
    """Expectations from Aer's density matrix of the whole circuit: one basis change per string, and readout errors by hand."""
    bound = circuit.assign_parameters(row)
    bound.global_phase = 0
    turned, busy = [], [np.flatnonzero(x | z) for x, z in zip(paulis.x, paulis.z, strict=True)]
    for x, z, qubits in zip(paulis.x, paulis.z, busy, strict=True):
        full = bound.copy()
        for q in qubits:
            full.compose(rotation_to_z("Y" if x[q] and z[q] else "X" if x[q] else "Z"), [q], inplace=True)
        full.save_density_matrix()
        turned.append(full)
    result = AerSimulator(method="density_matrix", noise_model=model).run(turned).result()
    values = np.real((-1j) ** paulis.phase)
    for number, qubits in enumerate(busy):
        state = DensityMatrix(result.data(number)["density_matrix"])
        chances = np.diag(state.data).real.reshape((2,) * circuit.num_qubits) / state.trace().real
        for q in reversed(range(circuit.num_qubits)):  # the axes are in this order
            matrix = np.asarray(model._local_readout_errors[(q,)].probabilities).T if readout else np.eye(2)
            chances = np.tensordot(np.array([1, -1 if q in qubits else 1]) @ matrix, chances, axes=(0, 0))
        values[number] *= chances
    return values


@pytest.mark.parametrize("readout", [True, False])
@pytest.mark.parametrize(("edges", "layers"), [(CHAIN[:5], 2), (PIECE[:6], 1), (RING, 1)], ids=["chain", "heavy-hex", "ring"])
def test_every_string_has_the_value_of_the_whole_density_matrix(edges, layers, readout):
    n = 1 + max(max(pair) for pair in edges)
    circuit, model = layered(n, edges, layers), uneven(n, edges)
    paulis = PauliList([*strings_of(n, edges).to_labels()[::5], *mixed(n).to_labels()])
    rows = np.random.default_rng(1).normal(0, 0.8, (1, circuit.num_parameters))
    cones = NoisyCones(circuit, model, paulis, readout=readout)
    truth = [by_density_matrix(circuit, model, row, paulis, readout=readout) for row in rows]
    np.testing.assert_allclose(cones.expectations(rows), truth, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("device", "sites", "layers"), [("torino", 8, 1), ("guadalupe", 6, 2), ("melbourne", 6, 1)])
def test_compiled_circuits_on_snapshots_have_the_values_of_aers_density_matrices(device, sites, layers):
    edges = CHAIN[: sites - 1]
    compiled, cones, paulis = on_snapshot(device, sites, edges, layers)
    rows = np.random.default_rng(2).normal(0, 0.8, (2, compiled.circuit.num_parameters))
    values = cones.expectations(rows)
    for axes in ("Z", "X"):
        samples = qep.fake(device, engine="aer").distribution([Work(compiled, axes * sites, rows)])[0]
        mine = [k for k, label in enumerate(paulis.to_labels()) if set(label) - {"I"} == {axes}]
        signs = [(-1.0) ** (each.outcomes.astype(int) @ (paulis.x | paulis.z)[mine].T) for each in samples]
        truth = [each.weights @ sign for each, sign in zip(samples, signs, strict=True)]
        np.testing.assert_allclose(values[:, mine], truth, rtol=0, atol=1e-12)


def on_snapshot(device, sites, edges, layers, qubits=None):
    paulis = strings_of(sites, edges)
    compiled = qep.fake(device).compile(hamiltonian_ansatz(paulis, layers=layers), qubits=qubits)
    change = functools.partial(basis_change, gates=compiled.gates)
    return compiled, NoisyCones(compiled.circuit, compiled.noise, paulis, wires=compiled.wires, basis_change=change), paulis


def heavy_hex(sites):
    """The first qubits of fake_torino in breadth-first order from qubit 0, and their couplings."""
    pairs = sorted({tuple(sorted(pair)) for pair in qep.fake("torino").snapshot.backend.coupling_map.get_edges()})
    order = [0]
    for qubit in order:
        order += sorted({q for pair in pairs if qubit in pair for q in pair} - set(order))
    keep = sorted(order[:sites])
    return keep, [(keep.index(a), keep.index(b)) for a, b in pairs if a in keep and b in keep]


def test_fifty_sites_take_no_more_than_their_cones():
    keep, edges = heavy_hex(50)
    compiled, cones, paulis = on_snapshot("torino", 50, edges, 2, keep)
    assert compiled.circuit.num_qubits == 50 and len(cones.sizes) == len(paulis)
    assert 12 < max(cones.sizes) < 30
    rows = np.random.default_rng(3).normal(0, 0.5, (2, compiled.circuit.num_parameters))
    values = cones.expectations(rows)
    assert np.isfinite(values).all() and np.abs(values).max() < 1


def test_gates_outside_of_a_cone_drop_out_with_their_noise():
    circuit = layered(10, CHAIN[::2] + CHAIN[1::2], 1)
    bound = circuit.assign_parameters(np.random.default_rng(4).normal(0, 1, circuit.num_parameters))
    part = QuantumCircuit(6)
    for item in bound.data:
        qubits = [bound.find_bit(q).index for q in item.qubits]
        if max(qubits) < 6:
            part.append(item.operation, qubits)
    model, labels = uneven(10, CHAIN), [labelled(6, each) for each in ({0: "Z"}, {0: "Z", 1: "Z"}, {1: "X"})]
    cones = NoisyCones(bound, model, PauliList(["IIII" + label for label in labels]))
    assert max(cones.sizes) <= 5
    whole, cut = (each.expectations(np.zeros((1, 0))) for each in (cones, NoisyCones(part, model, PauliList(labels))))
    np.testing.assert_allclose(cut, whole, rtol=0, atol=1e-14)


def test_the_error_of_a_last_diagonal_gate_stays():
    """CZ commutes with Z, but its error does not."""
    model = NoiseModel(basis_gates=["cz", "x"])
    model.add_quantum_error(pauli_error([("IX", 0.1), ("II", 0.9)]), "cz", [0, 1])
    circuit = QuantumCircuit(2)
    circuit.cz(0, 1)
    np.testing.assert_allclose(NoisyCones(circuit, model, PauliList(["IZ", "ZI"])).expectations(np.zeros((1, 0))), [[0.8, 1.0]])


def test_qubits_end_on_other_wires_and_some_are_idle():
    circuit = QuantumCircuit(4)
    circuit.rx(Parameter("a"), 3)
    circuit.cz(3, 1)
    model = uneven(4, [(1, 3)])
    rows = np.array([[0.0], [0.7], [np.pi]])
    moved = NoisyCones(circuit, model, PauliList(["IIZ", "IZI", "ZII", "IIY", "III"]), wires=[3, 0, 1], readout=False)
    values = moved.expectations(rows)
    whole = NoisyCones(circuit, model, PauliList(["ZIII", "IIIZ", "IIZI", "YIII", "IIII"]), readout=False)
    np.testing.assert_allclose(values, whole.expectations(rows), rtol=0, atol=1e-14)
    np.testing.assert_allclose(values[:, 1], 1.0)
    np.testing.assert_allclose(values[:, 4], 1.0)
    assert np.ptp(values[:, 0]) > 1.5


def test_the_identity_alone_is_one():
    circuit, model = layered(6, RING, 1), uneven(6, RING)
    cones = NoisyCones(circuit, model, PauliList(["IIIIII", "-IIIIII"]))
    np.testing.assert_allclose(cones.expectations(np.zeros((2, circuit.num_parameters))), [[1.0, -1.0]] * 2)


def test_rows_in_many_tiles_are_the_rows_alone():
    circuit, model = layered(6, RING, 1), uneven(6, RING)
    rows = np.random.default_rng(5).normal(0, 1, (70, circuit.num_parameters))
    cones = NoisyCones(circuit, model, strings_of(6, RING))
    together = cones.expectations(rows)
    np.testing.assert_allclose(together[[0, 31, 32, 69]], [cones.expectations(rows[i])[0] for i in (0, 31, 32, 69)], atol=1e-14)


def test_a_cone_that_does_not_fit_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr(noisy, "MOST_LEGS", 3)
    with pytest.raises(Unsuited, match=r"a light cone of 6 wires, whose largest tensor has 4\*\*5 numbers \(at most 4\*\*3\)"):
        NoisyCones(layered(6, RING, 2), NoiseModel(basis_gates=["rz", "rx", "cz", "h"]), PauliList(["IIIIIZ"]))


def test_cones_that_would_take_too_long_are_refused_with_their_work(monkeypatch):
    monkeypatch.setattr(noisy, "MOST_WORK", 1e3)
    with pytest.raises(Unsuited, match=r"up to 6 wires, .* \d\.\de\+0\d multiplications .* \(at most 1e\+03\)"):
        NoisyCones(layered(6, RING, 2), NoiseModel(basis_gates=["rz", "rx", "cz", "h"]), PauliList(["IIIIIZ"]))


def test_a_network_of_tensors_is_contracted_as_einsum_does():
    rng = np.random.default_rng(6)
    legs = [[0, 1], [1, 2, 3], [3, 4], [2, 5], [6]]
    tensors = [rng.normal(size=(3, *(4,) * len(each))) for each in legs]
    order = contraction.order_of(tuple(sum(1 << leg for leg in each) for each in legs))
    result = contraction.contract(tensors, legs, order, [6, 5, 0, 4])
    np.testing.assert_allclose(result, np.einsum("iab,ibcd,ide,icf,ig->igfae", *tensors), atol=1e-12)
    assert order.legs == 4
