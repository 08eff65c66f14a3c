"""The package's own simulation of circuits as a device."""

from __future__ import annotations

from typing import Annotated

from qiskit.providers import BackendV2
from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.devices.simulated.snapshots import NOISE, noise_and_snapshot
from qep_qiskit.kinds import DEVICES


@DEVICES.register("simulator")
def simulator(noise: Annotated[str | NoiseModel | BackendV2 | None, NOISE] = None, *, seed: int = 0) -> SimulatedDevice:
    """Return this package's exact simulation of circuits, which computes each state once for all bases and any number of shots.

    It simulates up to 24 qubits without noise. With noise, it simulates up to 12 active qubits by Pauli transfer matrices and is
    many times faster than Aer. Beyond that, shots are drawn from matrix product density operators, and expectations at infinitely
    many shots come from light cones; the result says which ran. It refuses circuits that it cannot treat (gates and errors on
    more than two qubits, resets, …); use :func:`aer` for these.

    Parameters
    ----------
    noise : str, NoiseModel or BackendV2, optional
        For ``"guadalupe"``, ``"fake_guadalupe"`` or ``FakeGuadalupeV2()``, circuits are laid out on that device's snapshot and
        get the noise of the qubits in use. A NoiseModel acts on the circuit's own qubits. Default: shot noise only.
    seed : int

    Raises
    ------
    InputError
        If the noise is not allowed. A circuit that cannot be treated exactly is refused when it is compiled.
    """
    model, snapshot = noise_and_snapshot(noise)
    return SimulatedDevice("simulator", seed, "simulator", noise=model, snapshot=snapshot)
