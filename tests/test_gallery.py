"""Every file of the gallery equals its recipe, and every recipe has its file."""

from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector, random_statevector

from docs.gallery import RECIPES, write_gallery
from qep_qiskit.ansatz.gallery import list_circuits
from qep_qiskit.ansatz.qasm import load

FOLDER = Path(__file__).parents[1] / "circuits"
DENSE_QUBITS = 6


def bound(circuit: QuantumCircuit, values: dict[str, float]) -> QuantumCircuit:
    return circuit.assign_parameters({p: values[p.name] for p in circuit.parameters})


def test_recipes_and_files_are_the_same_set():
    assert {path.stem for path in FOLDER.glob("*.qasm")} == set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_file_equals_its_recipe(name):
    built, read = RECIPES[name].build(), load(FOLDER / f"{name}.qasm")
    names = [p.name for p in built.parameters]
    assert [p.name for p in read.parameters] == names == sorted(names)
    rng = np.random.default_rng(len(name))
    values = dict(zip(names, rng.uniform(-np.pi, np.pi, len(names)), strict=True))
    if built.num_qubits <= DENSE_QUBITS:
        np.testing.assert_allclose(Operator(bound(read, values)).data, Operator(bound(built, values)).data, atol=1e-10)
    else:
        start = random_statevector(2**built.num_qubits, seed=3)
        ends = [Statevector(start).evolve(bound(circuit, values)).data for circuit in (read, built)]
        np.testing.assert_allclose(*ends, atol=1e-10)


def test_a_file_says_what_it_is_and_how_it_was_made():
    for name, recipe in RECIPES.items():
        head = (FOLDER / f"{name}.qasm").read_text(encoding="utf-8").splitlines()[:2]
        assert head[0] == f"// {recipe.description}"
        assert recipe.call in head[1]


def test_a_broken_file_does_not_stop_the_list(tmp_path, monkeypatch):
    (tmp_path / "circuits").mkdir()
    (tmp_path / "circuits" / "broken.qasm").write_text("OPENQASM 3.0;\nqubit[2] q\n")
    monkeypatch.chdir(tmp_path)
    entries = {entry.name: entry for entry in list_circuits()}
    assert "line" in entries["broken"].error
    assert set(RECIPES) <= set(entries)
    chain = entries["ising_chain_6"]
    assert (chain.qubits, chain.parameters, chain.two_qubit_gates, chain.error) == (6, 51, 15, None)
    assert chain.description == RECIPES["ising_chain_6"].description
    assert entries["ising_chain_12"].depth == chain.depth


def test_written_again_the_files_are_the_same(tmp_path, monkeypatch):
    few = {name: RECIPES[name] for name in ("ising_ring_4", "efficient_su2_4", "adiabatic_chain_4")}
    monkeypatch.setattr("docs.gallery.RECIPES", few)
    for path in write_gallery(tmp_path):
        assert load(path).num_parameters == load(FOLDER / path.name).num_parameters
