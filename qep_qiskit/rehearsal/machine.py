"""The devices of the mock service: snapshots with their current calibration and noise."""

from __future__ import annotations

import copy
import functools
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.simulated.noise import add_readout_errors, noise_of
from qep_qiskit.devices.simulated.snapshots import Snapshot, snapshot, snapshot_classes
from qep_qiskit.errors import InputError, nearest

NOISES = ("full", "readout", "none")
DRIFT = 1.6
"""The factor by which a drift multiplies every readout error."""
READOUT = ("prob_meas1_prep0", "prob_meas0_prep1", "readout_error")


@functools.cache
def machine_names() -> tuple[str, ...]:
    """Return the names of the mock service's devices: the snapshot ``fake_torino`` is served as ``ibm_torino``."""
    return tuple("ibm_" + name.removeprefix("fake_") for name in snapshot_classes())


@dataclass(frozen=True)
class Machine:
    """A device of the mock service, such as ``ibm_torino``; if it has drifted, its readout is worse than the snapshot's."""

    name: str
    noise: str = "full"
    drifted: bool = False

    def __post_init__(self) -> None:
        if self.name not in machine_names():
            raise InputError(f"device: unknown {self.name!r}; `qep devices` lists them{nearest(self.name, machine_names())}")
        if self.noise not in NOISES:
            raise InputError(f"noise: unknown {self.noise!r}; allowed: {', '.join(NOISES)}{nearest(self.noise, NOISES)}")

    @property
    def snapshot(self) -> Snapshot:
        """The device's snapshot, with its drift."""
        original = snapshot("fake_" + self.name.removeprefix("ibm_"))
        if not self.drifted or original.readout is None:
            return original
        return replace(original, readout=tuple((min(a * DRIFT, 0.5), min(b * DRIFT, 0.5)) for a, b in original.readout))

    def configuration(self) -> dict[str, Any]:
        """Return the configuration in the service's format."""
        return {**_document(self.name, "conf_filename"), "backend_name": self.name}

    def properties(self) -> dict[str, Any]:
        """Return the calibration in the service's format."""
        properties = {**_document(self.name, "props_filename"), "backend_name": self.name}
        if not self.drifted:
            return properties
        properties = copy.deepcopy(properties)
        properties["last_update_date"] = datetime.now(UTC).isoformat()
        for values in (value for qubit in properties["qubits"] for value in qubit):
            if values["name"] in READOUT:
                values["value"] = min(values["value"] * DRIFT, 0.5)
        return properties


@functools.lru_cache(maxsize=64)
def noise_model(machine: Machine, qubits: tuple[int, ...]) -> NoiseModel | None:
    """Return the noise model of these qubits of a device, renumbered 0, 1, …"""
    match machine.noise:
        case "none":
            return None
        case "full":
            return noise_of(machine.snapshot, qubits)
    model, readout = NoiseModel(), machine.snapshot.readout
    if readout is None:
        raise InputError(f"noise: the snapshot of {machine.name} has no readout errors; take noise 'full'")
    add_readout_errors(model, readout, qubits)
    return model


@functools.cache
def _document(name: str, attribute: str) -> dict[str, Any]:
    backend = snapshot("fake_" + name.removeprefix("ibm_")).backend
    document: dict[str, Any] = json.loads((Path(backend.dirname) / getattr(backend, attribute)).read_text(encoding="utf-8"))
    return document
