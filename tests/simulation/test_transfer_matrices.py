"""Transfer matrices, the order of wires in memory, and programs of channels, by themselves."""

import numpy as np
import pytest
from qiskit.quantum_info import PTM, Operator, SuperOp, random_quantum_channel

from qep_qiskit.simulation.noise import channels, transfer
from qep_qiskit.simulation.noise.channels import ChannelProgram, Fusion
from qep_qiskit.simulation.noise.transfer import Piece
from qep_qiskit.simulation.noise.wires import Stop, line, route

RNG = np.random.default_rng(5)


def turned(angles):
    return np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=-1)


@pytest.mark.parametrize("name", sorted(transfer.TURNING))
def test_parts_give_the_gate_at_any_angles(name):
    """Against Qiskit's own conversion, at angles far beyond one turn."""
    kind = transfer._gates()[name]
    count = len(kind.params)
    angles = RNG.uniform(-20, 20, (4, count))
    matrices = Piece(transfer.gate_parts(name, (None,) * count), tuple(range(count))).matrices(turned(angles))
    for row, matrix in zip(angles, matrices, strict=True):
        expected = PTM(SuperOp(Operator(kind.base_class(*row)))).data
        assert np.abs(expected.imag).max() < 1e-12
        np.testing.assert_allclose(matrix, expected.real, atol=1e-12)


@pytest.mark.parametrize("name", sorted(transfer.FIXED))
def test_gates_with_numbers(name):
    kind = transfer._gates()[name]
    angles = tuple(RNG.uniform(-3, 3, len(kind.params)))
    expected = PTM(SuperOp(Operator(kind.base_class(*angles)))).data
    np.testing.assert_allclose(transfer.gate(name, angles), expected.real, atol=1e-12)


def test_exchanging_and_lifting():
    one, two = RNG.normal(size=(2, 4, 4))
    np.testing.assert_array_equal(transfer.both(one, two), np.kron(one, two))
    np.testing.assert_array_equal(transfer.swapped(np.kron(one, two)), np.kron(two, one))
    np.testing.assert_array_equal(transfer.lifted(one, slow=True), np.kron(one, np.eye(4)))
    np.testing.assert_array_equal(transfer.lifted(one, slow=False), np.kron(np.eye(4), one))


def test_a_chain_is_laid_out_as_a_chain():
    pairs = [(3, 0), (2, 4), (1, 4), (0, 1)] * 2
    order = line(6, pairs)
    assert sorted(order) == list(range(6))
    assert all(abs(order.index(a) - order.index(b)) == 1 for a, b in pairs)
    stops, at_the_end = route(6, pairs)
    assert all(stop.move is None for stop in stops)
    assert at_the_end == order


def test_wires_that_lie_apart_are_brought_together():
    pairs = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (3, 1), (2, 0), (1, 0)]
    stops, order = route(4, pairs)
    assert any(stop.move is not None for stop in stops)
    assert sorted(order) == list(range(4))


@pytest.mark.parametrize("num_wires", [1, 2, 4])
def test_random_channels_against_a_density_matrix(num_wires):
    """Channels of every rank on random wires, of which the last wire is not read."""
    fusion, size = Fusion(num_wires), 2**num_wires
    rho = np.zeros((size, size), dtype=complex)
    rho[0, 0] = 1.0
    state = SuperOp(Operator(np.eye(size)))
    for step in range(24):
        k = 1 if num_wires == 1 or step % 3 == 0 else 2
        wires = RNG.choice(num_wires, k, replace=False).tolist()
        channel = random_quantum_channel(2**k, seed=step)
        state = state.compose(SuperOp(channel), qargs=wires)
        fusion.add(tuple(wires), Piece(PTM(channel).data.real[None]))
    after = (state.data @ rho.reshape(-1, order="F")).reshape(size, size, order="F")
    chances = np.real(np.diag(after)).reshape((2,) * num_wires)
    read = list(range(max(1, num_wires - 1)))
    if num_wires > 1:
        chances = chances.sum(axis=0)
    reading = [np.array([[0.5, 0, 0, 0.5], [0.5, 0, 0, -0.5]]) if w in read else np.eye(4)[:1] for w in range(num_wires)]
    program = ChannelProgram(num_wires, fusion.blocks())
    (distribution,) = program.distributions(np.zeros((2, 0)), [reading], read, [np.ones(2, dtype=bool)])
    np.testing.assert_allclose(distribution, [chances.reshape(-1)] * 2, atol=1e-12)


@pytest.mark.parametrize("lines", [1, 4, 256])
@pytest.mark.parametrize("own", [True, False], ids=["own matrices", "one matrix"])
@pytest.mark.parametrize(("size", "inner"), [(4, 1), (4, 16), (16, 1), (16, 4), (16, 64)])
def test_a_block_acts_on_states_of_any_size(monkeypatch, size, inner, own, lines):
    monkeypatch.setattr(channels, "_LINES", lines)
    states, matrices = RNG.normal(size=(3, 4**5)), RNG.normal(size=(3, size, size))
    out = np.empty_like(states)
    channels._apply(matrices if own else matrices[0], Stop(None, False, inner), states, out)
    grid = states.reshape(3, -1, size, inner)
    expected = np.einsum("rij,rojk->roik", matrices if own else matrices[[0, 0, 0]], grid)
    np.testing.assert_allclose(out.reshape(grid.shape), expected, atol=1e-12)
