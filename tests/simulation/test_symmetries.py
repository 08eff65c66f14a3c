"""Pauli symmetries and sectors against dense matrices of the whole space."""

import numpy as np
import pytest
from qiskit.quantum_info import PauliList, SparsePauliOp

from qep_qiskit.simulation.eigen.sectors import scan
from qep_qiskit.simulation.eigen.symmetries import symmetries_of

CLUSTER = ["ZXZII", "IZXZI", "IIZXZ", "XIIII"]
TORIC = ["XXIIII", "IIXXII", "YIYIII", "IYIYII", "IIZIIZ", "IIIZZI", "ZIIIIX"]


def dense(paulis, row):
    return SparsePauliOp(paulis, row).to_matrix()


@pytest.mark.parametrize("labels", [CLUSTER, TORIC, ["ZZI", "IZZ"], ["XYZ"], ["XX", "ZZ", "YY"]])
def test_the_sectors_hold_all_levels_and_their_states(labels):
    paulis, rng = PauliList(labels), np.random.default_rng(3)
    row = rng.normal(size=len(labels))
    symmetries = symmetries_of(paulis)
    assert symmetries.pivots
    inside = symmetries.reduce(paulis)
    assert np.all(inside.signs != 0)
    energies, whole = [], dense(paulis, row)
    for sector, signs in enumerate(inside.signs_in(np.arange(symmetries.sectors))):
        block = dense(inside.paulis, signs * row) if symmetries.left else np.array([[np.sum(signs * row)]])
        levels, vectors = np.linalg.eigh(block)
        energies += levels.tolist()
        state = symmetries.embed(sector, vectors[:, 0])
        np.testing.assert_allclose(whole @ state, levels[0] * state, atol=1e-9)
    np.testing.assert_allclose(np.sort(energies), np.linalg.eigvalsh(whole), atol=1e-9)


def test_a_string_that_leads_out_of_the_sectors_has_no_sign():
    symmetries = symmetries_of(PauliList(["ZZI", "IZZ", "XXX"]))
    inside = symmetries.reduce(PauliList(["ZII", "ZZI", "XII"]))
    whole = {sector: symmetries.embed(sector, np.eye(1 << len(symmetries.left))[0]) for sector in range(symmetries.sectors)}
    for label, sign in zip(["ZII", "ZZI", "XII"], inside.signs, strict=True):
        outside = all(abs(np.vdot(state, PauliList([label])[0].to_matrix() @ state)) < 1e-12 for state in whole.values())
        assert (sign == 0) == outside


def test_without_symmetries_there_is_one_sector():
    assert symmetries_of(PauliList(["XI", "ZI", "IX", "IZ"])).sectors == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_scan_finds_the_operators_with_the_lowest_levels(seed):
    rng = np.random.default_rng(seed)
    letters = np.array(["".join(word) for word in rng.choice(list("IXYZ"), size=(14, 6))])
    paulis, rows = PauliList(letters.tolist()), rng.normal(size=(40, 14))
    exact = np.array([np.linalg.eigvalsh(dense(paulis, row))[0] for row in rows])
    levels = scan(paulis, rows, keep=3, seed=seed)
    assert set(np.argsort(levels.energies)[:3]) == set(np.argsort(exact)[:3])
    assert np.argmin(exact) in levels.lowest
    assert np.all(levels.energies >= exact - 1e-4) and np.all(levels.bounds <= exact + 1e-4)
    limit = float(np.sort(exact)[5]) + 0.05
    assert set(np.flatnonzero(scan(paulis, rows, limit=limit, seed=seed).bounds <= limit)) >= set(np.flatnonzero(exact <= limit))


def test_two_scans_together_misjudge_no_level():
    """A ring of seven with four conserved spins, from random vectors of which about one in a hundred misses the lowest level."""
    rng = np.random.default_rng(8)
    ring = {label: rng.uniform(0.3, 1.5) for label in ["X" + 6 * "I", "ZZ" + 5 * "I"]}
    strings = [
        ("I" * 4 + label[-k:] + label[:-k], size * rng.choice([-1.0, 1.0])) for label, size in ring.items() for k in range(7)
    ]
    for spin in range(4):
        strings += [
            ("I" * spin + "Z" + "I" * (3 - spin) + "I" * site + "Z" + "I" * (6 - site), 0.7 * rng.normal())
            for site in rng.choice(7, 2, replace=False)
        ]
    paulis, row = PauliList([label for label, _ in strings]), np.array([size for _, size in strings])
    symmetries = symmetries_of(paulis)
    inside = symmetries.reduce(paulis)
    rows = inside.signs_in(np.arange(symmetries.sectors)) * row
    exact = np.array([np.linalg.eigvalsh(dense(inside.paulis, r))[0] for r in rows])
    scans = [scan(inside.paulis, rows, keep=1, seed=seed) for seed in range(80)]

    def misjudged(scans):
        return sum(np.count_nonzero(one.bounds > exact + 1e-4) for one in scans)

    assert misjudged(scans)
    assert not misjudged([a & b for a, b in zip(scans[::2], scans[1::2], strict=True)])
