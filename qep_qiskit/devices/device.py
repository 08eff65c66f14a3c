"""Devices, which compile a circuit once and run it for many rows of values in several bases."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ClassicalRegister, QuantumCircuit

from qep_qiskit.checks import shown, whole
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.errors import InputError
from qep_qiskit.fingerprints import fingerprint
from qep_qiskit.samples import MOST_SHOTS, Samples

if TYPE_CHECKING:
    from qiskit_aer.noise import NoiseModel


@dataclass(frozen=True)
class Compiled:
    """A circuit in the device's own gates, without measurements.

    Attributes
    ----------
    wires : tuple of int
        The wire of `circuit` that holds logical qubit q at the end.
    qubits : tuple of int
        The number of the device qubit that holds logical qubit q at the end.
    start : tuple of int
        The device qubit that holds logical qubit q at the beginning; SWAPs may move it.
    simulator : str
        The simulator that runs the circuit, if the device has several.
    gates : tuple of str
        The device's own gates, in which basis changes are expressed; if empty, rz and √X.
    noise : NoiseModel or None
        The noise that a simulated device adds to the circuit.
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
        """The digest of the content (gates, wires and qubits), equal for equal compiled circuits."""
        return fingerprint((self.circuit, self.circuit.metadata, self.wires, self.qubits, self.gates))

    def run_by(self, simulator: str) -> Compiled:
        """Return the compiled circuit with its simulator set, without computing the digest again."""
        named = replace(self, simulator=simulator)
        vars(named)["digest"] = self.digest
        return named

    def rotated(self, axes: str) -> QuantumCircuit:
        """Return the circuit followed by a rotation of these axes into Z, in the device's own gates.

        Raises
        ------
        InputError
            If the device's gates cannot express the rotation.
        """
        circuit = self.circuit.copy()
        for letter, wire in zip(axes, self.wires, strict=True):
            for item in basis_change(letter, self.gates).data:
                circuit.append(item.operation, [wire])
        return circuit

    def measured(self, axes: str) -> QuantumCircuit:
        """Return the circuit followed by a rotation of these axes into Z and a measurement of every logical qubit.

        Each basis has its own circuit. A parameterised rotation would add the errors of two pulses on hardware even when bound
        to the identity.
        """
        circuit = self.rotated(axes)
        register = ClassicalRegister(len(self.wires), "outcome")
        circuit.add_register(register)
        circuit.measure(list(self.wires), register)
        return circuit

    def summary(self) -> dict[str, object]:
        """Return the depth and gate counts, for reports."""
        return {
            **self._counts,
            "gates": {str(k): int(v) for k, v in self.circuit.count_ops().items()},
            "parameters": self.circuit.num_parameters,
            "qubits": list(self.qubits),
            **({"simulator": self.simulator} if self.simulator else {}),
        }

    @functools.cached_property
    def _counts(self) -> dict[str, int]:
        two = [len(item.qubits) == 2 for item in self.circuit.data]
        return {
            "depth": self.circuit.depth(),
            "two_qubit_gates": sum(two),
            "two_qubit_depth": self.circuit.depth(lambda item: len(item.qubits) == 2) if any(two) else 0,
        }


@dataclass(frozen=True)
class Work:
    """A compiled circuit, the axes to measure it in, and the rows of values to run it with.

    Attributes
    ----------
    axes : str
        One letter of XYZ per logical qubit, qubit 0 first.
    values : ndarray of shape (B, num_parameters)
        Rows of values in the order of ``compiled.circuit.parameters``.
    states : callable or None
        A function () → ndarray (B, 2**n) that returns the same states without noise, for a device that needs no circuit.
    draw : tuple of callable or None
        One function (axes, shots, rng) → Samples per row, for states that are too large for a vector.
    probabilities : tuple of callable or None
        One function (axes, qubits) → ndarray (2**k,) per row: the joint distribution of k qubits, for states from which it takes
        less than the whole vector.
    supports : tuple of tuple of int, or None
        The sets of logical qubits whose joint outcomes will be read. If they are given, an exact distribution that is too large
        to list may be returned as `LocalSamples`.
    """

    compiled: Compiled
    axes: str
    values: NDArray[np.float64]
    states: Callable[[], NDArray[np.complex128]] | None = None
    draw: tuple[Callable[[str, int, np.random.Generator], Samples], ...] | None = None
    supports: tuple[tuple[int, ...], ...] | None = None
    probabilities: tuple[Callable[[str, tuple[int, ...]], NDArray[np.float64]], ...] | None = None


def distinct_rows(items: Sequence[Work]) -> tuple[NDArray[np.float64], list[NDArray[np.intp]]]:
    """Return the distinct rows of values of several items of one circuit, and for each item the indices of its rows in them."""
    values, place = np.unique(np.concatenate([item.values for item in items]), axis=0, return_inverse=True)
    return values, np.split(place.reshape(-1), np.cumsum([len(item.values) for item in items])[:-1])


@runtime_checkable
class Device(Protocol):
    """A device that runs circuits.

    Attributes
    ----------
    name : str
    seed : int
        The default seed of a gradient.
    exact : bool
        Whether expectations need neither circuits nor shots, since they are computed from the noise-free state.
    needs_circuits : bool
        Whether shots need circuits. If False, even shots are drawn from the noise-free state.
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
        """Return the circuit in the device's gates, on the given device qubits or on qubits that the device chooses."""
        ...

    def sample(self, work: Sequence[Work], *, shots: int, seed: int) -> list[list[Samples]]:
        """Run every circuit with every row of its values, and return one `Samples` per row."""
        ...

    def distribution(self, work: Sequence[Work]) -> list[list[Samples]]:
        """Return exact outcome distributions, including noise and readout errors.

        Raises
        ------
        InputError
            If this device can only give shots.
        """
        ...

    def describe(self) -> dict[str, object]:
        """Return the name, versions, noise and calibration date, for reports."""
        ...


class Measuring:
    """A base class for devices that run circuits and return only shots."""

    exact: ClassVar[bool] = False
    needs_circuits: ClassVar[bool] = True

    def distribution(self: Device, work: Sequence[Work]) -> list[list[Samples]]:
        """Raise InputError, since the device returns only shots."""
        raise InputError(f"shots: {self.name} measures, so it needs measurement shots (for instance 10000)")


def check_shots(name: str, shots: int | None) -> int | None:
    """Return the number of shots; raise InputError unless it is None or a positive whole number."""
    if shots is None:
        return None
    try:
        number = whole(name, shots, least=2)
    except InputError as error:
        raise InputError(f"{error}, or leave it out") from None
    if number > MOST_SHOTS:
        raise InputError(f"{name}: {shown(shots)} is not allowed; give at most {MOST_SHOTS:g}")
    return number
