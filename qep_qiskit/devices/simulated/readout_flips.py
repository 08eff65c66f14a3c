"""Circuits without gate errors whose readout flips bits."""

from __future__ import annotations

from typing import Annotated

from qiskit_aer.noise import NoiseModel, ReadoutError

from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.devices.simulated.simulator import simulator
from qep_qiskit.kinds import DEVICES, Key


@DEVICES.register("readout_flips")
def readout_flips(
    *, flip: Annotated[float, Key("the probability of a flip", least=0, below=0.5)] = 0.02, seed: int = 0
) -> SimulatedDevice:
    """Return an exact simulation whose readout flips every bit with the same probability."""
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[1 - flip, flip], [flip, 1 - flip]]))
    return simulator(noise=model, seed=seed)
