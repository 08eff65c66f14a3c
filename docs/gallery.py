"""The recipes of the gallery: ``python docs/gallery.py`` in the root of the repository writes ``circuits/`` again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp

from qep_qiskit.ansatz.choice import build
from qep_qiskit.ansatz.qasm import export
from qep_qiskit.ansatz.ramp import Ramp, ramp_circuit
from qep_qiskit.networks.edges import edges_of


@dataclass(frozen=True)
class Recipe:
    """The recipe of a circuit of the gallery.

    The call is the Python call that builds the circuit, for the top of the file.
    """

    build: Callable[[], QuantumCircuit]
    description: str
    call: str


def ising_paulis(edges: str, sites: int) -> PauliList:
    """Return the strings of a transverse-field Ising network: ZZ on every edge, then Z and X on every site.

    Examples
    --------
    >>> ising_paulis("chain", 2).to_labels()
    ['ZZ', 'IZ', 'ZI', 'IX', 'XI']
    """
    pairs = [("ZZ", list(edge), 1.0) for edge in edges_of(edges, sites)]
    fields = [(letter, [site], 1.0) for letter in "ZX" for site in range(sites)]
    return SparsePauliOp.from_sparse_list(pairs + fields, num_qubits=sites).paulis


def _adiabatic(edges: str, sites: int, time: float, steps: int) -> QuantumCircuit:
    fields = np.tile([-1.0, 0.0, 0.0], (sites, 1))
    return ramp_circuit(Ramp(ising_paulis(edges, sites), fields, steps, "cosine", 2), time=time)


def _recipes() -> dict[str, Recipe]:
    recipes: dict[str, Recipe] = {}
    for edges in ("chain", "ring", "heavy-hex"):
        for sites in (4, 6, 12):
            recipes[f"ising_{edges.replace('-', '_')}_{sites}"] = Recipe(
                partial(build, "hamiltonian", num_qubits=sites, paulis=ising_paulis(edges, sites)),
                f"Hamiltonian ansatz, transverse-field Ising {edges}, {sites} sites, 3 layers, an angle for each term",
                f'build("hamiltonian", num_qubits={sites}, paulis=ising_paulis("{edges}", {sites}), layers=3)',
            )
    for kind, gates in (("efficient_su2", "ry and rz"), ("real_amplitudes", "ry")):
        for sites in (4, 6, 10):
            recipes[f"{kind}_{sites}"] = Recipe(
                partial(build, kind, num_qubits=sites, paulis=ising_paulis("chain", sites)),
                f"Hardware-efficient ansatz of {sites} qubits: {gates}, pairwise CX, 3 layers",
                f'build("{kind}", num_qubits={sites}, paulis=…, layers=3, entanglement="pairwise")',
            )
    recipes["adiabatic_chain_4"] = Recipe(
        partial(_adiabatic, "chain", 4, 8.0, 16),
        "Adiabatic ramp, transverse-field Ising chain of 4 sites: cosine schedule, time 8, 16 steps of order 2",
        'ramp_circuit(Ramp(ising_paulis("chain", 4), fields=4 × (−1, 0, 0), steps=16), time=8); '
        "c_000, … are the coefficients of ZZ, Z, X",
    )
    return recipes


RECIPES: dict[str, Recipe] = _recipes()


def write_gallery(folder: Path) -> tuple[Path, ...]:
    """Write every circuit of `RECIPES` to a folder, replacing existing files."""
    written = []
    for name, recipe in RECIPES.items():
        comment = f"{recipe.description}\nMade by qep_qiskit: {recipe.call}"
        written.append(export(recipe.build(), folder / f"{name}.qasm", comment=comment, overwrite=True))
    return tuple(written)


if __name__ == "__main__":
    for file in write_gallery(Path(sys.argv[1] if len(sys.argv) > 1 else "circuits")):
        print(file)
