"""OpenQASM 3 from untrusted files: qubits and gates are counted in the parsed text before a circuit is built."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qiskit.circuit import QuantumCircuit

LARGEST_FILE = 2_000_000
MOST_STATEMENTS, LONGEST_STATEMENT = 10_000, 20_000
"""The most statements, and the most characters of one; the parser takes a third of a millisecond per statement."""
MOST_QUBITS = 2_000
MOST_GATES = 100_000
"""The most gates, counted with all definitions expanded and all registers written out."""
DEEPEST = 60
_SIGNS = re.compile(r"(?:[-+~!*/]\s*){60,}")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def read_openqasm(path: Path) -> QuantumCircuit:
    """Return the circuit in a file, built by Qiskit's importer.

    Raises
    ------
    ValueError
        If the circuit is too large; the message says why.
    OSError, Exception
        Any error of the parser or the importer.
    """
    if (size := path.stat().st_size) > LARGEST_FILE:
        raise ValueError(f"it has {size:,} bytes; at most {LARGEST_FILE:,} are read")
    return parse_openqasm(path.read_text(encoding="utf-8"))


def parse_openqasm(text: str) -> QuantumCircuit:
    """Return the circuit in a text; see :func:`read_openqasm`."""
    import openqasm3
    from qiskit_qasm3_import import convert

    bare = _COMMENT.sub(" ", text)
    if (statements := bare.count(";")) > MOST_STATEMENTS:
        raise ValueError(
            f"it has {statements:,} statements; at most {MOST_STATEMENTS:,} are read, from Python give a QuantumCircuit"
        )
    if max(map(len, bare.split(";"))) > LONGEST_STATEMENT:
        raise ValueError(f"a statement of it has more than {LONGEST_STATEMENT:,} characters")
    if _depth(bare) > DEEPEST or _SIGNS.search(bare):
        raise ValueError(f"it has more than {DEEPEST} levels of brackets or signs")
    program = openqasm3.parse(text)
    _measure(program)
    circuit: QuantumCircuit = convert(program)
    return circuit


def _depth(text: str) -> int:
    depth = deepest = 0
    for sign in re.findall(r"[][(){}]", text):
        depth += 1 if sign in "[({" else -1
        deepest = max(deepest, depth)
    return deepest


def _measure(program: Any) -> None:
    from openqasm3 import ast

    registers: dict[str, int] = {}
    definitions: dict[str, Any] = {}
    for node in _nodes(program):
        if isinstance(node, ast.QubitDeclaration):
            registers[node.qubit.name] = _size(node.size)
        elif isinstance(node, ast.ClassicalDeclaration | ast.IODeclaration) and isinstance(node.type, ast.BitType):
            registers[node.identifier.name] = _size(node.type.size)
        elif isinstance(node, ast.QuantumGateDefinition):
            definitions[node.name.name] = node
        elif isinstance(node, ast.RangeDefinition | ast.DiscreteSet | ast.QuantumGateModifier):
            for part in _nodes(node):
                if isinstance(part, ast.BinaryExpression) or (isinstance(part, ast.IntegerLiteral) and part.value > MOST_QUBITS):
                    raise ValueError(f"a range or a modifier of it goes beyond {MOST_QUBITS:,}")
    if sum(registers.values()) > 2 * MOST_QUBITS:
        raise ValueError(f"its registers have {sum(registers.values()):,} qubits and bits; at most {2 * MOST_QUBITS:,} are made")
    counts: dict[str, int] = {}
    total = sum(_count(node, definitions, counts, registers, ()) for node in program.statements)
    if total > MOST_GATES:
        raise ValueError(f"it has {_about(total)} gates when its definitions are written out; at most {MOST_GATES:,} are made")


def _size(size: Any) -> int:
    from openqasm3 import ast

    if size is None:
        return 1
    if not isinstance(size, ast.IntegerLiteral) or not 0 < size.value <= MOST_QUBITS:
        text = f"{size.value:,}" if isinstance(size, ast.IntegerLiteral) else "an expression"
        raise ValueError(f"a register of it has the size {text}; give a whole number from 1 to {MOST_QUBITS:,}")
    return int(size.value)


def _count(
    node: Any, definitions: Mapping[str, Any], counts: dict[str, int], registers: Mapping[str, int], above: tuple[str, ...]
) -> int:
    """Return the number of gates that a statement creates."""
    from openqasm3 import ast

    if isinstance(node, ast.QuantumGateDefinition):
        return 0
    if isinstance(node, ast.QuantumGate):
        name = node.name.name
        wide = max((_width(q, registers) for q in node.qubits), default=1)
        return wide * _inside(name, definitions, counts, registers, above)
    below = [part for part in vars(node).values() if isinstance(part, list)]
    return 1 + sum(
        _count(part, definitions, counts, registers, above)
        for parts in below
        for part in parts
        if isinstance(part, ast.Statement)
    )


def _inside(
    name: str, definitions: Mapping[str, Any], counts: dict[str, int], registers: Mapping[str, int], above: tuple[str, ...]
) -> int:
    if name not in definitions:
        return 1
    if name in above:
        raise ValueError(f"the gate {name!r} is defined by itself")
    if len(above) > DEEPEST:
        raise ValueError(f"its gate definitions have more than {DEEPEST} levels")
    if name not in counts:
        body = definitions[name].body
        counts[name] = max(1, sum(_count(part, definitions, counts, registers, (*above, name)) for part in body))
    return counts[name]


def _width(qubit: Any, registers: Mapping[str, int]) -> int:
    from openqasm3 import ast

    if isinstance(qubit, ast.Identifier):
        return registers.get(qubit.name, 1)
    single = all(isinstance(index, list) and all(isinstance(i, ast.IntegerLiteral) for i in index) for index in qubit.indices)
    return 1 if single else registers.get(qubit.name.name, 1)


def _nodes(node: Any) -> Iterator[Any]:
    """Yield a node and all nodes below it."""
    todo = [node]
    while todo:
        here = todo.pop()
        if isinstance(here, list | tuple):
            todo += here
        elif hasattr(here, "__dataclass_fields__"):
            yield here
            todo += [getattr(here, name) for name in here.__dataclass_fields__ if name != "span"]


def _about(number: int) -> str:
    return f"{number:,}" if number < 10**9 else f"about 10^{len(str(number)) - 1}"
