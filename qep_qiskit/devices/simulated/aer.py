"""qiskit-aer as a device."""

from __future__ import annotations

from typing import Annotated

from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qep_qiskit.checks import word
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.devices.simulated.snapshots import NOISE, noise_and_snapshot
from qep_qiskit.kinds import DEVICES, Key

METHOD = Key('one of Aer\'s methods, such as "automatic" or "density_matrix"')


@DEVICES.register("aer")
def aer(
    noise: Annotated[str | NoiseModel | BackendV2 | None, NOISE] = None,
    *,
    method: Annotated[str, METHOD] = "automatic",
    seed: int = 0,
) -> SimulatedDevice:
    """Return Aer as a device, which can run any circuit and compute any exact distribution that fits in memory.

    Parameters
    ----------
    noise : str, NoiseModel or BackendV2, optional
        The noise, as for :func:`simulator`, which is much faster for small circuits.
    method : str
        One of Aer's methods: automatic, statevector, density_matrix, matrix_product_state, stabilizer, … "automatic" draws the
        shots of more than 28 qubits without noise from matrix product states. Exact distributions with noise use density
        matrices.
    seed : int

    Raises
    ------
    InputError
        If the method is unknown or the noise is not allowed.
    """
    word("device.method", method, AerSimulator().available_methods())
    model, snapshot = noise_and_snapshot(noise)
    return SimulatedDevice("aer", seed, "aer", method, model, snapshot)
