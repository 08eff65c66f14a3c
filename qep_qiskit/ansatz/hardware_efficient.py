"""Hardware-efficient ansätze: Qiskit's circuits, with pairwise entanglement by default and parameter names that sort."""

from __future__ import annotations

from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import efficient_su2, real_amplitudes

from qep_qiskit.ansatz.names import in_order_of_appearance, renamed

ENTANGLEMENTS = ("pairwise", "linear", "reverse_linear", "circular", "full", "sca")


def hardware_efficient(kind: str, *, num_qubits: int, layers: int = 3, entanglement: str = "pairwise") -> QuantumCircuit:
    """Return a circuit of layers of single-qubit rotations with CX gates between them.

    Parameters
    ----------
    kind : {"efficient_su2", "real_amplitudes"}
        Rotations ry and rz on every qubit, or ry only (real amplitudes).
    num_qubits, layers : int
        A layer is a block of CX and the rotations after it. There is one more block of rotations before the first layer.
    entanglement : str
        One of `ENTANGLEMENTS`, which are Qiskit's names. ``"pairwise"`` has two slices of CX per layer for any number of qubits.

    Notes
    -----
    See Kandala et al. (2017), arXiv:1704.05018.

    Examples
    --------
    >>> hardware_efficient("real_amplitudes", num_qubits=3, layers=1).num_parameters
    6
    """
    if kind == "efficient_su2":
        circuit = efficient_su2(num_qubits, ["ry", "rz"], entanglement=entanglement, reps=layers, name=kind)
    else:
        circuit = real_amplitudes(num_qubits, entanglement=entanglement, reps=layers, name=kind)
    return renamed(circuit, in_order_of_appearance(circuit))
