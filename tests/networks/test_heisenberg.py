"""Isotropic Heisenberg networks."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.experiment import load
from qep_qiskit.kinds import NETWORKS

SETTINGS = [("network.kind", "heisenberg"), ("weights.J", "-0.5")]


def test_two_spins_have_a_singlet_and_a_triplet():
    network = NETWORKS["heisenberg"](sites=2, outputs=[1])
    energies = np.linalg.eigvalsh(network.hamiltonian({"J[0,1]": -1.0, "h[0]": 0, "h[1]": 0, "g[0]": 0, "g[1]": 0}).to_matrix())
    assert energies == pytest.approx([-3, 1, 1, 1])


def test_a_spec_names_it_and_its_gradient_is_that_of_the_loss(small_spec):
    problem = load(small_spec, overrides=SETTINGS).problem()
    assert problem.network.description["kind"] == "heisenberg"
    gradient = qep.gradient(problem, stencil=qep.symmetric(0.02))
    np.testing.assert_allclose(gradient.values, qep.exact_gradient(problem).values, atol=1e-3)


def test_an_unknown_key_is_refused(small_spec):
    with pytest.raises(qep.InputError, match='clamp = true: unknown key; .network. with kind = "heisenberg" takes kind, sites'):
        load(small_spec, overrides=[*SETTINGS, ("network.clamp", "true")])
