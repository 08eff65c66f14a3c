"""Where circuits run: exact states, this package's simulation, Aer, snapshots of devices, and any Qiskit backend or sampler."""

from qep_qiskit.devices.aer import aer
from qep_qiskit.devices.backend_device import BackendDevice
from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.devices.fake import fake
from qep_qiskit.devices.ibm import IBMDevice, ibm
from qep_qiskit.devices.qiskit_objects import SamplerDevice, as_device, device_named, statevector
from qep_qiskit.devices.simulated import SimulatedDevice
from qep_qiskit.devices.simulator import simulator
from qep_qiskit.devices.statevector import StatevectorDevice

__all__ = [
    "BackendDevice",
    "Compiled",
    "Device",
    "IBMDevice",
    "SamplerDevice",
    "SimulatedDevice",
    "StatevectorDevice",
    "Work",
    "aer",
    "as_device",
    "device_named",
    "fake",
    "ibm",
    "simulator",
    "statevector",
]
