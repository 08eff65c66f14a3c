"""Devices: exact states, this package's simulation, Aer, snapshots of real devices, and any Qiskit backend or sampler."""

from qep_qiskit.devices.backends.backend_device import BackendDevice
from qep_qiskit.devices.device import Compiled, Device, Measuring, Work
from qep_qiskit.devices.ibm.device import IBMDevice, ibm
from qep_qiskit.devices.named import SamplerDevice, as_device, device_named
from qep_qiskit.devices.price import Tariff
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.devices.simulated.named import aer, fake, simulator
from qep_qiskit.devices.statevector import StatevectorDevice, statevector

__all__ = [
    "BackendDevice",
    "Compiled",
    "Device",
    "IBMDevice",
    "Measuring",
    "SamplerDevice",
    "SimulatedDevice",
    "StatevectorDevice",
    "Tariff",
    "Work",
    "aer",
    "as_device",
    "device_named",
    "fake",
    "ibm",
    "simulator",
    "statevector",
]
