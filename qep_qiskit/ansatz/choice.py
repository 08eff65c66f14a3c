"""Conversion of a user's choice of ansatz to a parameterised circuit."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.ansatz.hardware_efficient import hardware_efficient
from qep_qiskit.ansatz.qasm import drop_unused_parameters, gallery_folders, load, locate, without_measurements
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.fingerprints import FileContent
from qep_qiskit.kinds import one_of, shown

BUILT_IN = ("hamiltonian", "efficient_su2", "real_amplitudes")
ALLOWED = f"{one_of(BUILT_IN)}, the path of a .qasm file, or a circuit of the gallery (`qep circuits list`)"


def build(
    ansatz: str | os.PathLike[str] | QuantumCircuit,
    *,
    num_qubits: int,
    paulis: PauliList,
    layers: int = 3,
    shared_angles: bool = False,
    entanglement: str = "pairwise",
) -> QuantumCircuit:
    """Return a parameterised circuit without measurements.

    Parameters
    ----------
    ansatz : str, path or QuantumCircuit
        ``"hamiltonian"``, ``"efficient_su2"`` or ``"real_amplitudes"``; the path of an OpenQASM 3 file; the name of a
        circuit in the gallery, such as ``"ising_chain_6"``; or a circuit.
    num_qubits : int
    paulis : PauliList
        The strings of H and of the nudge; only the Hamiltonian ansatz uses them.
    layers : int
        The number of layers of a built-in ansatz, at least 1.
    shared_angles : bool
        Whether the Hamiltonian ansatz has one angle per layer and class of strings, instead of one per string.
    entanglement : str
        The entanglement of a hardware-efficient ansatz.

    Returns
    -------
    QuantumCircuit
        The parameters of a built-in ansatz are ``theta_000``, ``theta_001``, … in the order of appearance. Those of a file
        or a user's circuit keep their names. Bind them by name, or with values in the order of ``circuit.parameters``.

    Raises
    ------
    InputError
        If the ansatz is unknown, a file is missing or does not parse, or a circuit has the wrong number of qubits or no
        parameters.

    Examples
    --------
    >>> build("efficient_su2", num_qubits=2, paulis=PauliList(["ZZ"]), layers=1).num_parameters
    8
    """
    if isinstance(ansatz, str) and ansatz in BUILT_IN:
        if ansatz == "hamiltonian":
            return hamiltonian_ansatz(paulis, layers=layers, shared_angles=shared_angles)
        return hardware_efficient(ansatz, num_qubits=num_qubits, layers=layers, entanglement=entanglement)
    if isinstance(ansatz, QuantumCircuit):
        where = f"the circuit {ansatz.name!r}"
        circuit = without_measurements(ansatz, where)
    else:
        circuit = _from_file(ansatz)
        where = str(ansatz)
    if circuit.num_qubits != num_qubits:
        got = f"{where} has {circuit.num_qubits} qubits, the network has {num_qubits}"
        raise InputError(f"ansatz: {got}; give a circuit of {num_qubits} qubits")
    circuit = drop_unused_parameters(circuit)
    if circuit.num_parameters == 0:
        remedy = "declare some with 'input float[64] theta_000;'"
        if isinstance(ansatz, QuantumCircuit):
            remedy = "give its gates angles to turn, such as circuit.ry(ParameterVector('theta', 2)[0], 0)"
            if ansatz.num_clbits:
                remedy += "; its measurements are left out"
        raise InputError(f"ansatz: {where} has no parameter to optimise; {remedy}")
    return circuit


def identified(ansatz: str | os.PathLike[str] | QuantumCircuit) -> object:
    """Return an object that identifies an ansatz: the circuit, the content of its file, or the name of a built-in ansatz."""
    if isinstance(ansatz, QuantumCircuit) or ansatz in BUILT_IN:
        return ansatz
    path = locate(ansatz)
    return os.fspath(ansatz) if path is None else FileContent(path)


def circuit_file(ansatz: str, folder: Path | None) -> str:
    """Return the ansatz named by a spec, as the name of a built-in ansatz or the path of a file.

    Files are searched for in the working folder, in the spec's folder and in the gallery.
    """
    if ansatz in BUILT_IN:
        return ansatz
    path = locate(ansatz)
    with contextlib.suppress(OSError):  # a name that no file can have
        if folder is not None and not Path(ansatz).is_file() and (folder / ansatz).is_file():
            path = folder / ansatz
    if path is None:
        raise InputError(f"ansatz: {shown(ansatz)} is not allowed; give {ALLOWED}{nearest(ansatz, [*BUILT_IN, *_gallery()])}")
    load(path)
    return str(path)


def _gallery() -> list[str]:
    return sorted(path.stem for folder in gallery_folders() for path in folder.glob("*.qasm"))


def _from_file(ansatz: str | os.PathLike[str]) -> QuantumCircuit:
    name = os.fspath(ansatz)
    looks_like_path = not isinstance(ansatz, str) or name.endswith(".qasm") or os.sep in name or "/" in name
    if looks_like_path or locate(name) is not None:
        return load(name)
    names = ", ".join(BUILT_IN)
    raise InputError(
        f"ansatz: unknown ansatz {shown(name)}; allowed: {names}, the path of a .qasm file, or a circuit of the gallery"
        f"{nearest(name, [*BUILT_IN, *_gallery()])}"
    )
