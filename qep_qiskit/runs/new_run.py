"""Creation of a new run: its folder, its description and its first records, and the identity of its device."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qep_qiskit.devices.remote import RemoteDevice
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.experiment import Spec
from qep_qiskit.experiment.settlement import settled_spec
from qep_qiskit.fingerprints import Identity, UnidentifiedError, identity
from qep_qiskit.progress import Progress, silent
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.lifecycle import Lifecycle

Confirm = Callable[[Plan, RunStore], None]
_ONLY_TODAY = ("calibration_date", "qiskit-aer", "simulator", "service")
NAME_LENGTH = 12
"""The most characters of the folder's name in a run's identity: a service accepts tags of up to 86 characters."""


def unasked(about: object, store: RunStore) -> None:
    """Submit without confirmation: the caller has already decided."""


def new_identity(folder: str | os.PathLike[str]) -> str:
    """Return the identity of a new run, which its jobs' tags begin with.

    The date and the folder's name are for human readers; 128 random bits make the identity unique.
    """
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", Path(folder).name)[:NAME_LENGTH].strip("-") or "run"
    return f"qep-{datetime.now(UTC):%Y%m%d}-{name}-{uuid.uuid4().hex}"


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


def new_run(folder: Path, text: str, device: Mapping[str, object], **about: Any) -> RunStore:
    """Create a run in a folder from a spec's text and a device's description, and open it for writing."""
    description = {"id": new_identity(folder), "device": str(device.get("name")), **about}
    if (service := device.get("service")) is not None:
        description["service"] = str(service)
    return RunStore.create(folder, text, description=description)


def begin(
    spec: Spec, device: RemoteDevice, folder: Path, *, confirm: Confirm = unasked, progress: Progress = silent, **about: Any
) -> Lifecycle:
    """Begin the run of a gradient: contact the device, let the planner choose open options, and create the run.

    Parameters
    ----------
    about
        Further facts for the run's description.
    """
    device.ready()
    note = ""
    if spec.left_to_the_planner:
        spec, note = settled_spec(spec, progress)
    store = new_run(folder, note + spec.to_toml(), {**device.describe(), "name": device.name}, kind="gradient", **about)
    return Lifecycle(store, spec, device, confirm=confirm, progress=progress)
