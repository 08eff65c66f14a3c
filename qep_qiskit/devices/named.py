"""Conversion of names, Qiskit backends and Qiskit samplers to devices."""

from __future__ import annotations

from typing import Any

from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2

from qep_qiskit.checks import shown
from qep_qiskit.devices.backends.backend_device import BackendDevice, refuse_runtime_backend
from qep_qiskit.devices.backends.sampler_device import SamplerDevice, sampler_device
from qep_qiskit.devices.device import Device
from qep_qiskit.devices.simulated.named import fake
from qep_qiskit.devices.simulated.snapshots import snapshot_classes
from qep_qiskit.devices.statevector import StatevectorDevice
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import DEVICES

__all__ = ["DEVICE_FORMS", "SamplerDevice", "as_device", "device_named"]

DEVICE_FORMS = (Device, BackendV2, BaseSamplerV2, str)
"""The types of a plug-in's device."""


def as_device(thing: object) -> Device:
    """Return the device for a name, a Qiskit backend, a Qiskit sampler, a device itself, or None (statevector)."""
    if thing is None:
        return StatevectorDevice()
    if isinstance(thing, str):
        return device_named(thing)
    if isinstance(thing, BaseSamplerV2):
        return sampler_device(thing)
    if isinstance(thing, BackendV2) and isinstance(thing, tuple(snapshot_classes().values())):
        return fake(thing)
    if isinstance(thing, BackendV2):
        refuse_runtime_backend(thing)
        return BackendDevice(thing)
    if isinstance(thing, Device):
        return thing
    raise InputError(
        f"device: {shown(thing)} is not allowed; give qep.statevector(), qep.simulator(), qep.aer(), qep.fake(name), "
        "or a Qiskit BackendV2 or BaseSamplerV2"
    )


def device_named(name: str, *, seed: int = 0, **options: Any) -> Device:
    """Return the device with this name: ``statevector``, ``simulator``, ``aer``, ``fake_<name>``, ``ibm_<name>``, or a plug-in's.

    A snapshot's name may be written ``fake_torino``, ``torino`` or ``FakeTorino``.

    Parameters
    ----------
    **options
        The other keys of a spec's section [device]: ``noise``, ``engine``, ``method`` and so on; None leaves one out.

    Raises
    ------
    InputError
        If the name is unknown, or the device does not have an option.
    """
    kind = DEVICES.named(name, "device.name")
    options = {option: value for option, value in options.items() if value is not None or option in kind.parameters}
    for option, value in options.items():
        if option not in kind.parameters:
            others = [other.name for other in DEVICES.built_in.values() if option in other.parameters]
            remedy = f"it goes with {', '.join(others)}" if others else f"there are {', '.join(kind.parameters)}"
            raise InputError(f"device.{option}: {shown(value)} is not an option of the device {name!r}; {remedy}")
    given = {"name": name, "seed": seed, **options}
    arguments = {option: value for option, value in given.items() if option in kind.parameters}
    return as_device(kind.make("device.name", arguments, *DEVICE_FORMS))
