"""`qep circuits`: the gallery of ansätze, and circuits as OpenQASM 3 files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.options import Group, json_option
from qep_qiskit.cli.output import cell, console, name_cell, print_json, say
from qep_qiskit.display import terminal_table
from qep_qiskit.errors import InputError, nearest

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

WIDEST_DRAWING = 160


@click.group(
    "circuits",
    cls=Group,
    epilog="Example: qep circuits export noise.toml ansatz.qasm",
    short_help="List, show and export circuits.",
)
def command() -> None:
    """List, show and export circuits. Any OpenQASM 3 file can be used as an ansatz."""


@command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the circuits of the gallery."""
    from qep_qiskit.ansatz.gallery import list_circuits

    entries = list_circuits()
    if as_json:
        print_json({"circuits": [{**vars(entry), "path": str(entry.path)} for entry in entries]})
        return
    table = terminal_table("name", right=("qubits", "parameters", "depth", "2-qubit gates"))
    table.add_column("what it is")
    for entry in entries:
        numbers = (entry.qubits, entry.parameters, entry.depth, entry.two_qubit_gates)
        cells = ("",) * 4 if entry.error else tuple(str(number) for number in numbers)
        table.add_row(name_cell(entry.name), *cells, cell(entry.error or entry.description))
    console().print(table)


@command.command("show", short_help="Draw a circuit.")
@click.argument("name")
@json_option
def show_command(name: str, as_json: bool) -> None:
    """Draw the circuit NAME, from the gallery or from the path of a .qasm file."""
    circuit = _load(name)
    if as_json:
        from qep_qiskit.ansatz.qasm import qasm_text

        print_json({**_summary(circuit), "qasm": qasm_text(circuit)})
        return
    facts = _summary(circuit)
    parts = [f"{facts[key]} {key.replace('_', ' ')}" for key in ("qubits", "parameters", "two_qubit_gates")]
    say(f"{facts['name']}: {', '.join(parts)}, depth {facts['depth']}\n")
    width = min(max(console().width, 80), WIDEST_DRAWING)
    say(circuit.draw("text", fold=width, idle_wires=True).single_string())


@command.command("export", short_help="Write a circuit to an OpenQASM 3 file.")
@click.argument("source", metavar="NAME|SPEC")
@click.argument("target", metavar="FILE", type=click.Path())
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
@json_option
def export_command(source: str, target: str, overwrite: bool, as_json: bool) -> None:
    """Write a circuit of the gallery, or the ansatz of a SPEC (.toml), to the OpenQASM 3 file FILE."""
    from qep_qiskit.ansatz.qasm import export

    if source.endswith(".toml"):
        from qep_qiskit.experiment import load

        circuit, comment = load(source).ansatz(), f"The ansatz of {source}"
    else:
        circuit, comment = _load(source), ""
    written = export(circuit, target, comment=comment, overwrite=overwrite)
    if as_json:
        print_json({**_summary(circuit), "file": str(written)})
    else:
        say(str(written))


def _load(name: str) -> QuantumCircuit:
    from qep_qiskit.ansatz.gallery import list_circuits
    from qep_qiskit.ansatz.qasm import load, locate

    if locate(name) is None:
        close = nearest(name, [entry.name for entry in list_circuits()])
        raise InputError(f"{name}: is neither a circuit of the gallery nor a file; `qep circuits list` lists the gallery{close}")
    return load(name)


def _summary(circuit: QuantumCircuit) -> dict[str, Any]:
    return {
        "name": circuit.name,
        "qubits": circuit.num_qubits,
        "parameters": circuit.num_parameters,
        "depth": circuit.depth(),
        "two_qubit_gates": circuit.num_nonlocal_gates(),
    }
