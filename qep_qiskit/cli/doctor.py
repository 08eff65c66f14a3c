"""`qep doctor`: a check of the installation."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

import qep_qiskit
from qep_qiskit.cli.options import json_option
from qep_qiskit.cli.output import cell, console, marked, print_json

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@click.command("doctor", epilog="Example: qep doctor --json", short_help="Show versions and check the installation.")
@json_option
def command(as_json: bool) -> int:
    """Show versions and run two small circuits with known results."""
    declared = requirements()
    versions = {
        "qep-qiskit": qep_qiskit.__version__,
        **{need.name: _version(need.name) for need in declared if need.marker is None or _version(need.name)},
    }
    checks = [_installed(declared, versions), *(_checked(name, check) for name, check in CHECKS.items())]
    ok = all(check["ok"] for check in checks)
    system = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    if as_json:
        print_json({"ok": ok, "versions": versions, **system, "checks": checks})
    else:
        _show(ok, versions, system, checks)
    return 0 if ok else 1


def _version(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def requirements() -> list[Requirement]:
    """Return the declared dependencies of this installation, without developer dependencies; those of extras come last.

    Packages of extras, which have a marker, are not required; their versions are checked only if they are installed.
    """
    from importlib import metadata

    from packaging.requirements import Requirement

    declared = [Requirement(text) for text in metadata.requires("qep-qiskit") or ()]
    needed = [need for need in declared if need.marker is None or not need.marker.evaluate({"extra": "dev"})]
    return sorted(needed, key=lambda need: need.marker is not None)


def _installed(declared: Sequence[Requirement], versions: Mapping[str, str | None]) -> dict[str, Any]:
    """Compare the installed versions with the declared ones."""
    wrong = [f"{need.name} is missing" for need in declared if need.marker is None and versions[need.name] is None]
    wrong += [
        f"{need.name} {version} is installed, {need.specifier} is needed"
        for need in declared
        if (version := versions.get(need.name)) is not None and not need.specifier.contains(version, prereleases=True)
    ]
    text = "; ".join(wrong) + "; run pip install --upgrade qep-qiskit" if wrong else f"{len(versions)} packages"
    return {"name": "packages", "ok": not wrong, "found": text, "seconds": 0.0}


def _checked(name: str, check: Callable[[], tuple[bool, str]]) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        ok, text = check()
    except Exception as error:
        ok, text = False, f"{type(error).__name__}: {' '.join(str(error).split())}"
    return {"name": name, "ok": ok, "found": text, "seconds": round(time.perf_counter() - start, 3)}


def _product_state() -> tuple[bool, str]:
    """Check that two parallel rotations keep their own angles; a transpiler once gave both the same one."""
    from qiskit import QuantumCircuit, generate_preset_pass_manager
    from qiskit_aer.primitives import SamplerV2

    circuit = QuantumCircuit(2)
    circuit.ry(0.3, 0)
    circuit.ry(1.1, 1)
    circuit.measure_all()
    gates = ["rz", "sx", "x", "cx"]
    passes = generate_preset_pass_manager(optimization_level=1, basis_gates=gates, seed_transpiler=1)
    shots = 100_000
    data = SamplerV2(seed=1).run([passes.run(circuit)], shots=shots).result()[0].data.meas
    measured = [1 - 2 * data.slice_bits([q]).get_counts().get("1", 0) / shots for q in (0, 1)]
    expected = [math.cos(0.3), math.cos(1.1)]
    ok = all(abs(m - e) < 6 * math.sqrt((1 - e * e) / shots) for m, e in zip(measured, expected, strict=True))
    return ok, f"⟨Z⟩ = {measured[0]:.4f}, {measured[1]:.4f}; expected {expected[0]:.4f}, {expected[1]:.4f}"


def _two_sites() -> tuple[bool, str]:
    """Compare the EP gradient of two sites, from shots on Aer, with the exact gradient."""
    import qep_qiskit as qep
    from qep_qiskit.budget import deviation

    network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    problem = qep.Problem(network, [1.0, 0.2, -0.1, 1.0, 0.8], x=[0.5], cost=qep.SquaredError([1.0]))
    measured = qep.gradient(
        problem, preparer=qep.Exact(), stencil=qep.symmetric(0.2), device=qep.aer(seed=1), shots=20_000, seed=1
    )
    worst = deviation(measured.values, qep.exact_gradient(problem).values, measured.stderr).largest_z or 0.0
    return worst < 6, f"largest |z| = {worst:.1f} of {len(measured.names)} weights"


CHECKS: dict[str, Callable[[], tuple[bool, str]]] = {
    "product state through Aer": _product_state,
    "EP gradient of two sites": _two_sites,
}


def _show(ok: bool, versions: dict[str, str | None], system: dict[str, Any], checks: list[dict[str, Any]]) -> None:
    from rich.table import Table

    out = console()
    table = Table(box=None, padding=(0, 1), show_header=False)
    for name, value in {**system, **versions}.items():
        table.add_row(name, cell("missing", "bold red") if value is None else cell(value))
    out.print(table)
    out.print()
    for check in checks:
        mark = "[green]ok[/]    " if check["ok"] else "[bold red]failed[/]"
        out.print(marked(mark + " {}: {}", check["name"], check["found"]))
    out.print()
    out.print(marked("[bold green]All checks passed.[/]" if ok else "[bold red]Something is wrong; see above.[/]"))
