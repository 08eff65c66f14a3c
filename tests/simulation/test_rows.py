"""Ground states, gaps and responses in columns against dense diagonalisation."""

from itertools import product

import numpy as np
import pytest
from qiskit.quantum_info import PauliList, SparsePauliOp

from qep_qiskit.simulation.eigen.rows import (
    Levels,
    Operators,
    ground_states,
    linear_responses,
    lowest_levels,
    lowest_reached,
    strings_of,
)


def labels(num_qubits, kind):
    if kind == "any":
        return ["".join(letters) for letters in product("IXYZ", repeat=num_qubits)]

    def at(**letters):
        return "".join(letters.get(f"q{q}", "I") for q in reversed(range(num_qubits)))

    fields = [at(**{f"q{q}": letter}) for letter in "ZX" for q in range(num_qubits)]
    return [at(**{f"q{q}": "Z", f"q{q + 1}": "Z"}) for q in range(num_qubits - 1)] + fields


def dense(paulis, row):
    return SparsePauliOp(paulis, row).to_matrix()


@pytest.mark.parametrize(("num_qubits", "kind"), [(1, "any"), (2, "any"), (3, "any"), (3, "ising"), (5, "ising"), (7, "ising")])
def test_levels_and_responses_are_those_of_a_dense_calculation(num_qubits, kind):
    paulis, rng = PauliList(labels(num_qubits, kind)), np.random.default_rng(num_qubits)
    rows, nudges = rng.normal(size=(2, 9, len(paulis)))
    spectra = [np.linalg.eigh(dense(paulis, row)) for row in rows]
    operators = Operators(paulis, rows)
    levels = lowest_levels(operators)
    assert levels.settled.all()
    moved = linear_responses(operators, levels.energies, levels.vectors, Operators(paulis, nudges).apply(levels.vectors))
    changes = 2.0 * strings_of(paulis).transitions(levels.vectors, moved)
    for r, (energies, vectors) in enumerate(spectra):
        assert levels.energies[r] == pytest.approx(energies[0], abs=1e-9)
        assert levels.gaps[r] == pytest.approx(energies[1] - energies[0], rel=5e-2)
        assert abs(np.vdot(vectors[:, 0], levels.vectors[:, r])) == pytest.approx(1.0, abs=1e-9)
        rest = vectors[:, 1:]
        step = -rest @ ((rest.conj().T @ (dense(paulis, nudges[r]) @ vectors[:, 0])) / (energies[1:] - energies[0]))
        expected = [2 * np.vdot(step, pauli.to_matrix() @ vectors[:, 0]).real for pauli in paulis]
        np.testing.assert_allclose(changes[r], expected, atol=1e-3 * np.abs(expected).max())


def test_operators_apply_every_string():
    paulis, rng = PauliList(labels(2, "any")), np.random.default_rng(0)
    rows, states = rng.normal(size=(3, len(paulis))), rng.normal(size=(4, 3)) + 1j * rng.normal(size=(4, 3))
    products = Operators(paulis, rows).apply(states)
    for r, row in enumerate(rows):
        np.testing.assert_allclose(products[:, r], dense(paulis, row) @ states[:, r], atol=1e-12)


def test_a_column_does_not_depend_on_the_others():
    paulis, rng = PauliList(labels(5, "ising")), np.random.default_rng(2)
    rows = rng.normal(size=(6, len(paulis)))
    whole, part = lowest_levels(Operators(paulis, rows)), lowest_levels(Operators(paulis, rows[:2]))
    np.testing.assert_allclose(whole.energies[:2], part.energies, atol=1e-9)


def test_a_degenerate_ground_state_is_not_settled():
    paulis = PauliList(["ZZ", "XX", "ZI"])
    levels = lowest_levels(Operators(paulis, np.array([[-1.0, 0.0, 0.0], [-1.0, -0.5, 0.3], [0.0, 0.0, 0.0]])))
    assert levels.settled.tolist() == [False, True, False]


