"""Matrix-free products and expectations against dense matrices."""

import numpy as np
import pytest
from qiskit.quantum_info import PauliList, SparsePauliOp

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.eigen.operators import PauliStructure, PauliSum

LETTERS = {"diagonal": "IZ", "real": "IXZ", "any": "IXYZ"}


def random_paulis(rng, num_qubits, kind, count=25):
    if kind == "field":
        labels = {"".join(rng.permutation(["X", *"I" * (num_qubits - 1)])) for _ in range(count)}
    else:
        sparse = rng.random() < 0.5
        weights = [0.7, *[0.3 / (len(LETTERS[kind]) - 1)] * (len(LETTERS[kind]) - 1)] if sparse else None
        labels = {"".join(rng.choice(list(LETTERS[kind]), num_qubits, p=weights)) for _ in range(count)}
    return PauliList([rng.choice(["", "-"]) + label for label in sorted(labels)])


def random_states(rng, shape, is_complex):
    v = rng.normal(size=shape) + (1j * rng.normal(size=shape) if is_complex else 0.0)
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", ["diagonal", "field", "real", "any"])
@pytest.mark.parametrize("num_qubits", range(1, 9))
def test_products_and_expectations_are_those_of_the_matrix(num_qubits, kind):
    rng = np.random.default_rng([num_qubits, len(kind)])
    paulis = random_paulis(rng, num_qubits, kind)
    coefficients = rng.normal(size=len(paulis))
    op = PauliStructure(paulis).bind(coefficients)
    matrix = SparsePauliOp(paulis, coefficients).to_matrix()
    np.testing.assert_allclose(op.to_matrix(), matrix, atol=1e-12)
    np.testing.assert_allclose(op.diagonal, np.diag(matrix).real, atol=1e-12)
    for shape in [(2**num_qubits,), (3, 2**num_qubits)]:
        for is_complex in (False, True):
            v = random_states(rng, shape, is_complex)
            product = op.apply(v)
            assert product.dtype == (float if op.is_real and not is_complex else complex)
            np.testing.assert_allclose(product, v @ matrix.T, atol=1e-12)
            each = [[np.vdot(u, p.to_matrix() @ u).real for p in paulis] for u in np.atleast_2d(v)]
            each = np.reshape(each, (*shape[:-1], len(paulis)))
            np.testing.assert_allclose(PauliStructure(paulis).expectations(v), each, atol=1e-12)


@pytest.mark.parametrize("is_complex", [False, True])
def test_more_qubits_than_a_chunk_has(is_complex):
    rng = np.random.default_rng(5)
    n = 15
    terms = [
        ("ZZ", [0, 14]),
        ("X", [0]),
        ("X", [14]),
        ("XX", [3, 4]),
        ("ZXZ", [1, 2, 13]),
        ("XZX", [2, 7, 11]),
        ("YY", [0, 9]),
    ]
    op = SparsePauliOp.from_sparse_list([(label, q, c) for (label, q), c in zip(terms, rng.normal(size=7), strict=True)], n)
    v = random_states(rng, 2**n, is_complex)
    compiled = PauliSum.from_operator(op)
    expected = op.to_matrix(sparse=True) @ v
    np.testing.assert_allclose(compiled.apply(v), expected, atol=1e-12)
    each = [np.vdot(v, SparsePauliOp(p).to_matrix(sparse=True) @ v).real for p in op.paulis]
    np.testing.assert_allclose(compiled.structure.expectations(v), each, atol=1e-12)


def test_one_structure_serves_many_coefficients_and_out_is_used():
    structure = PauliStructure(PauliList(["ZZI", "IXI", "IIZ"]))
    v = np.arange(8.0)
    out = np.empty(8)
    for seed in range(3):
        c = np.random.default_rng(seed).normal(size=3)
        assert structure.bind(c).apply(v, out=out) is out
        np.testing.assert_allclose(out, SparsePauliOp(["ZZI", "IXI", "IIZ"], c).to_matrix() @ v)


def test_repeated_strings_add_up():
    op = PauliSum.from_operator(SparsePauliOp(["XZ", "XZ", "ZZ", "ZZ"], [1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(op.to_matrix(), SparsePauliOp(["XZ", "ZZ"], [3.0, 7.0]).to_matrix())


def test_fields_are_the_coefficients_of_single_x():
    op = PauliSum.from_operator(SparsePauliOp(["IIX", "XII", "XXI", "-XII"], [0.5, 2.0, 9.0, 0.25]))
    np.testing.assert_allclose(op.fields(), [0.5, 0.0, 1.75])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PauliSum.from_operator(SparsePauliOp(["X"], [1j])), "not real"),
        (lambda: PauliSum.from_operator(SparsePauliOp(["X"], [np.nan])), "not finite"),
        (lambda: PauliStructure(PauliList(["iX"])), "imaginary phase"),
        (lambda: PauliStructure(PauliList(["X"])).bind([1.0, 2.0]), "2 coefficients for 1"),
        (lambda: PauliStructure(PauliList(["X"])).bind([1.0]).apply(np.ones(3)), r"shape \(3,\)"),
        (lambda: PauliStructure(PauliList(["Y"])).bind([1.0]).apply(np.ones(2), out=np.ones(2)), "out must be"),
        (lambda: PauliStructure(PauliList(["I" * 40])), "40 qubits"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
