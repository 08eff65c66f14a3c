"""Bases: which strings are read together."""

import numpy as np
import pytest
from qiskit.quantum_info import PauliList, SparsePauliOp

import qep_qiskit as qep
from qep_qiskit.equilibrium.plan import needed
from qep_qiskit.measurement.bases import choose_bases


def random_strings(rng, num_qubits, count, busy=0.5):
    """Distinct strings, each letter with probability `busy` one of X, Y, Z."""
    labels = set()
    while len(labels) < count:
        letters = np.where(rng.random(num_qubits) < busy, rng.choice(list("XYZ"), num_qubits), "I")
        labels.add("".join(letters))
    return PauliList(sorted(labels))


def assert_readable(bases, paulis, strings):
    """Every wanted string but the identity is in exactly one basis, and every letter of it is that basis' axis."""
    read = [i for basis in bases for i in basis.strings]
    assert sorted(read) == sorted(i for i in strings if set(paulis[i].to_label()) != {"I"})
    for basis in bases:
        assert len(basis.axes) == paulis.num_qubits
        assert set(basis.axes) <= set("XYZ")
        for i in basis.strings:
            label = paulis[i].to_label()[::-1]
            assert all(letter in ("I", axis) for letter, axis in zip(label, basis.axes, strict=True)), (label, basis)


@pytest.mark.parametrize("edges", ["chain", "ring", "heavy-hex", "complete"])
def test_two_bases_for_any_ising_network_of_100_sites(edges):
    network = qep.ising(sites=100, edges=edges, outputs=[0, 99])
    problem = qep.Problem(network, np.ones(network.num_weights), cost=qep.SquaredError([1.0, -1.0]))
    paulis = problem.frame.paulis
    strings = np.flatnonzero(needed(problem, qep.one_sided(0.1), 0))
    bases = choose_bases(paulis, strings)
    assert [basis.title for basis in bases] == ["Z", "X"]
    assert_readable(bases, paulis, strings)


@pytest.mark.parametrize("seed", range(30))
def test_general_strings_are_each_in_one_basis_and_no_more_bases_than_the_greedy_grouping(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    paulis = random_strings(rng, n, int(rng.integers(1, min(40, 4**n - 1))), busy=rng.uniform(0.2, 0.9))
    bases = choose_bases(paulis, range(len(paulis)))
    assert_readable(bases, paulis, range(len(paulis)))
    real = [i for i in range(len(paulis)) if set(paulis[i].to_label()) != {"I"}]
    if real:
        greedy = SparsePauliOp(paulis[real], np.ones(len(real))).group_commuting(qubit_wise=True)
        assert len(bases) <= len(greedy)


@pytest.mark.parametrize("seed", range(10))
def test_only_wanted_strings_are_read(seed):
    rng = np.random.default_rng(seed)
    paulis = random_strings(rng, 4, 30)
    strings = sorted(rng.choice(30, size=9, replace=False).tolist())
    assert_readable(choose_bases(paulis, strings), paulis, strings)


def test_an_identity_takes_no_basis():
    assert choose_bases(PauliList(["II"]), [0]) == ()
    assert choose_bases(PauliList(["II", "ZZ"]), []) == ()


def test_pure_strings_of_one_letter_share_a_basis_although_others_are_mixed():
    bases = choose_bases(PauliList(["ZZI", "IZZ", "XII", "IIX", "XIX", "YIY"]), range(6))
    assert len(bases) == 3


def test_mixed_strings_that_fit_a_pure_basis_cost_nothing_more():
    bases = choose_bases(PauliList(["ZI", "IX", "ZX"]), range(3))
    assert_readable(bases, PauliList(["ZI", "IX", "ZX"]), range(3))
    assert len(bases) == 1


def test_the_choice_does_not_depend_on_what_ran_before():
    paulis = random_strings(np.random.default_rng(5), 5, 25)
    assert choose_bases(paulis, range(25)) == choose_bases(paulis, range(25))


def test_a_title_names_one_axis_or_all():
    assert [b.title for b in choose_bases(PauliList(["XY"]), [0])] == ["YX"]
    assert [b.title for b in choose_bases(PauliList(["XX"]), [0])] == ["X"]