def with_shared_strings(kind):
    """Return strings on six qubits, and five rows whose coefficients on the four lowest qubits are the same."""
    rng = np.random.default_rng(5)
    low = labels(3, "any") if kind == "complex" else labels(4, "ising")
    texts = dict.fromkeys(["I" * (6 - len(text)) + text for text in low] + labels(6, "ising"))
    rows = rng.normal(size=(5, len(texts)))
    shared = [k for k, text in enumerate(texts) if text.startswith("II")]
    rows[:, shared] = 0.3 * rows[0, shared]
    return PauliList(list(texts)), rows


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("precise", [True, False])
def test_strings_with_common_coefficients_are_applied_too(kind, precise):
    paulis, rows = with_shared_strings(kind)
    rng, operators = np.random.default_rng(1), Operators(paulis, rows, precise=precise)
    assert operators._matrix is not None
    states = rng.normal(size=(64, 5)).astype(operators.dtype)
    products = operators.apply(states)
    assert products.dtype == operators.dtype and products.real.dtype == (np.float64 if precise else np.float32)
    for r, row in enumerate(rows):
        np.testing.assert_allclose(products[:, r], dense(paulis, row) @ states[:, r], atol=1e-12 if precise else 2e-4)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("tolerance", [1e-7, 1e-3])
@pytest.mark.parametrize("guessed", [False, True])
def test_ground_states_are_as_near_as_the_tolerance_asks(kind, tolerance, guessed):
    paulis, rows = with_shared_strings(kind)
    spectra = [np.linalg.eigh(dense(paulis, row)) for row in rows]
    guess = np.array([vectors[:, 0] + 0.1 * vectors[:, 1] for _, vectors in spectra]).T if guessed else None
    states = ground_states(paulis, rows, starts=guess, tolerance=tolerance, seed=3)
    assert states.settled.all()
    for r, (energies, vectors) in enumerate(spectra):
        overlap = abs(np.vdot(vectors[:, 0], states.vectors[:, r].astype(complex)))
        assert np.sqrt(max(0.0, 1 - overlap**2)) <= max(tolerance, 5e-8)
        assert states.energies[r] == pytest.approx(energies[0], abs=1e-10 if tolerance < 1e-4 else 1e-4)


def test_a_response_above_another_level_is_unknown():
    paulis, rng = PauliList(labels(5, "ising")), np.random.default_rng(4)
    rows, nudges = rng.normal(size=(2, 3, len(paulis)))
    operators = Operators(paulis, rows)
    spectra = [np.linalg.eigh(dense(paulis, row)) for row in rows]
    vectors = np.array([v[:, k].real for (_, v), k in zip(spectra, (0, 1, 0), strict=True)]).T
    energies = np.array([e[k] for (e, _), k in zip(spectra, (0, 1, 0), strict=True)])
    levels = Levels(energies, np.ones(3), np.ascontiguousarray(vectors), np.ones(3, dtype=bool))
    moved = linear_responses(operators, levels.energies, levels.vectors, Operators(paulis, nudges).apply(levels.vectors))
    assert np.isnan(moved[:, 1]).all() and np.isfinite(moved[:, [0, 2]]).all()


def reached_by_diagonalisation(hamiltonian, change, least):
    """Return the ground state and the part of ∂H|g⟩ in the lowest level with a share of more than `least`."""
    energies, vectors = np.linalg.eigh(hamiltonian)
    moved = change @ vectors[:, 0]
    parts = vectors.conj().T @ moved
    parts[0] = 0
    first = np.flatnonzero(np.abs(parts) ** 2 > least * np.sum(np.abs(parts) ** 2))[0]
    level = np.abs(energies - energies[first]) < 1e-9
    excited = vectors[:, level] @ parts[level]
    return vectors[:, 0], excited / np.linalg.norm(excited)


