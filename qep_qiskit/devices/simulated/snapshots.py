"""Snapshots of devices: the "fake" backends that come with the Runtime client."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field

from qiskit.providers import BackendV2
from qiskit_aer.backends.aerbackend import AerBackend
from qiskit_aer.noise import NoiseModel

from qep_qiskit.checks import shown
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.fingerprints.content import of_or_none
from qep_qiskit.kinds import Key

NOISE = Key('the name of a snapshot, such as "fake_guadalupe"')


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A device's coupling graph, gates and calibration on one day.

    Attributes
    ----------
    readout : tuple of (float, float) or None
        For each qubit, the probabilities of reading 1 in state 0 and 0 in state 1; None if the snapshot has only their mean.
    calibrated : str
        The date of the calibration.
    """

    name: str
    backend: BackendV2 = field(repr=False)
    readout: tuple[tuple[float, float], ...] | None = field(repr=False)
    calibrated: str

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same name, calibration, and numbers of every gate; a copy is equal."""
        if not isinstance(other, Snapshot):
            return NotImplemented
        if (self.name, self.calibrated, self.readout) != (other.name, other.calibrated, other.readout):
            return False
        if self.backend is other.backend:
            return True
        digest = of_or_none(self.backend.target)
        return digest is not None and digest == of_or_none(other.backend.target)

    def __hash__(self) -> int:
        return hash((self.name, self.calibrated))


@functools.cache
def snapshot_classes() -> dict[str, type]:
    """Return the classes of all known snapshots by name, such as ``fake_guadalupe``."""
    from qiskit_ibm_runtime import fake_provider

    classes = {}
    for attribute in sorted(vars(fake_provider)):
        cls = getattr(fake_provider, attribute)
        if re.fullmatch(r"Fake\w+", attribute) and isinstance(cls, type) and issubclass(cls, BackendV2):
            name = getattr(cls, "backend_name", None)
            if isinstance(name, str):
                classes[name] = cls
    return dict(sorted(classes.items()))


def snapshot_name(text: str) -> str | None:
    """Return the standard name of a snapshot, or None. ``torino``, ``fake_torino`` and ``FakeTorino`` are the same."""
    return _names().get(_plain(text))


@functools.cache
def _names() -> dict[str, str]:
    return {_plain(text): name for name, cls in snapshot_classes().items() for text in (name, cls.__name__)}


def _plain(text: str) -> str:
    return str(text).strip().lower().replace("_", "").removeprefix("fake").removesuffix("v2")


def snapshot(name: str) -> Snapshot:
    """Return the snapshot with this name.

    Parameters
    ----------
    name : str
        ``torino``, ``fake_torino`` or ``FakeTorino``.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    full_name = snapshot_name(name) if isinstance(name, str) else None
    if full_name is None:
        classes = snapshot_classes()
        close = nearest(f"fake_{_plain(name)}", classes)
        raise InputError(f"device: unknown snapshot {shown(name)}; `qep devices` lists the {len(classes)} there are{close}")
    return _of_class(full_name)


@functools.cache
def _of_class(name: str) -> Snapshot:
    return snapshot_of(snapshot_classes()[name](), name)


def noise_and_snapshot(noise: str | NoiseModel | BackendV2 | None) -> tuple[NoiseModel | None, Snapshot | None]:
    """Return the noise model and the snapshot for the ``noise`` option of a device; at most one of them is not None.

    Raises
    ------
    InputError
        If the option is not allowed.
    """
    if noise is None or isinstance(noise, NoiseModel):
        return noise, None
    if isinstance(noise, BackendV2):
        return None, snapshot_of(noise)
    if not isinstance(noise, str):
        raise InputError(
            f"device.noise: {shown(noise)} is not allowed; give a name such as 'fake_guadalupe', a fake backend or a NoiseModel"
        )
    return None, snapshot(noise)


def snapshot_of(backend: BackendV2, name: str | None = None) -> Snapshot:
    """Return a snapshot of a backend with its current calibration, named after the backend by default.

    Raises
    ------
    InputError
        If the backend does not specify its gates and qubits, as is usual for simulators.
    """
    if isinstance(backend, AerBackend) or backend.target is None or not backend.target.num_qubits:
        raise InputError(f"device: {backend.name} does not tell its qubits and their errors; give a snapshot or a NoiseModel")
    name = str(backend.name) if name is None else name
    method = getattr(backend, "properties", None)
    properties = method() if callable(method) else None
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
