"""Networks given by Pauli labels: any Hamiltonian that is linear in its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import numpy as np
from qiskit.circuit import ParameterExpression
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Pauli, PauliList, SparseObservable, SparsePauliOp

from qep_qiskit.checks import numbers, shown, whole
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import NETWORKS, Key
from qep_qiskit.networks.network import Network, Term, check_outputs, zero_operator

Labels: TypeAlias = Mapping[str, float] | SparsePauliOp | Pauli | str | Sequence[tuple[str, float]]
"""An operator: {label: coefficient}, a Qiskit object, or one label with the coefficient 1."""
OPERATOR = "labels with numbers, such as { XII = -1.0 }"
OPERATORS = Key(f"a list of operators, each {OPERATOR}, or one label", form=list[dict[str, float] | str])
TERMS = Key(
    f"one table per weight: {OPERATOR}, or {{ operator = {{ XII = -1.0 }}, input = 0 }}",
    form=dict[str, dict[str, dict[str, float] | float] | str],
)


@NETWORKS.register("pauli")
def pauli(
    *,
    terms: Annotated[Mapping[str, Labels | tuple[Labels, int] | Mapping[str, Any]] | SparsePauliOp | PauliList, TERMS],
    fixed: Annotated[Labels | None, Key(OPERATOR, form=dict[str, float])] = None,
    inputs: Annotated[Sequence[Labels | None], OPERATORS] = (),
    outputs: Annotated[Sequence[Labels] | Labels, OPERATORS],
) -> Network:
    """Return the network H = F + Σ_k w_k A_k + Σ_i x_i B_i, with every operator given by Pauli labels.

    Parameters
    ----------
    terms : mapping of name to operator
        The operator A_k of each named weight: ``{"gX": {"XII": -1, "IXI": -1}}`` couples one weight to two fields. As in
        Qiskit, the rightmost letter of a label is qubit 0. An operator may also be a single label such as ``"ZZI"``, or a
        ``SparsePauliOp``, ``Pauli`` or ``SparseObservable`` of Qiskit. The term of a pair ``(operator, i)``, or in a spec
        ``{operator = …, input = i}``, is also multiplied by the input x_i: c_k(x) = x_i. A single ``SparsePauliOp`` instead of
        the mapping gives each of its strings, with its coefficient, a weight named by its label; if all weights are 1 the terms
        add up to the operator.
    fixed : operator, optional
        F, the part without weights.
    inputs : sequence of operators
        B_i, multiplied by x_i; None (or an empty mapping) for an input that only multiplies terms.
    outputs : sequence of operators, or one operator
        The observables whose expectations are the predictions, for instance ``["ZII", "IZI"]``.

    Raises
    ------
    InputError
        If a label cannot be parsed, labels differ in length, or a coefficient is not finite and real.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.pauli(terms={"g": {"X": -1}}, fixed={"Z": -1}, outputs=[{"Z": 1}])
    >>> network.names, network.num_qubits
    (('g',), 1)
    """
    by_name = _terms(terms)
    inputs, outputs = _listed("inputs", inputs), _listed("outputs", outputs)
    check_outputs(outputs)
    split = {name: (value if _scaled(value) else (value, None)) for name, value in by_name.items()}
    first = next(iter(split))
    n = _read(split[first][0], f"terms.{first}").num_qubits
    built = []
    for name, (labels, given) in split.items():
        number = None if given is None else whole(f"terms.{name}: input", given)
        if number is not None and number >= len(inputs):
            raise InputError(f"terms.{name}: input {number} is out of range; there are {len(inputs)} inputs")
        built.append(Term(name, operator_from(labels, n, f"terms.{name}"), number))
    empty = [labels is None or (isinstance(labels, Mapping | list | tuple) and len(labels) == 0) for labels in [fixed, *inputs]]
    return Network(
        num_qubits=n,
        terms=tuple(built),
        fixed=zero_operator(n) if empty[0] else operator_from(fixed, n, "fixed"),
        inputs=tuple(None if empty[1 + i] else operator_from(labels, n, f"inputs[{i}]") for i, labels in enumerate(inputs)),
        outputs=tuple(operator_from(labels, n, f"outputs[{m}]") for m, labels in enumerate(outputs)),
        output_names=tuple(_output_name(labels, m) for m, labels in enumerate(outputs)),
        description={"kind": "pauli", "qubits": n, "weights": len(built)},
    )


def operator_from(labels: Any, num_qubits: int | None, where: str) -> SparsePauliOp:
    """Return the Hermitian operator given by labels with coefficients or by a Qiskit object; `where` names it in errors."""
    operator = _read(labels, where, num_qubits)
    if num_qubits is not None and operator.num_qubits != num_qubits:
        first = operator.paulis.to_labels()[0]
        raise InputError(f"{where}: {first!r} acts on {operator.num_qubits} qubits, the network has {num_qubits} qubits")
    for label, coefficient in zip(operator.paulis.to_labels(), operator.coeffs, strict=True):
        if isinstance(coefficient, ParameterExpression):
            raise InputError(
                f"{where}: coefficient of {label} is the parameter {coefficient}; bind it first, by assign_parameters"
            )
        if not np.isfinite(coefficient):
            raise InputError(f"{where}: coefficient of {label} is {coefficient.real}; it must be a finite number")
        if abs(coefficient.imag) > 1e-12:
            raise InputError(f"{where}: coefficient of {label} is {coefficient}; it must be real (a Hermitian operator)")
    return SparsePauliOp(operator.paulis, np.asarray(operator.coeffs, dtype=complex).real).simplify(atol=0.0)


def _read(labels: Any, where: str, num_qubits: int | None = None) -> SparsePauliOp:
    """Return an operator in any form as a SparsePauliOp. The caller must check its width and its coefficients."""
    if isinstance(labels, SparsePauliOp):
        return labels
    if isinstance(labels, Pauli | PauliList):
        return SparsePauliOp(labels)
    if isinstance(labels, SparseObservable):
        return SparsePauliOp.from_sparse_observable(labels)
    if isinstance(labels, str):
        labels = {labels: 1.0}
    if isinstance(labels, list | tuple) and labels and all(isinstance(p, list | tuple) and len(p) == 2 for p in labels):
        pairs = [(label, coefficient) for label, coefficient in labels]
    elif isinstance(labels, Mapping) and labels:
        pairs = list(labels.items())
    else:
        remedy = "; of an Operator or a matrix take SparsePauliOp.from_operator(...)" if hasattr(labels, "shape") else ""
        remedy = remedy or "; of an Operator take SparsePauliOp.from_operator(...)" if hasattr(labels, "to_matrix") else remedy
        raise InputError(
            f"{where}: {shown(labels)} is not an operator; give labels with coefficients such as {{'XII': -1.0}}{remedy}"
        )
    first = pairs[0][0]
    n = num_qubits if num_qubits is not None else len(first) if isinstance(first, str) else 0
    for label, coefficient in pairs:
        if not isinstance(label, str) or not label or set(label) - set("IXYZ"):
            raise InputError(f"{where}: label {shown(label)} is not allowed; use the letters I, X, Y, Z, such as 'XII'")
        if len(label) != n:
            raise InputError(f"{where}: label {label!r} has {len(label)} letters, the network has {n} qubits")
        symbolic = isinstance(coefficient, ParameterExpression)
        plain = isinstance(coefficient, int | float | complex | np.number) and not isinstance(coefficient, bool)
        if not symbolic and (not plain or numbers(np.real(coefficient)) is None):
            raise InputError(f"{where}: coefficient {shown(coefficient)} of {label} is not a number")
    kind = object if any(isinstance(coefficient, ParameterExpression) for _, coefficient in pairs) else complex
    try:
        return SparsePauliOp.from_list(pairs, dtype=kind)
    except (QiskitError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from None


def _terms(terms: Any) -> dict[str, Any]:
    """Return {name: operator} of the trainable terms."""
    if isinstance(terms, Pauli | PauliList | SparseObservable):
        terms = _read(terms, "terms")
    if isinstance(terms, SparsePauliOp):
        summed = operator_from(terms, None, "terms").simplify(atol=0.0)
        return {label: {label: c.real} for label, c in zip(summed.paulis.to_labels(), summed.coeffs, strict=True)}
    if not isinstance(terms, Mapping) or not terms:
        raise InputError(
            "terms: give a mapping such as {'gX': {'XII': -1}} with at least one weight, "
            "or a SparsePauliOp for one weight per string"
        )
    return {str(name): _pair(value) for name, value in terms.items()}


def _pair(value: Any) -> Any:
    """Return a term in the form ``{operator = …, input = i}`` of a spec as a pair; return any other term unchanged."""
    written = isinstance(value, Mapping) and set(value) == {"operator", "input"}
    return (value["operator"], value["input"]) if written else value


def _scaled(value: Any) -> bool:
    """Return whether a term is a pair (operator, number of the input) rather than an operator that consists of two pairs."""
    return isinstance(value, tuple | list) and len(value) == 2 and not all(isinstance(part, tuple | list) for part in value)


def _listed(name: str, operators: Any) -> list[Any]:
    """Return a list of operators; a single operator becomes a list of one."""
    if isinstance(operators, str | Mapping | SparsePauliOp | Pauli | SparseObservable):
        return [operators]
    if not isinstance(operators, Iterable) or (isinstance(operators, np.ndarray) and operators.ndim == 0):
        raise InputError(f"{name}: {shown(operators)} is not a list of operators such as ['ZII', 'IZI']")
    return list(operators)


def _output_name(labels: Any, number: int) -> str:
    names = list(labels) if isinstance(labels, Mapping) else _read(labels, f"outputs[{number}]").paulis.to_labels()
    return names[0] if len(names) == 1 else f"O[{number}]"
