"""Fractional gates compared: half of the two-qubit gates, in half of the layers, with less damping."""

import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium.plan import plan
from qep_qiskit.forecasting.fractional import gate_sets
from qep_qiskit.settings import Settings


def first_on(device):
    network = qep.ising(sites=5, edges="chain", outputs=[2])
    problem = qep.Problem(network, network.initial_weights(seed=3), cost=qep.SquaredError([1.0]).observable())
    settings = Settings(preparer=qep.VQE(layers=2, starts=1), stencil=qep.symmetric(0.3), device=device, shots=100)
    return plan(problem, settings), settings.device


def test_a_snapshot_with_fractional_gates_would_need_half_of_the_gates():
    sets = gate_sets(*first_on("fake_torino"))
    usual, fractional = sets.usual, sets.fractional
    assert fractional.appraisal.two_qubit_gates == usual.appraisal.two_qubit_gates / 2 == 2 * 4
    assert fractional.appraisal.two_qubit_depth == usual.appraisal.two_qubit_depth / 2
    assert fractional.appraisal.seconds < usual.appraisal.seconds
    assert fractional.appraisal.fidelity > usual.appraisal.fidelity
    assert fractional.error < usual.error and not sets.used
    assert "assuming" in str(sets) and "8 two-qubit gates" in str(sets) and "16 two-qubit gates" in str(sets)


@pytest.mark.parametrize("device", ["fake_guadalupe", "statevector"])
def test_devices_without_cz_have_no_fractional_gates(device):
    assert gate_sets(*first_on(device)) is None
