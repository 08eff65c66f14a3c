"""Rotations about Pauli strings against matrix exponentials, and the packing that keeps circuits shallow."""

import itertools

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, PauliList
from scipy.linalg import expm

from docs.gallery import ising_paulis
from qep_qiskit.ansatz import evolve, pack

LABELS = ["".join(letters) for letters in itertools.product("IXYZ", repeat=3)]


@pytest.mark.parametrize("label", [*LABELS, "YXZY", "ZIXY"])
def test_evolve_is_the_exponential(label):
    circuit = QuantumCircuit(len(label))
    evolve(circuit, label, 0.7)
    expected = np.eye(2 ** len(label)) if set(label) == {"I"} else expm(-0.35j * Operator.from_label(label).data)
    np.testing.assert_allclose(Operator(circuit).data, expected, atol=1e-12)


def random_paulis(seed: int) -> PauliList:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    return PauliList(sorted({"".join(rng.choice(list("IIXYZ"), n)) for _ in range(25)}))


@pytest.mark.parametrize("seed", range(20))
def test_groups_commute_slices_are_disjoint_and_nothing_is_lost(seed):
    paulis = random_paulis(seed)
    packing = pack(paulis)
    rows = [row for group in packing for piece in group for row in piece]
    assert sorted(rows) == [k for k, label in enumerate(paulis.to_labels()) if set(label) != {"I"}]
    for group in packing:
        members = [row for piece in group for row in piece]
        assert all(paulis[a].commutes(paulis[b]) for a, b in itertools.combinations(members, 2))
        for piece in group:
            assert (paulis.x | paulis.z)[list(piece)].sum(axis=0).max() == 1


def test_diagonal_strings_come_first():
    labels = ["XI", "ZZ", "IX", "IZ"]
    assert [[labels[row] for piece in group for row in piece] for group in pack(PauliList(labels))] == [
        ["ZZ", "IZ"],
        ["XI", "IX"],
    ]


@pytest.mark.parametrize(
    ("edges", "slices"), [("chain", 2), ("ring", 2), ("heavy-hex", 3), ("complete", 16)], ids=lambda value: str(value)
)
@pytest.mark.parametrize("sites", [8, 16])
def test_slices_are_set_by_the_degree(edges, slices, sites):
    diagonal = pack(ising_paulis(edges, sites))[0]
    assert len(diagonal) - 1 <= slices


def test_a_hundred_qubits_are_packed_at_once():
    assert [len(group) for group in pack(ising_paulis("chain", 100))] == [3, 1]


def test_heisenberg_chain_is_packed_by_letter():
    labels = ["XXII", "IXXI", "IIXX", "YYII", "IYYI", "IIYY", "ZZII", "IZZI", "IIZZ"]
    assert [len(group) for group in pack(PauliList(labels))] == [2, 2, 2]
