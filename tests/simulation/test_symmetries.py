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
    found = symmetries_of(paulis)
    assert found.pivots
    inside = found.reduce(paulis)
    assert np.all(inside.signs != 0)
    energies, whole = [], dense(paulis, row)
    for sector, signs in enumerate(inside.signs_in(np.arange(found.sectors))):
        block = dense(inside.paulis, signs * row) if found.left else np.array([[np.sum(signs * row)]])
        levels, vectors = np.linalg.eigh(block)
        energies += levels.tolist()
        state = found.embed(sector, vectors[:, 0])
        np.testing.assert_allclose(whole @ state, levels[0] * state, atol=1e-9)
    np.testing.assert_allclose(np.sort(energies), np.linalg.eigvalsh(whole), atol=1e-9)


def test_a_string_that_leads_out_of_the_sectors_has_no_sign():
    found = symmetries_of(PauliList(["ZZI", "IZZ", "XXX"]))
    inside = found.reduce(PauliList(["ZII", "ZZI", "XII"]))
    whole = {sector: found.embed(sector, np.eye(1 << len(found.left))[0]) for sector in range(found.sectors)}
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
    found = scan(paulis, rows, keep=3, seed=seed)
    assert set(np.argsort(found.energies)[:3]) == set(np.argsort(exact)[:3])
    assert np.argmin(exact) in found.lowest
    assert np.all(found.energies >= exact - 1e-4) and np.all(found.bounds <= exact + 1e-4)
    limit = float(np.sort(exact)[5]) + 0.05
    assert set(np.flatnonzero(scan(paulis, rows, limit=limit, seed=seed).bounds <= limit)) >= set(np.flatnonzero(exact <= limit))
