"""The identity of a device, by which a run knows it again."""

from __future__ import annotations

from collections.abc import Mapping

from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.fingerprints import Identity, UnidentifiedError, identity

_ONLY_TODAY = ("calibration_date", "qiskit-aer", "simulator", "service")


def identity_of_device(device: object) -> Identity:
    """Return the identity of a device: the options of a local device, or the self-description of a remote one."""
    if not isinstance(device, RemoteDevice):
        try:
            return identity(device, "device")
        except UnidentifiedError:
            if not callable(getattr(device, "describe", None)):
                raise
    description: Mapping[str, object] = device.describe()  # type: ignore[attr-defined]
    return identity({key: value for key, value in description.items() if key not in _ONLY_TODAY}, "device")
