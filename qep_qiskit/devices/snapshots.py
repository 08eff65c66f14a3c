"""Snapshots of devices: the "fake" devices that come with the Runtime client."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from qiskit.providers import BackendV2

from qep_qiskit.errors import InputError, nearest


@dataclass(frozen=True)
class Snapshot:
    """A device's coupling graph, gates and calibration on one day.

    Attributes
    ----------
    name : str
    backend : BackendV2
    readout : tuple of (float, float) or None
        Per qubit: the probabilities to read 1 in state 0, and 0 in state 1; None where the snapshot holds only their mean.
    calibrated : str
        The date of the calibration.
    """

    name: str
    backend: BackendV2
    readout: tuple[tuple[float, float], ...] | None
    calibrated: str


@functools.cache
def snapshot_classes() -> dict[str, type]:
    """Return the known snapshots' classes by name, such as ``fake_guadalupe``."""
    from qiskit_ibm_runtime import fake_provider

    found = {}
    for attribute in sorted(vars(fake_provider)):
        cls = getattr(fake_provider, attribute)
        if re.fullmatch(r"Fake\w+", attribute) and isinstance(cls, type) and issubclass(cls, BackendV2):
            name = getattr(cls, "backend_name", None)
            if isinstance(name, str):
                found[name] = cls
    return dict(sorted(found.items()))


@functools.cache
def snapshot(name: str) -> Snapshot:
    """Return the snapshot of that name.

    Raises
    ------
    InputError
        For an unknown name.
    """
    classes = snapshot_classes()
    if name not in classes:
        raise InputError(
            f"device: unknown snapshot {name!r}; `qep devices` lists the {len(classes)} there are{nearest(name, classes)}"
        )
    return snapshot_of(name, classes[name]())


def snapshot_of(name: str, backend: BackendV2) -> Snapshot:
    """Return a backend with its calibration of now."""
    asked = getattr(backend, "properties", None)
    properties = asked() if callable(asked) else None
    readout, calibrated = None, "unknown"
    if properties is not None:
        calibrated = str(properties.last_update_date)
        try:
            readout = tuple(
                (
                    float(properties.qubit_property(q, "prob_meas1_prep0")[0]),
                    float(properties.qubit_property(q, "prob_meas0_prep1")[0]),
                )
                for q in range(backend.num_qubits)
            )
        except Exception:
            readout = None
    return Snapshot(name, backend, readout, calibrated)
