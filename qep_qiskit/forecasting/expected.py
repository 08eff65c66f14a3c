"""A device that returns another device's expected outcomes, so that the code for running a plan can also predict it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit_aer.backends.aerbackend import AerBackend
from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.devices.simulated import exact_engine
from qep_qiskit.devices.simulated.device import SimulatedDevice, adds_no_noise
from qep_qiskit.devices.simulated.snapshots import snapshot_of
from qep_qiskit.devices.statevector import StatevectorDevice
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.reference import COMPARED_QUBITS
from qep_qiskit.samples import Samples


@dataclass(frozen=True)
class ExpectedDevice:
    """A device that returns exact outcome distributions of another device, labelled with the number of shots.

    Reduced in the usual way, they give the mean of the gradient and of its covariance, for any mitigation.
    """

    device: Device

    exact: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return self.device.name

    @property
    def seed(self) -> int:
        return self.device.seed

    @property
    def needs_circuits(self) -> bool:
        return self.device.needs_circuits

    @property
    def backend(self) -> BackendV2 | None:
        """The other device's backend, for which circuits are compiled."""
        return backend_of(self.device)

    @property
    def cache(self) -> Cache | None:
        """The other device's cache, so that a layout is chosen once for both devices."""
        return getattr(self.device, "cache", None)

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        return self.device.compile(circuit, qubits=qubits)

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Return exact distributions labelled with `shots`."""
        return [[replace(samples, shots=shots) for samples in rows] for rows in self.device.distribution(work)]

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        return self.device.distribution(work)

    def describe(self) -> dict[str, object]:
        return self.device.describe()


def expectation_of(device: Device, *, qubits: int = 0) -> ExpectedDevice:
    """Return a device that computes the expected outcomes of another device, for a network with this number of qubits.

    Without noise, the outcomes come from state vectors up to 16 qubits and from light cones beyond. The noise of a simulated
    device is treated exactly if this package's simulation can do so. A real device is simulated with the noise of its present
    calibration, on the same qubits.
    """
    if adds_no_noise(device):
        if qubits > COMPARED_QUBITS:
            noise_free = NoiseModel(basis_gates=list(exact_engine.GATES))
            return ExpectedDevice(SimulatedDevice(device.name, device.seed, noise=noise_free))
        return ExpectedDevice(StatevectorDevice(device.seed))
    if isinstance(device, SimulatedDevice):
        return ExpectedDevice(replace(device, engine="auto"))
    backend = backend_of(device)
    if backend is None:
        return ExpectedDevice(device)
    if isinstance(backend, AerBackend) and backend.coupling_map is None:  # every pair of qubits, with the noise it was given
        noise = getattr(backend.options, "noise_model", None)
        return ExpectedDevice(
            StatevectorDevice(device.seed) if noise is None else SimulatedDevice(device.name, device.seed, noise=noise)
        )
    return ExpectedDevice(SimulatedDevice(device.name, device.seed, snapshot=snapshot_of(backend, device.name)))


def simulates_noise(device: Device) -> bool:
    """Return whether the expected outcomes of a device come from a simulation with its noise."""
    return isinstance(expectation_of(device).device, SimulatedDevice)


def relabelled(outcomes: Outcomes, shots: Mapping[tuple[int, int], int | None], calibration: int | None) -> Outcomes:
    """Return the outcomes with other numbers of shots. None means the exact distribution, which adds no covariance."""
    return replace(
        outcomes,
        samples={where: replace(samples, shots=shots.get(where)) for where, samples in outcomes.samples.items()},
        amplified={key: replace(samples, shots=shots.get(key[:2])) for key, samples in outcomes.amplified.items()},
        calibrations=tuple(
            replace(c, zeros=replace(c.zeros, shots=calibration), ones=c.ones and replace(c.ones, shots=calibration))
            for c in outcomes.calibrations
        ),
    )
