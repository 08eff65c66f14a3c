"""Noise-free shots of circuits too large for a state vector, from the matrix product states of qiskit-aer."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from qiskit import transpile
from qiskit.circuit import QuantumCircuit, QuantumRegister
from qiskit.exceptions import QiskitError
from qiskit_aer import AerError, AerSimulator

from qep_qiskit.errors import InputError
from qep_qiskit.samples import Samples
from qep_qiskit.simulation.chain_order import coupling_order
from qep_qiskit.simulation.mps import draw_chain

DROPPED = 1e-8
"""The largest weight that is dropped from the state after each gate; 10⁴ shots resolve 10⁻² of an expectation."""
KEPT = 8
"""The number of states that are kept for the next basis."""
_GATES = ["rx", "ry", "rz", "rzz", "rxx", "ryy", "h", "x", "y", "z", "s", "sdg", "sx", "sxdg", "cx", "cz", "swap"]


class CircuitShots:
    """A function (row, axes, shots, rng) → Samples that draws outcomes of the states that a circuit prepares.

    The state of a row of values becomes a matrix product state when it is first needed, and serves all bases. The qubits are
    arranged in the order in which the fewest couplings cross a bond.

    Parameters
    ----------
    circuit : QuantumCircuit
        A circuit of unitary gates.
    values : ndarray of shape (R, P)
        Rows of values in the order of the circuit's parameters.

    Examples
    --------
    >>> circuit = QuantumCircuit(40)
    >>> _ = circuit.h(0), [circuit.cx(q, q + 1) for q in range(39)]
    >>> shots = CircuitShots(circuit, np.zeros((1, 0)))(0, "Z" * 40, 100, np.random.default_rng(0))
    >>> sorted(shots.outcomes.sum(axis=1).tolist())
    [0, 40]
    """

    def __init__(self, circuit: QuantumCircuit, values: NDArray[np.float64]) -> None:
        self._circuit = circuit
        self._state = functools.lru_cache(KEPT)(lambda row: _tensors(circuit.assign_parameters(values[row]), self._order))

    @functools.cached_property
    def _order(self) -> list[int]:
        return _order_of(self._circuit)

    def __call__(self, row: int, axes: str, shots: int, rng: np.random.Generator) -> Samples:
        """Draw outcomes of one row's state along these axes, one letter of XYZ per qubit, qubit 0 first.

        Raises
        ------
        InputError
            If Aer cannot run the circuit.
        """
        return draw_chain(self._state(row), self._order, axes, shots, rng)


def arranged(circuit: QuantumCircuit, order: list[int] | None = None) -> QuantumCircuit:
    """Return a circuit on a chain of its qubits, by default in an order in which few couplings cross a bond.

    Barriers are dropped. Measurements keep their classical bits.
    """
    place = {circuit.qubits[qubit]: i for i, qubit in enumerate(_order_of(circuit) if order is None else order)}
    result = QuantumCircuit(QuantumRegister(circuit.num_qubits, "q"), *circuit.cregs)
    for item in circuit.data:
        if item.operation.name != "barrier":
            result.append(item.operation, [place[q] for q in item.qubits], item.clbits)
    return result


def _order_of(circuit: QuantumCircuit) -> list[int]:
    place = {qubit: i for i, qubit in enumerate(circuit.qubits)}
    couplings = [item.qubits for item in circuit.data if len(item.qubits) > 1 and item.operation.name != "barrier"]
    return coupling_order(circuit.num_qubits, [[place[q] for q in qubits] for qubits in couplings])


def _tensors(circuit: QuantumCircuit, order: list[int]) -> list[NDArray[np.complex128]]:
    """Return the right-canonical tensors (left, 2, right) of the state, from the first place of the chain to the last."""
    simple = transpile(arranged(circuit, order), basis_gates=_GATES, optimization_level=0)
    simple.save_matrix_product_state(label="state")
    simulator = AerSimulator(
        method="matrix_product_state", matrix_product_state_truncation_threshold=DROPPED, max_parallel_threads=1
    )
    try:
        result = simulator.run(simple, shots=1).result()
    except (AerError, QiskitError) as error:
        raise InputError(f"shots: Aer's matrix product states cannot run this circuit ({str(error)[:160]})") from None
    if not result.success:
        raise InputError(f"shots: Aer's matrix product states cannot run this circuit ({result.results[0].status[:160]})")
    sites, schmidt = result.data(0)["state"]
    bonds = [*(np.asarray(values) for values in schmidt), np.ones(1)]
    return [np.stack([np.asarray(m) for m in site], axis=1) * bond for site, bond in zip(sites, bonds, strict=True)]
