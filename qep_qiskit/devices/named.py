"""Any Qiskit backend or sampler as a device, and devices by name."""

from __future__ import annotations

from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2

from qep_qiskit.devices.backends.backend_device import BackendDevice, refuse_runtime_backend
from qep_qiskit.devices.backends.sampler_device import SamplerDevice, sampler_device
from qep_qiskit.devices.device import Device
from qep_qiskit.devices.ibm.device import ibm
from qep_qiskit.devices.simulated.aer import aer
from qep_qiskit.devices.simulated.fake import fake
from qep_qiskit.devices.simulated.simulator import simulator
from qep_qiskit.devices.simulated.snapshots import is_snapshot, snapshot_name
from qep_qiskit.devices.statevector import StatevectorDevice
from qep_qiskit.errors import InputError, nearest

__all__ = ["NAMES", "SamplerDevice", "as_device", "device_named", "statevector"]

NAMES = ("statevector", "simulator", "aer", "fake_<name>", "ibm_<name>")


def statevector(*, seed: int = 0) -> StatevectorDevice:
    """Return the noise-free device: exact expectations, or samples of the exact distribution where shots are given."""
    return StatevectorDevice(seed)


def as_device(thing: object) -> Device:
    """Return a device for None (statevector), a device, a name, a Qiskit backend or a Qiskit sampler."""
    if thing is None:
        return StatevectorDevice()
    if isinstance(thing, str):
        return device_named(thing)
    if isinstance(thing, BaseSamplerV2):
        return sampler_device(thing)
    if isinstance(thing, BackendV2) and is_snapshot(thing):
        return fake(thing)
    if isinstance(thing, BackendV2):
        refuse_runtime_backend(thing)
        return BackendDevice(thing)
    if isinstance(thing, Device):
        return thing
    raise InputError(
        f"device: {thing!r} is not allowed; give qep.statevector(), qep.simulator(), qep.aer(), qep.fake(name), "
        "or a Qiskit BackendV2 or BaseSamplerV2"
    )


def device_named(
    name: str, *, seed: int = 0, noise: str | None = None, engine: str = "auto", method: str = "automatic"
) -> Device:
    """Return the device of a spec: ``statevector``, ``simulator``, ``aer``, ``fake_<name>`` or ``ibm_<name>``.

    A snapshot's name may be written ``fake_torino``, ``torino`` or ``FakeTorino``.

    Raises
    ------
    InputError
        For an unknown name, or noise where the device is neither the simulator nor Aer.
    """
    if name == "aer":
        return aer(noise=noise, method=method, seed=seed)
    if name == "simulator":
        if method != "automatic":
            raise InputError(f"device.method: {method!r} is a method of Aer; take device.name = 'aer', or leave it out")
        return simulator(noise=noise, seed=seed)
    if noise is not None:
        raise InputError(f"device.noise: {noise!r} goes only with device.name = 'simulator' or 'aer', not with {name!r}")
    if name == "statevector":
        return StatevectorDevice(seed)
    if str(name).startswith("ibm_"):
        return ibm(name, seed=seed)
    if str(name).startswith("fake_") or snapshot_name(name) is not None:
        return fake(name, engine=engine, method=method, seed=seed)
    raise InputError(f"device.name: unknown {name!r}; allowed: {', '.join(NAMES)}{nearest(str(name), NAMES)}")
