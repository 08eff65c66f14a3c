"""The tensored inverse by Jeffreys' prior."""

from dataclasses import replace

import pytest
from mitigator_contract import ONE, QUBITS, ZERO, MitigatorContract

from qep_qiskit.experiment import load
from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.mitigation.readout import CalibrationSamples
from qep_qiskit.samples import from_probabilities


class TestJeffreys(MitigatorContract):
    method = "jeffreys"


def test_no_rate_is_zero():
    zeros, ones = (replace(from_probabilities(p, 3), shots=99) for p in (ZERO, ONE))
    report = MITIGATIONS["jeffreys"].combine([CalibrationSamples(QUBITS, zeros, ones)]).report()
    assert all(row["flip_up"] == row["flip_down"] == pytest.approx(0.005) for row in report)


def test_a_spec_names_it(small_spec):
    assert load(small_spec, overrides=[("measurement.mitigation", "zne+jeffreys")]).mitigation == "zne+jeffreys"
