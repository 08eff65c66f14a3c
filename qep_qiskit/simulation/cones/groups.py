"""Groups of Pauli strings that are read in the same cone, since they act on some of the qubits of a larger string."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qiskit.quantum_info import PauliList

from qep_qiskit.errors import InputError
from qep_qiskit.simulation.cones.walk import Circuit, Cone, I, TooLargeError, X, Y, Z


@dataclass(frozen=True)
class String:
    """A Pauli string: its position in the list, the letter on each of its qubits, and its sign."""

    index: int
    letters: dict[int, int]
    sign: float


@dataclass(frozen=True)
class Group:
    """Strings and the cone in which they are read. The cone's first wires are the qubits of the first string, in order."""

    strings: tuple[String, ...]
    cone: Cone


def strings_of(paulis: PauliList) -> list[String]:
    """Return the strings of a list. Raise InputError if one is not Hermitian."""
    if np.any(paulis.phase % 2):
        raise InputError("a Pauli string with an imaginary phase is not Hermitian; use phases +1 and -1 only")
    letter = np.array([[I, Z], [X, Y]])[paulis.x.astype(int), paulis.z.astype(int)]
    rows, qubits = np.nonzero(letter != I)
    letters: list[dict[int, int]] = [{} for _ in range(len(paulis))]
    for row, qubit, own in zip(rows.tolist(), qubits.tolist(), letter[rows, qubits].tolist(), strict=True):
        letters[row][qubit] = own
    return [String(k, own, 1.0 - phase) for k, (own, phase) in enumerate(zip(letters, paulis.phase.tolist(), strict=True))]


def grouped(circuit: Circuit, strings: Sequence[String], limit: int) -> list[Group]:
    """Share strings out among cones of at most `limit` qubits. The identity is left out.

    Strings share a cone with a larger one unless that makes the cone so large that cones of their own take less time.

    Raises
    ------
    InputError
        If a string depends on more qubits.
    """
    hosts: list[list[String]] = []
    at: dict[int, list[int]] = {}
    for string in sorted(strings, key=lambda string: -len(string.letters)):
        if not string.letters:
            continue
        possible = (
            host for host in at.get(next(iter(string.letters)), ()) if hosts[host][0].letters.keys() >= string.letters.keys()
        )
        host = min(possible, key=lambda host: len(hosts[host]), default=None)
        if host is not None:
            hosts[host].append(string)
            continue
        for qubit in string.letters:
            at.setdefault(qubit, []).append(len(hosts))
        hosts.append([string])
    return [group for members in hosts for group in _split(circuit, members, limit)]


def _split(circuit: Circuit, members: Sequence[String], limit: int) -> list[Group]:
    alone = group_of(circuit, members[:1], limit)
    if alone is None:
        raise InputError(refusal(circuit, members[0], limit))
    if len(members) == 1:
        return [alone]
    together = group_of(circuit, members, limit)
    if together is not None and together.cone.form.qubits == alone.cone.form.qubits:
        return [together]
    apart = [alone, *grouped(circuit, members[1:], limit)]
    if together is None or sum(2.0**group.cone.form.qubits for group in apart) < 2.0**together.cone.form.qubits:
        return apart
    return [together]


def group_of(circuit: Circuit, members: Sequence[String], limit: int) -> Group | None:
    """Return strings on qubits of the first one with the cone in which all are read; None if it has more than `limit` qubits."""
    letters = dict.fromkeys(members[0].letters, 0)
    for string in members:
        for qubit in letters:
            letters[qubit] |= string.letters.get(qubit, I)
    try:
        return Group(tuple(members), circuit.cone(letters, limit))
    except TooLargeError:
        return None


def refusal(circuit: Circuit, string: String, limit: int) -> str:
    """Return the message about a string that depends on too many qubits."""
    names = {X: "X", Y: "Y", Z: "Z"}
    name = " ".join(f"{names[letter]}{qubit}" for qubit, letter in string.letters.items())
    qubits = len(circuit.reach(string.letters))
    return (
        f"light cones: the expectation of {name} depends on {qubits} qubits, and at most {limit} can be simulated; take fewer "
        "layers or a sparser graph"
    )
