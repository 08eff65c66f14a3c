"""A device whose readout flips bits."""

import pytest
from device_contract import DeviceContract

import qep_qiskit as qep
from qep_qiskit.experiment import load


class TestReadoutFlips(DeviceContract):
    allowance = 0.05

    @staticmethod
    def make():
        return qep.device_named("readout_flips", flip=0.01)


def test_a_spec_names_it(small_spec):
    settings = [("device.name", "readout_flips"), ("device.flip", "0.1")]
    problem = load(small_spec).problem()
    ideal, flipped = (qep.gradient(problem, device=load(small_spec, overrides=more).device()) for more in ([], settings))
    assert flipped.predictions == pytest.approx(0.8 * ideal.predictions, abs=1e-6)
    with pytest.raises(qep.InputError, match=r"device.flip: 0.7 is not allowed; give the probability of a flip, a number from 0"):
        load(small_spec, overrides=[settings[0], ("device.flip", "0.7")])
