"""Parameterised circuits as OpenQASM 3 files: search, reading and writing."""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path

import numpy as np
from qiskit import qasm3
from qiskit.circuit import Gate, QuantumCircuit
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import Operator

from qep_qiskit.ansatz.names import in_order_of_appearance, renamed
from qep_qiskit.errors import InputError
from qep_qiskit.foreign.openqasm import read_openqasm

PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*_[0-9]+")
STANDARD = get_standard_gate_name_mapping()
PACKAGE = Path(__file__).resolve().parents[1]


def gallery_folders() -> tuple[Path, ...]:
    """Return the gallery's folders: ``circuits/`` in the working folder, then next to the package, then inside it."""
    folders = [Path.cwd() / "circuits", PACKAGE.parent / "circuits", PACKAGE / "circuits"]
    return tuple(dict.fromkeys(folder.resolve() for folder in folders if folder.is_dir()))


def locate(name: str | os.PathLike[str]) -> Path | None:
    """Return the file with this path, or with this name in the gallery (with or without ``.qasm``), or None."""
    path = Path(name)
    with contextlib.suppress(OSError):  # a name that no file can have
        if path.is_file():
            return path
        if path.is_absolute():
            return None
        candidates = [folder / (str(path) + end) for folder in gallery_folders() for end in ("", ".qasm")]
        return next((c for c in candidates if c.suffix == ".qasm" and c.is_file()), None)
    return None


def load(name: str | os.PathLike[str]) -> QuantumCircuit:
    """Read a circuit from an OpenQASM 3 file.

    Parameters
    ----------
    name : str or path
        A path, or the name of a circuit in the gallery.

    Returns
    -------
    QuantumCircuit
        The circuit in Qiskit's standard gates (``rzz`` and others defined in the file are recognised), without measurements.
        The parameters keep the names in the file and are bound by name. Since ``circuit.parameters`` sorts by name, numbers
        without leading zeros (``a_2``, ``a_10``) change their order.

    Raises
    ------
    InputError
        If there is no such file, it does not parse, or it is not a unitary circuit followed by measurements.
    """
    path = locate(name)
    if path is None:
        raise InputError(f"ansatz: no file is called {str(name)!r}; give the path of an OpenQASM 3 file")
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            circuit = read_openqasm(path)
    except OSError as error:
        raise InputError(f"ansatz: {path} cannot be read: {error.strerror}; give another file") from None
    except Exception as error:
        raise InputError(f"ansatz: {path} cannot be read as OpenQASM 3: {_complaint(error)}; correct the file") from None
    circuit.name = path.stem
    return without_measurements(_standard(circuit), str(path))


def without_measurements(circuit: QuantumCircuit, where: str) -> QuantumCircuit:
    """Return the circuit without classical bits, barriers and final measurements; `where` names it in errors.

    Raises
    ------
    InputError
        If the circuit has a reset, control flow, or a gate on a measured qubit, and so prepares no pure state.
    """
    plain = QuantumCircuit(circuit.qubits, *circuit.qregs, global_phase=circuit.global_phase, name=circuit.name)
    measured = set()
    for instruction in circuit.data:
        operation = instruction.operation
        if operation.name == "measure":
            measured.update(instruction.qubits)
        elif operation.name in ("barrier", "delay"):
            continue
        elif not isinstance(operation, Gate) or instruction.clbits:
            raise InputError(f"ansatz: {where} holds {operation.name!r}; only gates and final measurements are allowed")
        elif measured.intersection(instruction.qubits):
            raise InputError(f"ansatz: {where} has a gate {operation.name!r} after a measurement; measure at the end only")
        else:
            plain.append(operation, instruction.qubits)
    return plain


def export(circuit: QuantumCircuit, path: str | os.PathLike[str], *, comment: str = "", overwrite: bool = False) -> Path:
    """Write a circuit as OpenQASM 3 with one scalar input per parameter, so that it reads back as the same circuit.

    Parameters
    ----------
    circuit : QuantumCircuit
        The circuit; measurements are omitted. Parameter names such as ``theta_007`` are kept. If any parameter has another
        form of name, all are renamed to ``theta_000``, … in the order of ``circuit.parameters``, because other names (such as
        those of a ``ParameterVector``) may sort differently when read back. Comments in the file list the original names.
    path : path
        The path of the new file, ending in ``.qasm``.
    comment : str
        Lines for the top of the file; each is prefixed with ``//``.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the file exists, its folder does not exist, the name does not end in ``.qasm``, or the circuit cannot be written as
        OpenQASM 3.
    """
    target = Path(path)
    if target.suffix != ".qasm":
        raise InputError(f"path: {str(path)!r} does not end in .qasm; choose a name that does")
    if not target.parent.is_dir():
        raise InputError(f"path: the folder {str(target.parent)!r} does not exist; make it first")
    if target.exists() and not overwrite:
        raise InputError(f"path: {str(path)!r} exists and is not overwritten; choose another name, or overwrite it")
    target.write_text(qasm_text(circuit, comment), encoding="utf-8")
    return target


