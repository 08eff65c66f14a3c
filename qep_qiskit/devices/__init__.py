"""Where circuits run: exact states, Aer, snapshots of devices, and any Qiskit backend or sampler."""

from qep_qiskit.devices.aer import AerDevice, aer, fake
from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.devices.ibm import IBMDevice, ibm
from qep_qiskit.devices.qiskit_objects import SamplerDevice, as_device, device_named, statevector
from qep_qiskit.devices.statevector import StatevectorDevice

__all__ = [
    "AerDevice",
    "Compiled",
    "Device",
    "IBMDevice",
    "SamplerDevice",
    "StatevectorDevice",
    "Work",
    "aer",
    "as_device",
    "device_named",
    "fake",
    "ibm",
    "statevector",
]
