"""The simulated devices that users name: this package's simulator, Aer, and snapshots of real devices."""

from __future__ import annotations

from typing import Annotated

from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qep_qiskit.checks import shown, word
from qep_qiskit.devices.simulated.device import ENGINES, SimulatedDevice
from qep_qiskit.devices.simulated.snapshots import NOISE, noise_and_snapshot, snapshot, snapshot_name, snapshot_of
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import DEVICES, Key

METHOD = Key('one of Aer\'s methods, such as "automatic" or "density_matrix"')


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


@DEVICES.register("fake_<name>", accepts=lambda text: snapshot_name(text) is not None)
def fake(
    name: str | BackendV2,
    *,
    engine: Annotated[str, Key(words=ENGINES)] = "auto",
    method: Annotated[str, METHOD] = "automatic",
    seed: int = 0,
) -> SimulatedDevice:
    """Return a simulated snapshot of a device, with its layout, its gates, and the noise of the qubits in use.

    Parameters
    ----------
    name : str or BackendV2
        ``"guadalupe"``, ``"fake_guadalupe"``, ``"FakeGuadalupeV2"`` or ``FakeGuadalupeV2()``; ``qep devices`` lists the names.
    engine : {"auto", "simulator", "aer"}
        "simulator" is :func:`simulator` and "aer" is :func:`aer`. "auto" uses the simulator for each circuit for which it is
        exact and faster, matrix product density operators for shots of larger circuits, and otherwise Aer. The result says
        which engine ran.
    method : str
        Aer's simulation method. Any other than "automatic" requires the engine "aer".
    seed : int

    Raises
    ------
    InputError
        If the name, engine or method is unknown.
    """
    word("device.engine", engine, ENGINES)
    word("device.method", method, AerSimulator().available_methods())
    if method != "automatic":
        if engine == "simulator":
            raise InputError(f"device.method: {shown(method)} is a method of Aer; leave it out, or take device.engine = 'aer'")
        engine = "aer"
    source = snapshot_of(name) if isinstance(name, BackendV2) else snapshot(name)
    return SimulatedDevice(source.name, seed, engine, method, snapshot=source)
