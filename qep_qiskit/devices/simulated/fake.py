"""Snapshots of real devices, simulated on this machine."""

from __future__ import annotations

from typing import Annotated

from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator

from qep_qiskit.checks import word
from qep_qiskit.devices.simulated.aer import METHOD
from qep_qiskit.devices.simulated.device import ENGINES, SimulatedDevice
from qep_qiskit.devices.simulated.snapshots import snapshot, snapshot_name, snapshot_of
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import DEVICES, Key


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
            raise InputError(f"device.method: {method!r} is a method of Aer; leave it out, or take device.engine = 'aer'")
        engine = "aer"
    source = snapshot_of(name) if isinstance(name, BackendV2) else snapshot(name)
    return SimulatedDevice(source.name, seed, engine, method, snapshot=source)
