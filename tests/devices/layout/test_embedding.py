"""Embeddings without SWAPs: the search finds the best of all, and keeps off broken qubits and couplings."""

import itertools

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import CXGate, Measure, RZGate, SXGate
from qiskit.transpiler import InstructionProperties, Target

import qep_qiskit as qep
from docs.gallery import ising_paulis
from qep_qiskit.ansatz.choice import build
from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.calibrated_errors import errors_of, working_target
from qep_qiskit.devices.compilation import compile_with
from qep_qiskit.devices.layout.embedding import Weighing, embeddings
from qep_qiskit.devices.layout.exposure import Reading, exposure_of


def weighing_of(target, edges, sites, *, layers=2, decay=0.5):
    circuit = build("hamiltonian", num_qubits=sites, paulis=ising_paulis(edges, sites), layers=layers)
    labels = ["I" * (sites - 1 - q) + "Z" + "I" * q for q in range(sites)]
    reading = Reading(circuit, labels, decay ** np.abs(np.arange(sites) - sites // 2))
    return Weighing(exposure_of([reading], target.operation_names), errors_of(target))


@pytest.mark.parametrize(("edges", "sites"), [("chain", 4), ("chain", 6), ("ring", 12)])
def test_the_first_embedding_is_the_best_of_all(edges, sites):
    target = backend_of(qep.fake("guadalupe")).target
    weighing = weighing_of(target, edges, sites)
    places = embeddings(weighing, weighing.errors.working)
    paths = [(q,) for q in range(16)]
    for _ in range(sites - 1):
        paths = [(*p, q) for p in paths for q in range(16) if q not in p and weighing.errors.working[p[-1], q]]
    if edges == "ring":
        paths = [p for p in paths if weighing.errors.working[p[-1], p[0]]]
    errors = [weighing.error(np.array(path)) for path in paths]
    assert len(places) == len(paths) and set(map(tuple, places.tolist())) == set(paths)
    assert weighing.error(places[0]) == pytest.approx(min(errors), rel=1e-12)
    assert all(weighing.error(row) >= min(errors) - 1e-12 for row in places)


def test_a_graph_that_the_device_does_not_contain_has_no_embedding():
    target = backend_of(qep.fake("guadalupe")).target
    weighing = weighing_of(target, "complete", 3)
    assert not len(embeddings(weighing, weighing.errors.working))


def test_long_chains_are_placed_on_working_couplings_alone():
    target = backend_of(qep.fake("torino")).target
    weighing = weighing_of(target, "chain", 50)
    assert len(weighing.errors.broken_couplings) == 8 and weighing.errors.broken_qubits == [86]
    for row in embeddings(weighing, weighing.errors.working)[:20]:
        assert len(set(row)) == 50
        assert all(weighing.errors.working[a, b] for a, b in itertools.pairwise(row))


def line(errors, readout=0.01):
    """A device on a line with these CX errors."""
    size = len(errors) + 1
    target = Target(num_qubits=size)
    target.add_instruction(RZGate(0.1).base_class(qep_angle()), {(q,): None for q in range(size)})
    target.add_instruction(SXGate(), {(q,): InstructionProperties(error=1e-4) for q in range(size)})
    pairs = {(q, q + 1): error for q, error in enumerate(errors)}
    target.add_instruction(CXGate(), {pair: InstructionProperties(error=error) for pair, error in pairs.items()})
    target.add_instruction(Measure(), {(q,): InstructionProperties(error=readout) for q in range(size)})
    return target


def qep_angle():
    from qiskit.circuit import Parameter

    return Parameter("angle")


def test_the_errors_of_a_target_and_its_working_part():
    target = line([0.01, 1.0, 0.02, 0.03])
    errors = errors_of(target)
    assert errors.coupling[1, 0] == 0.01 and errors.coupling[3, 2] == 0.02 and np.isinf(errors.coupling[0, 2])
    assert errors.broken_couplings == [(1, 2)] and not errors.broken_qubits
    assert errors.couplings.sum() == 8 and errors.working.sum() == 6
    assert (1, 2) not in working_target(target, errors)["cx"] and (2, 3) in working_target(target, errors)["cx"]
    sound = line([0.01, 0.02])
    assert working_target(sound, errors_of(sound)) is sound


def test_circuits_are_compiled_without_broken_couplings():
    backend = backend_of(qep.fake("torino"))
    broken = set(errors_of(backend.target).broken_couplings)
    circuit = QuantumCircuit(4)
    for a, b in itertools.combinations(range(4), 2):
        circuit.rzz(0.3, a, b)
    for start in (None, [22, 21, 34, 43]):
        compiled = compile_with(backend, circuit, start)
        pairs = {tuple(sorted(compiled.circuit.find_bit(q).index for q in i.qubits)) for i in compiled.circuit.data}
        assert not pairs & broken
