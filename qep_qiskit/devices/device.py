"""Devices: each compiles a circuit once, then runs it for many rows of values in several bases."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ClassicalRegister, QuantumCircuit

from qep_qiskit.checks import whole
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.errors import InputError
from qep_qiskit.fingerprints import fingerprint
from qep_qiskit.samples import Samples

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel


@dataclass(frozen=True)
class Compiled:
    """A circuit in the device's own gates, without measurements.

    Attributes
    ----------
    circuit : QuantumCircuit
    wires : tuple of int
        The wire of `circuit` on which logical qubit q ends.
    qubits : tuple of int
        The device's name of the qubit that holds logical qubit q at the end.
    start : tuple of int
        The same at the beginning: SWAPs may have moved it in between.
    simulator : str
        Which simulator runs it, if the device has several.
    gates : tuple of str
        The device's own gates, of which basis changes are made; if empty, rz and √X.
    noise : NoiseModel or None
        What a simulated device adds to its gates.
    """

    circuit: QuantumCircuit
    wires: tuple[int, ...]
    qubits: tuple[int, ...]
    start: tuple[int, ...]
    simulator: str = ""
    gates: tuple[str, ...] = ()
    noise: NoiseModel | None = field(default=None, compare=False, repr=False)

    @functools.cached_property
    def digest(self) -> str:
        """The same for every compiled circuit of the same content: gates, wires and qubits."""
        return fingerprint((self.circuit, self.circuit.metadata, self.wires, self.qubits, self.gates))

    def run_by(self, simulator: str) -> Compiled:
        """Return the circuit with the name of what runs it; the digest is not computed again."""
        named = replace(self, simulator=simulator)
        vars(named)["digest"] = self.digest
        return named

    def rotated(self, axes: str) -> QuantumCircuit:
        """Return the circuit with a rotation from these axes into Z, in the device's own gates.

        Raises
        ------
        InputError
            If its gates cannot express the rotation.
        """
        circuit = self.circuit.copy()
        for letter, wire in zip(axes, self.wires, strict=True):
            for item in basis_change(letter, self.gates).data:
                circuit.append(item.operation, [wire])
        return circuit

    def measured(self, axes: str) -> QuantumCircuit:
        """Return the circuit with a rotation from these axes into Z and every logical qubit measured.

        A basis costs its own circuit and not a parameterised rotation: bound to the identity, that rotation would still
        be two pulses of error on hardware.
        """
        circuit = self.rotated(axes)
        register = ClassicalRegister(len(self.wires), "outcome")
        circuit.add_register(register)
        circuit.measure(list(self.wires), register)
        return circuit

    def summary(self) -> dict[str, object]:
        """Return depth and gate counts, for reports."""
        return {
            "depth": self.circuit.depth(),
            "two_qubit_gates": sum(1 for i in self.circuit.data if i.operation.num_qubits == 2),
            "two_qubit_depth": self.circuit.depth(lambda i: i.operation.num_qubits == 2),
            "gates": {str(k): int(v) for k, v in self.circuit.count_ops().items()},
            "parameters": self.circuit.num_parameters,
            "qubits": list(self.qubits),
            **({"simulator": self.simulator} if self.simulator else {}),
        }


@dataclass(frozen=True)
class Work:
    """A compiled circuit, the axes to measure it in, and the rows of values to run it with.

    Attributes
    ----------
    compiled : Compiled
    axes : str
        One letter of XYZ per logical qubit, qubit 0 first.
    values : ndarray of shape (B, num_parameters)
        In the order of ``compiled.circuit.parameters``.
    states : callable or None
        () → ndarray (B, 2**n): the same states without noise, for a device that needs no circuit.
    draw : tuple of callable or None
        One per row: (axes, shots, rng) → Samples, for states that are too large for a vector.
    """

    compiled: Compiled
    axes: str
    values: NDArray[np.float64]
    states: Callable[[], NDArray[np.complex128]] | None = None
    draw: tuple[Callable[[str, int, np.random.Generator], Samples], ...] | None = None


def distinct_rows(items: Sequence[Work]) -> tuple[NDArray[np.float64], list[NDArray[np.intp]]]:
    """Return the distinct rows of values of several items of one circuit, and of each item which of them its rows are."""
    values, place = np.unique(np.concatenate([item.values for item in items]), axis=0, return_inverse=True)
    return values, np.split(place.reshape(-1), np.cumsum([len(item.values) for item in items])[:-1])


@runtime_checkable
class Device(Protocol):
    """Something that runs circuits.

    Attributes
    ----------
    name : str
    seed : int
        The default of a gradient's seed.
    exact : bool
        True where expectations need neither circuits nor shots: the noise-free state itself is the answer.
    needs_circuits : bool
        False where even shots are drawn from the noise-free state.
    """

    @property
    def name(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def exact(self) -> bool: ...

    @property
    def needs_circuits(self) -> bool: ...

    def compile(self, circuit: QuantumCircuit, *, qubits: Sequence[int] | None = None) -> Compiled:
        """Return the circuit in the device's gates, on the given device qubits or on qubits of its choice."""
        ...

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Run every circuit with every row of its values; one `Samples` for each."""
        ...

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        """Return exact outcome distributions, noise and readout error included.

        Raises
        ------
        InputError
            If this device can only give shots.
        """
        ...

    def describe(self) -> dict[str, object]:
        """Return name, versions, noise and calibration date, for reports."""
        ...


MOST_SHOTS = 10**12
"""Counts of more do not fit."""


class Measuring:
    """A base for devices that run circuits and give nothing but shots."""

    @property
    def exact(self) -> bool:
        """False: its answers are shots."""
        return False

    @property
    def needs_circuits(self) -> bool:
        """True."""
        return True

    def distribution(self: Device, work: Sequence[Work]) -> list[list[Samples]]:
        """Refuse: the device gives shots."""
        raise InputError(f"shots: {self.name} measures, so it needs measurement shots (for instance 10000)")


def check_shots(name: str, shots: int | None) -> int | None:
    """Return the number of shots, refusing anything but None or a positive whole number."""
    if shots is None:
        return None
    try:
        number = whole(name, shots, least=2)
    except InputError as error:
        raise InputError(f"{error}, or leave it out") from None
    if number > MOST_SHOTS:
        raise InputError(f"{name}: {number:g} is not allowed; give at most {MOST_SHOTS:g}")
    return number
