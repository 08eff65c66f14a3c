"""The package's own exact simulation of circuits as a device."""

from __future__ import annotations

from typing import Annotated

from qiskit.providers import BackendV2
from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.devices.simulated.snapshots import NOISE, noise_and_snapshot
from qep_qiskit.kinds import DEVICES


@DEVICES.register("simulator")
def simulator(noise: Annotated[str | NoiseModel | BackendV2 | None, NOISE] = None, *, seed: int = 0) -> SimulatedDevice:
    """Return this package's exact simulation of circuits: every state once, for all bases and any number of shots.

    Without noise up to 24 qubits; with noise up to 12 active qubits, as Pauli transfer matrices, many times as fast as Aer. What
    it cannot treat exactly (gates and errors on more than two qubits, delays, resets, …) it refuses; :func:`aer` runs it.

    Parameters
    ----------
    noise : str, NoiseModel or BackendV2, optional
        ``"guadalupe"``, ``"fake_guadalupe"``, ``FakeGuadalupeV2()``: circuits are laid out on that device's snapshot and get the
        noise of the qubits in use. A NoiseModel acts on the circuit's own qubits. Default: shot noise alone.
    seed : int

    Raises
    ------
    InputError
        For other noise. A circuit that cannot be treated exactly is refused when it is compiled.
    """
    model, snapshot = noise_and_snapshot(noise)
    return SimulatedDevice("simulator", seed, "simulator", noise=model, snapshot=snapshot)
