"""The Hamiltonian ansatz: layers of rotations about the Hamiltonian's Pauli strings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import PauliList

from qep_qiskit.ansatz.names import numbered
from qep_qiskit.ansatz.rotations import evolve, pack
from qep_qiskit.errors import InputError


def hamiltonian_ansatz(paulis: PauliList, *, layers: int = 3, shared_angles: bool = False) -> QuantumCircuit:
    """Return ∏_layers ∏_P exp(−i θ/2 P) |+…+⟩, diagonal strings first in every layer.

    Parameters
    ----------
    paulis : PauliList of length L
        The strings of H and of the nudge; the identity is skipped.
    layers : int
    shared_angles : bool
        If False, there is one angle per string and layer, L · layers in total. If True, there is one angle per layer for
        each class of strings with the same letters, apart from identities (all ``ZZ``, all ``Z``, all ``X``).

    Returns
    -------
    QuantumCircuit
        A circuit with the parameters ``theta_000``, … in the order of appearance. The two-qubit depth of a layer depends on
        the largest degree of the graph of couplings, not on the number of edges.

    Raises
    ------
    InputError
        If all strings are the identity.

    Notes
    -----
    See Wecker, Hastings and Troyer (2015), arXiv:1507.08969. Three shared angles per layer cannot represent a
    disordered ground state (the relative energy error is 1 to 2 % with n/2 layers for n = 12 sites). One angle per string can.

    Examples
    --------
    >>> circuit = hamiltonian_ansatz(PauliList(["ZZ", "IX", "XI"]), layers=2)
    >>> circuit.num_parameters, [p.name for p in circuit.parameters][-1]
    (6, 'theta_005')
    """
    order, classes = _order(paulis, shared_angles=shared_angles)
    if not order:
        raise InputError("paulis: the Hamiltonian ansatz needs a string other than the identity; the Hamiltonian has none")
    labels, names = paulis.to_labels(), list(dict.fromkeys(classes))
    angle: dict[tuple[int, str], Parameter] = dict(
        zip(itertools.product(range(layers), names), numbered(layers * len(names)), strict=True)
    )
    circuit = QuantumCircuit(paulis.num_qubits, name="hamiltonian")
    circuit.h(range(paulis.num_qubits))
    for layer in range(layers):
        for row, name in zip(order, classes, strict=True):
            evolve(circuit, labels[row], angle[layer, name])
    return circuit


def annealing_angles(
    paulis: PauliList | Sequence[str], coefficients: NDArray[np.float64], *, layers: int = 3, shared_angles: bool = False
) -> NDArray[np.float64]:
    """Return angles of :func:`hamiltonian_ansatz` that follow an annealing schedule, as a start of its optimisation.

    In layer l of L, the angle of a string with coefficient c is c·f for diagonal strings and c·(1 − f) for others, with
    f = (l + ½)/L: a first-order ramp of L steps of length ½. The angle of a class is the mean over its strings.

    Parameters
    ----------
    paulis : PauliList or sequence of str, of length L
        The strings or their labels.
    coefficients : ndarray of shape (L,)
    layers : int
    shared_angles : bool

    Examples
    --------
    >>> annealing_angles(PauliList(["ZZ", "IX", "XI"]), np.array([-1.0, -0.4, -0.8]), layers=2)
    array([-0.25, -0.3 , -0.6 , -0.75, -0.1 , -0.2 ])
    """
    labels = paulis.to_labels() if isinstance(paulis, PauliList) else paulis
    means, falling = _schedule(tuple(labels), shared_angles)
    share = (np.arange(layers)[:, None] + 0.5) / layers
    return np.asarray((means @ coefficients) * np.where(falling, 1.0 - share, share)).ravel()


@lru_cache(maxsize=8)
def _schedule(labels: tuple[str, ...], shared_angles: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the mean over the strings of each class, as a matrix over the coefficients, and whether its angles fall."""
    paulis = PauliList(list(labels))
    order, classes = _order(paulis, shared_angles=shared_angles)
    diagonal = ~paulis.x.any(axis=1)
    members: dict[str, list[int]] = {}
    for row, name in zip(order, classes, strict=True):
        members.setdefault(name, []).append(row)
    means = np.zeros((len(members), len(labels)))
    for matrix_row, part in zip(means, members.values(), strict=True):
        matrix_row[part] = 1.0 / len(part)
    return means, ~np.array([diagonal[part].all() for part in members.values()], dtype=bool)


def _order(paulis: PauliList, *, shared_angles: bool) -> tuple[list[int], list[str]]:
    """Return the strings in the order of their rotations, and the name of each one's angle within a layer."""
    labels = paulis.to_labels()
    order = [row for group in pack(paulis) for piece in group for row in piece]
    return order, [labels[row].replace("I", "") if shared_angles else str(row) for row in order]