def sums(kind, rng):
    """Return strings, and rows of H and of ∂H: generic, with levels that ∂H does not reach, or with degenerate ones."""
    if kind in ("generic", "complex"):
        texts = with_shared_strings("complex" if kind == "complex" else "real")[0].to_labels()
        return (PauliList(texts), *rng.normal(size=(2, 8, len(texts))))
    if kind == "even":  # a flip of all spins leaves H alone: the lowest excited level is odd, and ∂H reaches even ones
        texts = [text for text in labels(6, "ising") if text.count("Z") != 1]
        rows = np.where(["X" in text for text in texts], rng.uniform(-3, -2, (8, len(texts))), rng.normal(size=(8, len(texts))))
        return PauliList(texts), rows, rng.normal(size=(8, len(texts)))
    bonds = ["I" * q + 2 * letter + "I" * (4 - q) for q in range(5) for letter in "XYZ"]  # a chain of spins with triplets
    fields = ["I" * q + letter + "I" * (5 - q) for q in range(6) for letter in "XYZ"]
    rows = np.hstack([np.repeat(rng.uniform(1, 2, (8, 5)), 3, axis=1), np.zeros((8, 18))])
    return PauliList(bonds + fields), rows, np.hstack([np.zeros((8, 15)), rng.normal(size=(8, 18))])


@pytest.mark.parametrize("kind", ["generic", "complex", "even", "triplets"])
@pytest.mark.parametrize("seed", range(3))
def test_the_lowest_level_that_a_change_reaches_is_that_of_a_dense_calculation(kind, seed):
    paulis, rows, changes = sums(kind, np.random.default_rng(seed))
    states = lowest_reached(Operators(paulis, rows), Operators(paulis, changes), least=1e-8)
    assert states.settled.sum() >= {"triplets": 1, "even": 4}.get(kind, len(rows))
    for r in np.flatnonzero(states.settled):
        ground, excited = reached_by_diagonalisation(dense(paulis, rows[r]), dense(paulis, changes[r]), 1e-8)
        assert abs(np.vdot(ground, states.ground[:, r])) == pytest.approx(1.0, abs=1e-12)
        assert abs(np.vdot(excited, states.excited[:, r])) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("split", [0.0, 1e-12, 1e-7])
def test_levels_that_are_not_unique_are_not_settled(split):
    """Two ground states or two reached ones are nearly degenerate, or ∂H reaches none; the last row is as usual."""
    paulis = PauliList(["IZZ", "IIZ", "IXX", "XII", "ZII", "IIX"])
    h = [[-1, split, 0, -0.3, 0.4, 0], [-1, 2, 0, -1 - split, 0, -1], [-1, 0.5, -0.6, -1, 0.2, 0], [-1, 0.5, -0.6, -1, 0.2, 0]]
    change = [[0, 0, 1, 1, 0, 0], [0, 0.3, 0.7, 0, 1, 0.9], [0, 0, 0, 0, 0, 0], [0, 0.3, 1, 0, 1, 0]]
    states = lowest_reached(Operators(paulis, np.array(h, float)), Operators(paulis, np.array(change, float)), least=1e-8)
    assert states.settled[2:].tolist() == [False, True]
    for r in np.flatnonzero(states.settled[:2]):
        ground, excited = reached_by_diagonalisation(dense(paulis, h[r]), dense(paulis, change[r]), 1e-8)
        assert abs(np.vdot(ground, states.ground[:, r])) == pytest.approx(1.0, abs=1e-6)
        assert abs(np.vdot(excited, states.excited[:, r])) == pytest.approx(1.0, abs=1e-6)


def test_a_hard_column_does_not_keep_the_others_from_being_settled():
    paulis, rng = PauliList(labels(6, "ising")), np.random.default_rng(7)
    rows, changes = rng.normal(size=(2, 17, len(paulis)))
    rows[0] = np.where([text.count("Z") == 2 for text in paulis.to_labels()], -1.0, 0.0)  # a degenerate ground state
    states = lowest_reached(Operators(paulis, rows), Operators(paulis, changes), least=1e-8)
    assert states.settled.tolist() == [False] + 16 * [True]
