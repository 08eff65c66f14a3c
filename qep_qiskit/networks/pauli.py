"""Any Hamiltonian that is linear in its weights, written in Pauli labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.errors import InputError
from qep_qiskit.networks.network import Network, Term, check_outputs, zero_operator

Labels: TypeAlias = Mapping[str, float] | SparsePauliOp


def pauli(
    *,
    terms: Mapping[str, Labels | tuple[Labels, int]],
    fixed: Labels | None = None,
    inputs: Sequence[Labels | None] = (),
    outputs: Sequence[Labels],
) -> Network:
    """Return the network H = F + Σ_k w_k A_k + Σ_i x_i B_i with every operator given in Pauli labels.

    Parameters
    ----------
    terms : mapping of name to operator
        A_k of the weight of that name: ``{"gX": {"XII": -1, "IXI": -1}}`` ties two fields to one weight. Labels are as
        Qiskit writes them: the rightmost letter is qubit 0. A ``SparsePauliOp`` serves as well. A pair
        ``(operator, i)`` is multiplied by the input x_i too: c_k(x) = x_i.
    fixed : operator, optional
        F, the part without weights.
    inputs : sequence of operators
        B_i, the operator that x_i multiplies; None (or an empty mapping) for an input that only scales terms.
    outputs : sequence of operators
        Their expectations are the predictions.

    Raises
    ------
    InputError
        For a label that does not parse, labels of different lengths, or a coefficient that is not finite and real.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.pauli(terms={"g": {"X": -1}}, fixed={"Z": -1}, outputs=[{"Z": 1}])
    >>> network.names, network.num_qubits
    (('g',), 1)
    """
    if not isinstance(terms, Mapping) or not terms:
        raise InputError("terms: give a mapping such as {'gX': {'XII': -1}} with at least one weight")
    check_outputs(outputs)
    split = {name: (value if isinstance(value, tuple) else (value, None)) for name, value in terms.items()}
    n = _width(next(iter(split.values()))[0], f"terms.{next(iter(split))}")
    built = []
    for name, (labels, number) in split.items():
        if number is not None and not 0 <= number < len(inputs):
            raise InputError(f"terms.{name}: input {number} is out of range; there are {len(inputs)} inputs")
        built.append(Term(str(name), operator_from(labels, n, f"terms.{name}"), number))
    return Network(
        num_qubits=n,
        terms=tuple(built),
        fixed=zero_operator(n) if fixed is None or len(fixed) == 0 else operator_from(fixed, n, "fixed"),
        inputs=tuple(
            None if labels is None or len(labels) == 0 else operator_from(labels, n, f"inputs[{i}]")
            for i, labels in enumerate(inputs)
        ),
        outputs=tuple(operator_from(labels, n, f"outputs[{m}]") for m, labels in enumerate(outputs)),
        output_names=tuple(_output_name(labels, m) for m, labels in enumerate(outputs)),
        description={"kind": "pauli", "qubits": n, "weights": len(built)},
    )


def operator_from(labels: Labels, num_qubits: int | None, where: str) -> SparsePauliOp:
    """Return the Hermitian operator of a mapping {label: coefficient}; `where` names it in errors."""
    if isinstance(labels, SparsePauliOp):
        operator = labels
        if num_qubits is not None and operator.num_qubits != num_qubits:
            first = operator.paulis.to_labels()[0]
            raise InputError(f"{where}: {first!r} acts on {operator.num_qubits} qubits, the network has {num_qubits} qubits")
    else:
        if not isinstance(labels, Mapping) or not labels:
            raise InputError(f"{where}: {labels!r} is no operator; give labels with coefficients such as {{'XII': -1.0}}")
        n = num_qubits if num_qubits is not None else _width(labels, where)
        for label, coefficient in labels.items():
            if not isinstance(label, str) or not label or set(label) - set("IXYZ"):
                raise InputError(f"{where}: label {label!r} is not allowed; use the letters I, X, Y, Z, such as 'XII'")
            if len(label) != n:
                raise InputError(f"{where}: label {label!r} has {len(label)} letters, the network has {n} qubits")
            if isinstance(coefficient, bool | str) or not np.isscalar(coefficient):
                raise InputError(f"{where}: coefficient {coefficient!r} of {label} is no number")
        try:
            operator = SparsePauliOp.from_list(list(labels.items()))
        except (QiskitError, TypeError) as error:
            raise InputError(f"{where}: {error}") from None
    coefficients = np.asarray(operator.coeffs, dtype=complex)
    for label, coefficient in zip(operator.paulis.to_labels(), coefficients, strict=True):
        if not np.isfinite(coefficient):
            raise InputError(f"{where}: coefficient of {label} is {coefficient.real}; it must be a finite number")
        if abs(coefficient.imag) > 1e-12:
            raise InputError(f"{where}: coefficient of {label} is {coefficient}; it must be real (a Hermitian operator)")
    return SparsePauliOp(operator.paulis, coefficients.real).simplify(atol=0.0)


def _width(labels: Labels, where: str) -> int:
    if isinstance(labels, SparsePauliOp):
        return int(labels.num_qubits)
    if not isinstance(labels, Mapping) or not labels or not isinstance(next(iter(labels)), str):
        raise InputError(f"{where}: {labels!r} is no operator; give labels with coefficients such as {{'XII': -1.0}}")
    return len(next(iter(labels)))


def _output_name(labels: Labels, number: int) -> str:
    names = labels.paulis.to_labels() if isinstance(labels, SparsePauliOp) else list(labels)
    return names[0] if len(names) == 1 else f"O[{number}]"
