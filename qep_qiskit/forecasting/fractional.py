"""Comparison of a gradient's circuits with and without fractional gates, which are rzz and rx of any angle."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qiskit.circuit import Parameter
from qiskit.circuit.library import RXGate, RZZGate
from qiskit.providers import BackendV2
from qiskit.transpiler import Target

from qep_qiskit.devices.appraisal import Appraisal, appraise, backend_of
from qep_qiskit.devices.backends.backend_device import BackendDevice
from qep_qiskit.devices.backends.described import DescribedBackend
from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Device
from qep_qiskit.devices.ibm.device import IBMDevice
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.equilibrium.compiled_round import compile_round
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.errors import DeviceError
from qep_qiskit.estimates import percent


@dataclass(frozen=True)
class GateSet:
    """The largest circuit of a gradient in one set of gates, and the predicted relative error due to damping."""

    appraisal: Appraisal
    error: float | None

    def __str__(self) -> str:
        facts = self.appraisal
        parts = [f"{facts.two_qubit_gates} two-qubit gates in {facts.two_qubit_depth} layers"]
        parts += [] if facts.seconds is None else [f"{facts.seconds * 1e6:.3g} µs"]
        parts += [] if facts.fidelity is None else [f"fidelity {facts.fidelity:.3g}"]
        parts += [] if self.error is None else [f"damping {percent(self.error)}"]
        return ", ".join(parts)


@dataclass(frozen=True)
class GateSets:
    """A gradient's circuits with and without fractional gates.

    Attributes
    ----------
    usual, fractional : GateSet
    used : bool
        Whether the device uses fractional gates.
    note : str
        The assumptions of the comparison, or the requirements of a change.
    """

    usual: GateSet
    fractional: GateSet
    used: bool
    note: str

    def __str__(self) -> str:
        ending = f" ({self.note})" if self.note else ""
        return f"with rzz {self.fractional}; without {self.usual}{ending}"


def gate_sets(first: Plan, device: Device) -> GateSets | None:
    """Return the circuits of a first round with and without fractional gates; None if the device cannot have them.

    IBM's devices report both gate sets. For a snapshot, rzz and rx are assumed to have the errors and durations of its cz and sx.
    """
    backend = backend_of(device)
    if backend is None or not ({"cz", "rzz"} & set(backend.target.operation_names)):
        return None
    used = "rzz" in backend.target.operation_names
    note = ""
    other: Device
    if isinstance(device, IBMDevice):
        other = replace(device, fractional_gates=not used, gate_twirling=False, cache=Cache())
        try:
            _ = other.backend
        except DeviceError:  # the service refuses fractional gates for a device without them
            return None
        note = "they cannot be combined with gate_twirling = true" if device.gate_twirling else ""
        note = note if used else ", ".join(filter(None, ["device.fractional_gates = true", note]))
    elif isinstance(device, SimulatedDevice) and not used:
        other = BackendDevice(_with_fractional_gates(backend))
        note = "assuming the errors and durations of cz and sx for rzz and rx"
    else:
        return None
    usual, fractional = (_appraised(first, each) for each in ((other, device) if used else (device, other)))
    return GateSets(usual, fractional, used, note)


def _appraised(first: Plan, device: Device) -> GateSet:
    compiled, backend = compile_round([first], device), backend_of(device)
    target = None if backend is None else backend.target
    facts = [appraise(item.work.compiled, item.work.axes, target) for item in compiled.data]
    largest = max(facts, key=lambda each: (each.two_qubit_gates, each.depth))
    return GateSet(largest, None if compiled.layout is None else compiled.layout.chosen.error())


def _with_fractional_gates(backend: BackendV2) -> DescribedBackend:
    """Return a backend that only compiles, with rzz and rx of the same quality as cz and sx in addition to its own gates."""
    usual = backend.target
    target = Target(usual.description, dt=usual.dt, qubit_properties=usual.qubit_properties)
    for name in usual.operation_names:
        operation = usual.operation_from_name(name)
        target.add_instruction(operation, None if isinstance(operation, type) else usual[name], name=name)
    target.add_instruction(RZZGate(Parameter("angle")), dict(usual["cz"]))
    target.add_instruction(RXGate(Parameter("angle")), dict(usual["sx"]))
    return DescribedBackend(backend.name, target)
