"""Checks before a job is paid: faulty qubits and couplings, and the age of the calibration."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.ibm.checks import age_note, refuse_faulty
from qep_qiskit.errors import InputError


def properties(qubits=(), gates=()):
    faulty = [SimpleNamespace(gate=name, qubits=list(where)) for name, where in gates]
    return SimpleNamespace(faulty_qubits=lambda: list(qubits), faulty_gates=lambda: faulty)


def circuit_of():
    circuit = QuantumCircuit(4)
    circuit.sx(0)
    circuit.cz(1, 2)
    return circuit


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"qubits": [2]}, "qubit 2 of ibm_x is faulty now; compile again"),
        ({"gates": [("cz", (2, 1))]}, "cz on the coupling 1–2 of ibm_x is faulty now; compile again"),
        ({"gates": [("sx", (0,))]}, "sx on qubit 0 of ibm_x is faulty now; compile again"),
    ],
)
def test_circuits_on_faulty_parts_are_refused_in_one_line(state, words):
    with pytest.raises(InputError, match=words):
        refuse_faulty([circuit_of()], properties(**state), "ibm_x")


def test_other_faulty_parts_do_not_matter():
    refuse_faulty([circuit_of()], properties([3], [("cz", (0, 1)), ("rzz", (1, 2)), ("sx", (1,))]), "ibm_x")


def test_only_an_old_calibration_is_worth_a_line():
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert age_note(now - timedelta(hours=23), "ibm_x", now) == "" == age_note(None, "ibm_x", now)
    assert "ibm_x was last calibrated 30 hours ago, on 25 November, 06:00" in age_note(now - timedelta(hours=30), "ibm_x", now)
    assert "5 days ago" in age_note((now - timedelta(days=5)).replace(tzinfo=None), "ibm_x", now)
