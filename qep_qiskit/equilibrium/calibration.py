"""The measurements that calibrate the mitigation of a round."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.equilibrium.outcomes import CALIBRATION, Row
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.errors import InputError
from qep_qiskit.local_samples import Support
from qep_qiskit.measurement.mitigation import twirling
from qep_qiskit.measurement.mitigation.clifford_angles import clifford_angles
from qep_qiskit.measurement.mitigation.twirling import Flips, flipped_state, random_flips, shots_each, twirled_values

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measurement:
    """One compiled circuit, measured in one basis for some rows of values.

    Attributes
    ----------
    work : Work
    shots : int or None
        The shots of each row; None for the exact distribution.
    rows : tuple of Row
        The purpose of each row.
    """

    work: Work
    shots: int | None
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class DataCircuit:
    """A circuit and basis of a round that need a calibration at Clifford angles.

    Attributes
    ----------
    name : str
        A name of the circuit and basis that is the same in every round.
    circuit : QuantumCircuit
        The circuit as written, before compilation.
    compiled : Compiled
    axes : str
    supports : set of tuple of int
        The sets of logical qubits that strings act on.
    """

    name: str
    circuit: QuantumCircuit
    compiled: Compiled
    axes: str
    supports: set[Support]


def calibration_circuits(
    device: Device, qubits: tuple[int, ...], plan: Plan, supports: Iterable[Support]
) -> tuple[Measurement, ...]:
    """Return the readout calibration for a plan's mitigation.

    Its circuits prepare all qubits in |0⟩ and all in |1⟩, or, for twirled readout, all in |0⟩ followed by sets of flips.

    Parameters
    ----------
    device : Device
    qubits : tuple of int
        The device qubits to calibrate.
    plan : Plan
        The plan, which gives the shots of each calibration circuit and the seed of the flips.
    supports : iterable of tuple of int
        The sets of device qubits that strings act on.
    """
    n = len(qubits)
    place = {qubit: i for i, qubit in enumerate(qubits)}
    read = tuple(sorted(tuple(sorted(place[q] for q in support)) for support in supports if set(support) <= set(place)))
    zeros, ones = QuantumCircuit(n, name="all 0"), QuantumCircuit(n, name="all 1")
    ones.x(range(n))
    if not plan.mitigation.twirled:
        return tuple(
            Measurement(
                Work(device.compile(circuit, qubits=qubits), "Z" * n, np.zeros((1, 0)), _basis_states(n, state), supports=read),
                plan.calibration_shots,
                (Row(0, CALIBRATION, state),),
            )
            for state, circuit in enumerate((zeros, ones))
        )
    flips = random_flips(n, plan.seed, "calibration flips")
    return (_behind_flips(device, device.compile(zeros, qubits=qubits), "Z" * n, np.zeros(0), flips, plan, read),)


def calibrations_at_clifford_angles(device: Device, circuits: Sequence[DataCircuit], plan: Plan) -> tuple[Measurement, ...]:
    """Return one calibration for every data circuit and basis: the circuit at Clifford angles, followed by sets of flips.

    The `basis` of a row is the position of its circuit in the sequence. The flips include the certain outcome of the circuit, so
    that outcomes with the flips undone are those of |0…0⟩.

    Raises
    ------
    InputError
        If a circuit has no angles at which its outcomes are certain.
    """
    measurements = []
    for number, item in enumerate(circuits):
        n = len(item.axes)
        flips = random_flips(n, plan.seed, "calibration flips", number)
        values, outcome = np.zeros(0), np.zeros(n, dtype=bool)
        if device.needs_circuits:
            angles = clifford_angles(item.circuit, item.axes)
            if angles is None:
                raise InputError(
                    f"mitigation: {str(plan.mitigation)!r} finds no multiples of π/2 for the angles of the circuit "
                    f"{item.circuit.name!r} at which its outcomes along {'/'.join(sorted(set(item.axes)))} are certain; "
                    "take 'trex' or 'zne+trex', or VQE(...) with one angle per rotation"
                )
            values, outcome = left_over(angles.values, item.circuit, item.compiled.circuit), angles.outcome
        measured = _behind_flips(device, item.compiled, item.axes, values, flips, plan, tuple(sorted(item.supports)))
        rows = tuple(
            replace(row, basis=number, flips=flip_set ^ outcome) for row, flip_set in zip(measured.rows, flips, strict=True)
        )
        measurements.append(replace(measured, rows=rows))
    return tuple(measurements)


def left_over(values: Vector, circuit: QuantumCircuit, compiled: QuantumCircuit) -> Vector:
    """Return the values of the compiled circuit's parameters, in its order; compilation may have removed some parameters."""
    if circuit.num_parameters == compiled.num_parameters:
        return values
    place = {parameter.name: i for i, parameter in enumerate(circuit.parameters)}
    return np.asarray(values)[[place[parameter.name] for parameter in compiled.parameters]]


def _behind_flips(
    device: Device, compiled: Compiled, axes: str, values: Vector, flips: Flips, plan: Plan, supports: tuple[Support, ...]
) -> Measurement:
    """Return the measurement of a circuit followed by sets of flips; of |0…0⟩ if the device needs no circuits."""
    if device.needs_circuits:
        after = twirling.construct(compiled, axes)
        work = Work(after, axes, twirled_values(compiled, after, values, flips), supports=supports)
    else:
        n = len(axes)
        work = Work(compiled, "Z" * n, np.zeros((len(flips), 0)), _basis_states(n, 0, flips))
    shots = shots_each(plan.calibration_shots, len(flips))
    return Measurement(work, shots, tuple(Row(0, CALIBRATION, 0, flips=flip_set) for flip_set in flips))


def _basis_states(n: int, state: int, flips: Flips | None = None) -> Callable[[], NDArray[np.complex128]]:
    def states() -> NDArray[np.complex128]:
        vector = np.zeros(2**n, dtype=complex)
        vector[-1 if state else 0] = 1.0
        return np.array([vector] if flips is None else [flipped_state(vector, "Z" * n, row) for row in flips])

    return states
