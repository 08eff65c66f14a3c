"""Isotropic Heisenberg networks."""

import numpy as np
import pytest
from network_contract import NetworkContract

from qep_qiskit.kinds import NETWORKS


class TestHeisenberg(NetworkContract):
    @staticmethod
    def make():
        return NETWORKS["heisenberg"](sites=3, inputs=[0], outputs=[2])


def test_two_spins_have_a_singlet_and_a_triplet():
    network = NETWORKS["heisenberg"](sites=2, outputs=[1])
    energies = np.linalg.eigvalsh(network.hamiltonian({"J[0,1]": -1.0, "h[0]": 0, "h[1]": 0, "g[0]": 0, "g[1]": 0}).to_matrix())
    assert energies == pytest.approx([-3, 1, 1, 1])
