"""The pieces of light cones: maps over GF(2), standard orders, embeddings, walks."""

import itertools

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit

from qep_qiskit.simulation.adjoint.slots import layered
from qep_qiskit.simulation.batched.steps import steps_of
from qep_qiskit.simulation.cones.completion import completed, inverse_columns
from qep_qiskit.simulation.cones.embedding import embedding
from qep_qiskit.simulation.cones.order import places_of, rearranged
from qep_qiskit.simulation.cones.walk import Circuit, Form, I, Phased, TooLargeError, Turned, X, Y, Z


def matrix(masks, size):
    return np.array([[mask >> place & 1 for place in range(size)] for mask in masks])


def random_invertible(rng, size):
    result = np.eye(size, dtype=int)
    for _ in range(4 * size):
        a, b = rng.choice(size, 2, replace=False)
        result[b] ^= result[a]
    return result


@pytest.mark.parametrize("seed", range(30))
def test_completion(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 8))
    whole = random_invertible(rng, size)
    masks = [int(row @ (1 << np.arange(size))) for row in whole]
    columns = inverse_columns(masks)
    np.testing.assert_array_equal(whole @ matrix(columns, size).T % 2, np.eye(size))
    wanted_rows = {i: masks[i] for i in range(size) if rng.random() < 0.4}
    wanted_columns = {i: columns[i] for i in range(size) if rng.random() < 0.4}
    rows = completed(size, wanted_rows, wanted_columns)
    inverse = inverse_columns(rows)
    np.testing.assert_array_equal(matrix(rows, size) @ matrix(inverse, size).T % 2, np.eye(size))
    assert all(rows[i] == row for i, row in wanted_rows.items())
    assert all(inverse[i] == column for i, column in wanted_columns.items())


def tree(edges, qubits, turned):
    """Hadamards on all, a phase per edge and per qubit, Hadamards on some."""
    masks = sorted([1 << a | 1 << b for a, b in edges] + [1 << a for a in range(qubits)])
    return Form(qubits, (Turned(0, (1 << qubits) - 1), Phased(1, tuple(masks)), Turned(2, sum(1 << a for a in turned))))


@pytest.mark.parametrize("seed", range(5))
def test_a_copy_of_a_cone_finds_its_place_in_the_first_one(seed):
    rng = np.random.default_rng(seed)
    form = tree([(0, 1), (0, 2), (0, 3), (1, 4), (1, 5), (3, 6)], 7, (0, 1))
    places = [0, 1, *(int(k) for k in 2 + rng.permutation(5))]
    if seed % 2:
        places[:2] = 1, 0
    copy, positions = rearranged(form, places)
    assert sorted(positions) == list(range(form.num_angles))
    letters = (Z, Z, 0, 0, 0, 0, 0)
    image = embedding(copy, form, letters, letters)
    assert image is not None and rearranged(copy, image)[0] == form


def test_wires_with_many_hadamards_come_first():
    moved, _ = rearranged(tree([(0, 1), (0, 2), (1, 3)], 4, (0, 1)), (3, 1, 0, 2))
    assert {rearranged(moved, places_of(moved))[0].steps[2].wires} == {0b11}


def test_embedding():
    small = tree([(0, 1), (1, 2)], 3, (0, 1))
    large = tree([(0, 1), (0, 2), (1, 3)], 4, (0, 1))
    image = embedding(small, large, (Z, Z, 0), (Z, Z, 0, 0))
    assert image is not None and sorted(image[:2]) == [0, 1] and image[2] == {1: 3, 0: 2}[image[1]]
    assert embedding(small, large, (X, Z, 0), (Z, Z, 0, 0)) is None
    assert embedding(large, small, (Z, Z, 0, 0), (Z, Z, 0)) is None
    assert embedding(tree([(0, 1), (0, 2), (0, 3)], 4, (0, 1)), large, (Z, Z, 0, 0), (Z, Z, 0, 0)) is None


def cone(circuit, letters, limit=20):
    layering, _ = layered(circuit)
    return Circuit(circuit.num_qubits, steps_of(layering.layers())).cone(letters, limit)


def test_what_commutes_drops_out():
    circuit = QuantumCircuit(5)
    circuit.h(range(5))
    for a, b in itertools.pairwise(range(5)):
        circuit.rzz(0.1, a, b)
    assert cone(circuit, {2: Z}).form.qubits == 1
    assert cone(circuit, {2: X}).form.qubits == 3
    assert cone(circuit, {2: Y}).form.qubits == 3
    assert cone(circuit, {1: I | X, 2: I | Z}).form.qubits == 3
    circuit.rx(0.3, range(5))
    assert cone(circuit, {2: X}).form.qubits == 3
    assert cone(circuit, {2: Z}).form.qubits == 3
    circuit.rzz(0.2, 2, 3)
    assert cone(circuit, {2: X}).form.qubits == 4
    assert cone(circuit, {2: Z}).form.qubits == 3
    with pytest.raises(TooLargeError):
        cone(circuit, {2: X}, 3)


def test_gates_between_qubits_that_are_only_permuted():
    circuit = QuantumCircuit(4)
    circuit.ry(0.3, range(4))
    circuit.swap(0, 3)
    circuit.cx(1, 2)
    assert cone(circuit, {0: Z}).form.qubits == 1
    assert cone(circuit, {1: Z}).form.qubits == 1
    assert cone(circuit, {1: X}).form.qubits == 2
    assert cone(circuit, {2: X}).form.qubits == 1
    assert cone(circuit, {2: Z}).form.qubits == 2
