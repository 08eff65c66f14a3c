"""Random flips before the measurement, undone in the recorded bits, so that readout errors only attenuate expectations.

The flips of a circuit are not independent coin tosses but a design: the words of a linear code of strength 3, all shifted by
one random set of flips. Over such a design, the product of the signs of up to three flips, or of any odd number, averages to
exactly zero. Strings of up to three qubits therefore have no error from the choice of flips. For other strings, the random
code and the random shift make this error zero on average.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit

from qep_qiskit.devices.device import Compiled
from qep_qiskit.devices.gate_set import translated
from qep_qiskit.errors import InputError
from qep_qiskit.local_samples import LocalSamples
from qep_qiskit.samples import Samples
from qep_qiskit.seeds import stream

Flips = NDArray[np.bool_]
PREFIX = "flip_"


def num_flips(num_qubits: int) -> int:
    """Return the number of sets of flips for circuits of n qubits: the smallest 2**k ≥ 2n.

    Examples
    --------
    >>> [num_flips(n) for n in (1, 2, 4, 6, 20, 127)]
    [2, 4, 8, 16, 64, 256]
    """
    return 2 ** (1 + max(num_qubits - 1, 0).bit_length())


def shots_each(shots: int | None, num_sets: int) -> int | None:
    """Return the number of shots of each set of flips, rounded up."""
    return None if shots is None else math.ceil(shots / num_sets)


def design(num_qubits: int, num_sets: int, rng: np.random.Generator) -> Flips:
    """Return sets of flips of strength 3, shape (num_sets, num_qubits).

    Parameters
    ----------
    num_sets : int
        A power of 2, at least 2 num_qubits.

    Notes
    -----
    Qubit q has the column g_q = (1, x_q), where all x_q are distinct, and word c flips it if c · g_q is odd. Any three columns
    are linearly independent, and no odd number of columns adds up to zero.
    """
    bits = num_sets.bit_length() - 1
    columns = 2 * rng.permutation(num_sets // 2)[:num_qubits] + 1
    words = np.arange(num_sets)
    both = words[:, None] & columns[None, :]
    flips = np.zeros(both.shape, dtype=bool)
    for bit in range(bits):
        flips ^= (both >> bit & 1).astype(bool)
    return flips ^ rng.integers(0, 2, size=num_qubits).astype(bool)


def random_flips(num_qubits: int, seed: int, purpose: str, *indices: int) -> Flips:
    """Return the sets of flips of one circuit, shape (num_sets, num_qubits), from the random numbers of a purpose."""
    return design(num_qubits, num_flips(num_qubits), stream(seed, purpose, *indices))


def construct(compiled: Compiled, axes: str) -> Compiled:
    """Return the circuit with a parameter ``flip_q`` per qubit: π flips the outcome of a measurement along the axis, 0 does not.

    The flip comes before the rotation into Z. For X and Y it is a virtual Z. For Z it is two √X pulses, which are applied
    whether or not the outcome is flipped, also in the calibration, so that their errors are calibrated together with the
    readout. On a device without these gates, other gates are used.

    Raises
    ------
    InputError
        If the device's gates cannot express the flips.
    """
    circuit = compiled.circuit.copy()
    for q, (letter, wire) in enumerate(zip(axes, compiled.wires, strict=True)):
        for item in _flip(q, letter == "Z", compiled.gates).data:
            circuit.append(item.operation, [wire])
    circuit.global_phase = compiled.circuit.global_phase
    return replace(compiled, circuit=circuit)


@functools.lru_cache(maxsize=1024)
def _flip(qubit: int, along_z: bool, gates: tuple[str, ...]) -> QuantumCircuit:
    """Return the flip of a qubit as a one-qubit circuit in a device's own gates."""
    circuit, flip = QuantumCircuit(1), Parameter(f"{PREFIX}{qubit:03d}")
    if along_z:
        circuit.sx(0)
        circuit.rz(flip, 0)
        circuit.rz(np.pi, 0)
        circuit.sx(0)
    else:
        circuit.rz(flip, 0)
    if not gates or set(circuit.count_ops()) <= set(gates):
        return circuit
    try:
        return translated(circuit, gates)
    except InputError:
        raise InputError(
            f"mitigation: the device's gates ({', '.join(gates)}) cannot express random flips before the measurement; "
            "take a mitigation that is not twirled, such as 'tensored'"
        ) from None


def twirled_values(before: Compiled, after: Compiled, values: NDArray[np.float64], flips: Flips) -> NDArray[np.float64]:
    """Return one row of values of the twirled circuit per set of flips, for one row of values of the original circuit."""
    by_name = {parameter.name: value for parameter, value in zip(before.circuit.parameters, values, strict=True)}
    rows = np.empty((len(flips), after.circuit.num_parameters))
    for column, parameter in enumerate(after.circuit.parameters):
        value_before = by_name.get(parameter.name)
        rows[:, column] = np.pi * flips[:, int(parameter.name[len(PREFIX) :])] if value_before is None else value_before
    return rows


def flipped_state(state: NDArray[np.complex128], axes: str, flips: Flips) -> NDArray[np.complex128]:
    """Return a state vector after one set of flips: X on a qubit measured along Z, Z on one measured along X or Y."""
    index = np.arange(len(state))
    mask = sum(1 << q for q, letter in enumerate(axes) if flips[q] and letter == "Z")
    flipped = state[index ^ mask]
    for q, letter in enumerate(axes):
        if flips[q] and letter != "Z":
            flipped = np.where(index >> q & 1, -flipped, flipped)
    return flipped


def flipped_draw(
    draw: Callable[[str, int, np.random.Generator], Samples], flips: Flips
) -> Callable[[str, int, np.random.Generator], Samples]:
    """Return a function that draws outcomes of the flipped state, given one that draws outcomes of the original state."""

    def drawn(axes: str, shots: int, rng: np.random.Generator) -> Samples:
        samples = draw(axes, shots, rng)
        return Samples(samples.outcomes ^ flips, samples.weights, samples.shots)

    return drawn


def combine(parts: Sequence[Samples], flips: Flips) -> Samples:
    """Combine the outcomes of all sets of flips, with the flips undone; each set is a stratum."""
    local = [part for part in parts if isinstance(part, LocalSamples)]
    if local:
        total = None if local[0].shots is None else sum(part.shots or 0 for part in local)
        return replace(local[0], rows=np.concatenate([part.rows for part in local]), flips=flips, shots=total)
    total = None if parts[0].shots is None else sum(part.shots or 0 for part in parts)
    shares = [1.0 / len(parts) if total is None else (part.shots or 0) / total for part in parts]
    return Samples(
        np.concatenate([part.outcomes ^ row for part, row in zip(parts, flips, strict=True)]),
        np.concatenate([share * part.weights for share, part in zip(shares, parts, strict=True)]),
        total,
        np.repeat(np.arange(len(parts)), [len(part.weights) for part in parts]),
    )
