"""The entries of the gallery of circuits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qep_qiskit.ansatz.qasm import gallery_folders, load
from qep_qiskit.errors import InputError


@dataclass(frozen=True)
class Entry:
    """A circuit of the gallery.

    Attributes
    ----------
    name : str
        The file's name without its suffix; it can be given as an ansatz.
    qubits, parameters, depth, two_qubit_gates : int
        The properties of the circuit in the file, before it is compiled for a device.
    description : str
        The first comment line of the file.
    error : str or None
        The reason why the file cannot be read, in which case all numbers are zero; None if it can be read.
    """

    name: str
    path: Path
    qubits: int
    parameters: int
    depth: int
    two_qubit_gates: int
    description: str
    error: str | None = None


def list_circuits() -> tuple[Entry, ...]:
    """Return all circuits of the gallery, sorted by name.

    A file in ``circuits/`` of the working folder hides a circuit of the package with the same name.
    """
    paths: dict[str, Path] = {}
    for folder in gallery_folders():
        for path in sorted(folder.glob("*.qasm")):
            paths.setdefault(path.stem, path)
    return tuple(_entry(name, paths[name]) for name in sorted(paths))


def _entry(name: str, path: Path) -> Entry:
    try:
        circuit = load(path)
    except InputError as error:
        return Entry(name, path, 0, 0, 0, 0, "cannot be read", str(error))
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    return Entry(
        name=name,
        path=path,
        qubits=circuit.num_qubits,
        parameters=circuit.num_parameters,
        depth=circuit.depth(),
        two_qubit_gates=circuit.num_nonlocal_gates(),
        description=first.lstrip("/ ").strip() if first.startswith("//") else "",
    )