def qasm_text(circuit: QuantumCircuit, comment: str = "") -> str:
    """Return the text of the file that :func:`export` writes."""
    plain = without_measurements(circuit, circuit.name)
    lines = comment.splitlines()
    old = list(plain.parameters)
    if not all(PLAIN_NAME.fullmatch(parameter.name) for parameter in old):
        plain = renamed(plain, old)
        lines += [f"{new.name} was {was.name}" for new, was in zip(plain.parameters, old, strict=True)]
    try:
        body = qasm3.dumps(plain)
        names = {p.name for p in qasm3.loads(body).parameters}
    except Exception as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"circuit: {circuit.name!r} cannot be written as OpenQASM 3: {first}; decompose it first") from None
    if names != {p.name for p in plain.parameters}:
        raise InputError(f"circuit: {circuit.name!r} does not come back from OpenQASM 3; rename its parameters")
    return "".join(f"// {line}".rstrip() + "\n" for line in lines) + str(body)


def _complaint(error: BaseException) -> str:
    """Return the parser's message in one line or, if a syntax error is in the chain of exceptions, the unexpected token."""
    chain: list[object] = [error]
    for link in chain:
        token = getattr(link, "offendingToken", None)
        if token is not None:
            return f"line {token.line}:{token.column}: unexpected {token.text!r}"
        if isinstance(link, BaseException):
            chain += [inner for inner in (link.__cause__, link.__context__, *link.args) if isinstance(inner, Exception)]
    lines = str(error).strip().splitlines()
    if not lines or isinstance(error, AttributeError):
        return "it holds no statement"
    return str(error.args[0] if len(error.args) == 1 else lines[0]).splitlines()[0].strip('"')


def _standard(circuit: QuantumCircuit, standard: dict[str, bool] | None = None) -> QuantumCircuit:
    """Replace each gate defined in the file by the equal gate of Qiskit or, if there is none, by its definition."""
    standard = {} if standard is None else standard
    plain = circuit.copy_empty_like()
    for instruction in circuit.data:
        gate = instruction.operation
        if not isinstance(gate, Gate) or isinstance(gate, type(STANDARD.get(gate.name))):
            plain.append(instruction)
        elif _recognised(gate, standard):
            plain.append(type(STANDARD[gate.name])(*gate.params), instruction.qubits)
        else:
            inner = _standard(gate.definition, standard)
            plain.global_phase += inner.global_phase
            for part in inner.data:
                plain.append(part.operation, [instruction.qubits[inner.find_bit(q).index] for q in part.qubits])
    return plain


def _recognised(gate: Gate, standard: dict[str, bool]) -> bool:
    if gate.name not in standard:
        standard[gate.name] = _is_standard(gate)
    return standard[gate.name]


def _is_standard(gate: Gate) -> bool:
    """Return whether a gate equals Qiskit's gate of this name, compared at one random binding.

    Global phases are ignored, since Qiskit's exporter drops some of them.
    """
    namesake = STANDARD.get(gate.name)
    if not isinstance(namesake, Gate) or (namesake.num_qubits, len(namesake.params)) != (gate.num_qubits, len(gate.params)):
        return False
    built = QuantumCircuit(gate.num_qubits)
    built.append(type(namesake)(*gate.params), range(gate.num_qubits))
    if set(gate.definition.parameters) != set(built.parameters):
        return False
    values = np.random.default_rng(1).uniform(0.3, 3.0, built.num_parameters)
    first, second = (Operator(circuit.assign_parameters(values)).data for circuit in (gate.definition, built))
    return bool(abs(abs(np.vdot(first, second)) - len(first)) < 1e-10)


def drop_unused_parameters(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit without unused parameters, which a file may declare."""
    used = set(in_order_of_appearance(circuit))
    unused = {parameter: 0.0 for parameter in circuit.parameters if parameter not in used}
    return circuit.assign_parameters(unused) if unused else circuit
