"""Product states as the result of a preparation, with states, circuits, expectations and shots from Bloch vectors."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.ansatz.names import numbered
from qep_qiskit.errors import InputError
from qep_qiskit.preparation.preparer import Phase, Prepared, StateCircuit
from qep_qiskit.samples import Samples, distinct, require_shots
from qep_qiskit.simulation.closed_form.product_states import ProductStrings, product_state

Vector = NDArray[np.float64]

MOST_DENSE_QUBITS = 26


def product_prepared(bloch: Vector, *, phases: tuple[Phase, ...], real: bool, details: Mapping[str, object]) -> Prepared:
    """Return product states as the result of a preparer.

    Parameters
    ----------
    bloch : ndarray of shape (P, n, 3)
        The Bloch vectors of each phase, of unit length.
    phases : tuple of Phase
    real : bool
        Whether all Y components are zero. One RY per qubit then prepares the states; otherwise an RZ follows it.
    details : mapping
    """
    count, num_qubits = bloch.shape[:2]
    angles = _angles(bloch, real)
    circuit = _circuit(num_qubits, real)

    @functools.cache
    def states() -> NDArray[np.complex128]:
        if num_qubits > MOST_DENSE_QUBITS:
            raise InputError(
                f"a state vector of {num_qubits} qubits is not computed (at most {MOST_DENSE_QUBITS}); "
                "leave measurement.shots out for exact expectations, or take shots"
            )
        return np.array([product_state(spins) for spins in bloch])

    return Prepared(
        phases=phases,
        states=states,
        circuits=lambda: (StateCircuit(circuit, tuple(range(count)), angles),),
        expectations=lambda paulis: ProductStrings(paulis).values(bloch),
        angles=angles,
        draw=lambda phase, axes, shots, rng: _drawn(bloch[phase], axes, shots, rng),
        carried=Spins(bloch),
        details=details,
    )


class Spins:
    """Bloch vectors of all phases, shape (P, n, 3), from which other phases can start."""

    def __init__(self, bloch: Vector) -> None:
        self.bloch = bloch


def spins_of(prepared: Prepared | None) -> Vector | None:
    """Return the Bloch vectors of the first phase, shape (n, 3), or None if there are none."""
    carried = None if prepared is None else prepared.carried
    return carried.bloch[0] if isinstance(carried, Spins) else None


def _angles(bloch: Vector, real: bool) -> NDArray[np.float64]:
    if real:
        return np.arctan2(bloch[..., 0], bloch[..., 2])
    turns = np.arctan2(np.hypot(bloch[..., 0], bloch[..., 1]), bloch[..., 2])
    return np.concatenate([turns, np.arctan2(bloch[..., 1], bloch[..., 0])], axis=1)


@functools.lru_cache(maxsize=16)
def _circuit(num_qubits: int, real: bool) -> QuantumCircuit:
    """Return the same circuit object for the same arguments; structures are joined if they have the identical circuit object."""
    angles = numbered(num_qubits if real else 2 * num_qubits)
    circuit = QuantumCircuit(num_qubits, name="product state")
    for q in range(num_qubits):
        circuit.ry(angles[q], q)
        if not real:
            circuit.rz(angles[num_qubits + q], q)
    return circuit


def _drawn(spins: Vector, axes: str, shots: int, rng: np.random.Generator) -> Samples:
    require_shots(shots, 9 * len(spins) + 32)
    up = np.array([vector["XYZ".index(letter)] for vector, letter in zip(spins, axes, strict=True)])
    return distinct(rng.random((shots, len(spins))) >= (1 + up) / 2)
