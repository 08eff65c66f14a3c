from unittest import mock

import networkx as nx
import numpy as np
import pytest
from qiskit import qasm3
from qiskit.circuit import ParameterVector, QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp, Statevector

from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.ansatz.hardware_efficient import hardware_efficient
from qep_qiskit.errors import InputError
from qep_qiskit.networks.edges import edges_of
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.cones.light_cones import LightCones
from qep_qiskit.simulation.eigen.operators import PauliSum


def ising(edges, sites):
    """ZZ on every edge, Z and X on every site."""
    z = np.zeros((len(edges) + 2 * sites, sites), dtype=bool)
    x = z.copy()
    for row, edge in enumerate(edges):
        z[row, list(edge)] = True
    z[len(edges) + np.arange(sites), np.arange(sites)] = True
    x[len(edges) + sites + np.arange(sites), np.arange(sites)] = True
    return PauliList.from_symplectic(z, x)


def random_strings(rng, sites, count, weight=3):
    labels = []
    for _ in range(count):
        letters = np.full(sites, "I")
        letters[rng.choice(sites, weight, replace=False)] = rng.choice(list("IXYZ"), weight)
        labels.append("".join(letters))
    return PauliList(labels)


def with_states_in(seconds, circuit, paulis, **options):
    """Light cones that believe that states take this long, and so use trees either always or never."""
    with mock.patch("qep_qiskit.simulation.cones.choice.states_seconds", return_value=seconds):
        return LightCones(circuit, paulis, **options)


def check(circuit, paulis, rows=2, seed=0):
    """Compare with Qiskit's state vector, and gradients with the adjoint of whole states."""
    rng = np.random.default_rng(seed)
    program = CircuitProgram.from_circuit(circuit)
    ways = [with_states_in(0.0, circuit, paulis), with_states_in(np.inf, circuit, paulis)]
    assert ways[0].sizes.trees is None
    thetas = rng.normal(size=(rows, circuit.num_parameters))
    coefficients = rng.normal(size=(rows, len(paulis)))
    different = ways if ways[1].sizes.trees else ways[:1]
    answers = [(*cones.energies_and_gradients(thetas, coefficients), cones.expectations(thetas)) for cones in different]
    for row, theta in enumerate(thetas):
        state = Statevector(circuit.assign_parameters(dict(zip(circuit.parameters, theta, strict=True))))
        values = [state.expectation_value(pauli).real for pauli in paulis]
        whole = program.energy_and_gradient(theta, PauliSum.from_operator(SparsePauliOp(paulis, coefficients[row])))[1]
        for energies, gradients, expectations in answers:
            assert expectations.shape == (rows, len(paulis)) and gradients.shape == thetas.shape
            np.testing.assert_allclose(expectations[row], values, atol=1e-10)
            np.testing.assert_allclose(energies[row], coefficients[row] @ values, atol=1e-10)
            np.testing.assert_allclose(gradients[row], whole, atol=1e-10)
    return ways


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(("graph", "sites"), [("chain", 13), ("ring", 12), ("heavy-hex", 14)])
def test_hamiltonian_ansatz(graph, sites, layers):
    paulis = ising(edges_of(graph, sites), sites)
    trees = check(hamiltonian_ansatz(paulis, layers=layers), paulis)[1]
    assert trees.sizes.trees is not None and trees.sizes.templates == []


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_graphs_with_cycles(seed, layers):
    graph = nx.random_regular_graph(3, 12, seed=seed)
    paulis = ising(sorted(tuple(sorted(edge)) for edge in graph.edges), 12)
    trees = check(hamiltonian_ansatz(paulis, layers=layers), paulis, seed=seed)[1]
    if layers == 1:
        assert trees.sizes.trees is not None
    else:
        assert trees.sizes.templates  # some cones have cycles: they are simulated as states


def test_square_lattice():
    paulis = ising(edges_of("square", 12, 3, 4), 12)
    states, trees = check(hamiltonian_ansatz(paulis, layers=1), paulis)
    assert states.sizes.largest == 8
    assert trees.sizes.trees is not None and trees.sizes.templates == []


@pytest.mark.parametrize("entanglement", ["pairwise", "linear", "reverse_linear", "circular"])
@pytest.mark.parametrize("kind", ["efficient_su2", "real_amplitudes"])
def test_hardware_efficient_ansatz(kind, entanglement):
    circuit = hardware_efficient(kind, num_qubits=12, layers=2, entanglement=entanglement)
    check(circuit, random_strings(np.random.default_rng(5), 12, 12))


def test_pairwise_cones_stay_small():
    circuit = hardware_efficient("efficient_su2", num_qubits=14, layers=1)
    states, trees = check(circuit, ising(edges_of("chain", 14), 14))
    assert states.sizes.largest == 6
    assert trees.sizes.trees is None


@pytest.mark.parametrize("seed", range(6))
def test_random_gates(seed):
    """Every kind of gate, shared parameters, and angles that are functions of several parameters."""
    rng = np.random.default_rng(seed)
    theta = ParameterVector("t", 5)
    circuit = QuantumCircuit(12)
    for _ in range(30):
        a, b, c = (int(q) for q in rng.choice(12, 3, replace=False))
        i, j = (int(k) for k in rng.integers(5, size=2))
        angle = [theta[i], 0.7 * theta[i] - 1.3 * theta[j] + 0.2, theta[i] * theta[j].sin(), 0.3][rng.integers(4)]
        kind = rng.integers(12)
        if kind < 3:
            getattr(circuit, ["rx", "ry", "rz"][kind])(angle, a)
        elif kind < 6:
            getattr(circuit, ["rzz", "rxx", "ryy"][kind - 3])(angle, a, b)
        elif kind == 6:
            circuit.u(angle, 0.4, theta[j], a)
        elif kind == 7:
            circuit.ccx(a, b, c)
        else:
            getattr(circuit, ["h", "sdg", "x", "sx"][kind - 8])(a)
            getattr(circuit, ["cx", "swap", "cz", "cy"][kind - 8])(a, b)
    check(circuit, random_strings(rng, 12, 8, weight=2), seed=seed)


def test_strings_with_signs_the_identity_and_all_letters():
    paulis = ising(edges_of("chain", 10), 10)
    circuit = hamiltonian_ansatz(paulis, layers=1)
    check(
        circuit, PauliList(["-IIIIZZIIII", "-IIIYIYIIII", "IIIIIIIIII", "-IIIIIIIIII", "XYIIIIIIII", "YIIIIIIIII", "ZIIIIIIIIX"])
    )


def test_strings_may_occur_more_than_once():
    """With either sign, next to others of the same cone, as in an operator that is not simplified."""
    circuit = hamiltonian_ansatz(ising(edges_of("chain", 6), 6), layers=2)
    check(circuit, PauliList(["IIZZII", "IIXIII", "IIZZII", "-IIZZII", "IIIXII", "IIXIII", "IIYYII", "IIIIII", "IIIIII"]))


def test_shared_angles_and_an_openqasm_circuit():
    paulis = ising(edges_of("chain", 12), 12)
    circuit = hamiltonian_ansatz(paulis, layers=2, shared_angles=True)
    check(circuit, paulis)
    check(qasm3.loads(qasm3.dumps(circuit)), paulis)


def test_larger_strings_on_trees():
    """Qubits between the string's own, and neighbours of several of them."""
    edges = [(0, 1), (1, 2), (2, 3), (1, 4), (2, 5), (5, 6), (6, 7), (3, 8)]
    circuit = hamiltonian_ansatz(ising(edges, 9), layers=2)
    rng = np.random.default_rng(7)
    paulis = PauliList(["IIIIIZIZI", "IIIIXIIIY", "IIIIIYZXI", "IIIIIIZIX", "IIIIIZIYI"])
    trees = check(circuit, paulis, seed=7)[1]
    assert trees.sizes.trees is not None and trees.sizes.templates == []
    in_two_parts = check(circuit, paulis.insert(0, PauliList("IZIIZIIIZ")), seed=7)[1]
    assert in_two_parts.sizes.trees is not None and in_two_parts.sizes.templates
    check(circuit, random_strings(rng, 9, 12, weight=2), seed=8)


def test_forests_that_are_divided(monkeypatch):
    monkeypatch.setattr("qep_qiskit.simulation.cones.choice._MOST_PATHS", 100)
    paulis = ising(edges_of("chain", 12), 12)
    check(hamiltonian_ansatz(paulis, layers=2), paulis)


def test_hamiltonian_ansatz_of_other_models():
    """Strings of XX, YY and mixed letters become rotations between other fixed gates."""
    labels = []
    for site in range(9):
        for pair in ("XX", "YY", "ZX"):
            labels.append("I" * site + pair + "I" * (8 - site))
    paulis = PauliList([*labels, "I" * 4 + "Y" + "I" * 5])
    check(hamiltonian_ansatz(paulis, layers=1), paulis)


def test_gradients_against_differences_of_whole_states():
    paulis = ising(edges_of("ring", 10), 10)
    circuit = hamiltonian_ansatz(paulis, layers=1)
    rng = np.random.default_rng(1)
    theta, coefficients = rng.normal(size=circuit.num_parameters), rng.normal(size=len(paulis))

    def energy(values):
        state = Statevector(circuit.assign_parameters(dict(zip(circuit.parameters, values, strict=True))))
        return state.expectation_value(SparsePauliOp(paulis, coefficients)).real

    gradient = LightCones(circuit, paulis).energies_and_gradients([theta], [coefficients])[1][0]
    for k in range(0, len(theta), 5):
        step = 1e-4 * np.eye(len(theta))[k]
        assert gradient[k] == pytest.approx((energy(theta + step) - energy(theta - step)) / 2e-4, abs=1e-6)


def test_rows_do_not_depend_on_one_another():
    paulis = ising(edges_of("heavy-hex", 20), 20)
    circuit = hamiltonian_ansatz(paulis, layers=1)
    cones = LightCones(circuit, paulis)
    rng = np.random.default_rng(2)
    thetas, coefficients = rng.normal(size=(7, circuit.num_parameters)), rng.normal(size=(7, len(paulis)))
    energies, gradients = cones.energies_and_gradients(thetas, coefficients)
    for row in range(7):
        energy, gradient = cones.energies_and_gradients(thetas[row : row + 1], coefficients[row : row + 1])
        np.testing.assert_allclose(energy[0], energies[row], atol=1e-12)
        np.testing.assert_allclose(gradient[0], gradients[row], atol=1e-12)
        np.testing.assert_allclose(cones.expectations(thetas[row : row + 1])[0] @ coefficients[row], energies[row], atol=1e-11)
    energies, gradients = cones.energies_and_gradients(np.zeros((0, circuit.num_parameters)), np.zeros((0, len(paulis))))
    assert energies.shape == (0,) and gradients.shape == (0, circuit.num_parameters)


@pytest.mark.parametrize(
    ("graph", "sites", "layers", "largest"),
    [("chain", 100, 1, 4), ("chain", 100, 2, 6), ("chain", 100, 3, 8), ("heavy-hex", 127, 1, 5), ("heavy-hex", 127, 2, 9),
     ("heavy-hex", 127, 3, 15)],
)  # fmt: skip
def test_sizes(graph, sites, layers, largest):
    edges = edges_of(graph, sites)
    paulis = ising(edges, sites)
    circuit = hamiltonian_ansatz(paulis, layers=layers)
    states, trees = (with_states_in(seconds, circuit, paulis).sizes for seconds in (0.0, np.inf))
    assert (states.cones, states.largest) == (len(edges), largest)
    assert (trees.cones, trees.largest, trees.amplitudes) == (len(edges) + sites, largest, 0)
    assert f"{len(edges)} light cones" in str(states) and f"{largest} qubits" in str(states)
    assert f"{len(edges) + sites} light cones of up to {largest} qubits, contracted as trees" in str(trees)
    if graph == "chain":
        assert len(states.templates) == 1
        assert states.amplitudes == len(edges) << largest


def test_the_faster_way_is_taken():
    def sizes(graph, sites, layers):
        paulis = ising(edges_of(graph, sites), sites)
        return LightCones(hamiltonian_ansatz(paulis, layers=layers), paulis).sizes

    assert sizes("chain", 100, 1).trees is None
    assert sizes("heavy-hex", 127, 3).templates == []
    assert sizes("heavy-hex", 127, 1).seconds < sizes("heavy-hex", 127, 2).seconds < sizes("heavy-hex", 127, 3).seconds


def test_an_input_far_away_does_not_matter():
    paulis = ising(edges_of("chain", 60), 60)
    circuit = hamiltonian_ansatz(paulis, layers=2)
    cones = LightCones(circuit, PauliList(["I" * 29 + "Z" + "I" * 30]))
    gradient = cones.energies_and_gradients(np.full((1, circuit.num_parameters), 0.3), [[1.0]])[1][0]
    assert cones.sizes.cones == 1
    assert 0 < np.count_nonzero(gradient) < 40


@pytest.mark.parametrize(("graph", "sites"), [("heavy-hex", 127), ("chain", 1000)])
def test_many_qubits(graph, sites):
    """At zero fields and couplings every angle turns its own site, so that everything is known."""
    edges = edges_of(graph, sites)
    paulis = ising(edges, sites)
    circuit = hamiltonian_ansatz(paulis, layers=1)
    cones = LightCones(circuit, paulis)
    angles = np.random.default_rng(3).normal(size=sites)
    turned = _z_angles(circuit)
    fields = np.array([name in turned for name in cones.parameters])
    theta = np.zeros((1, circuit.num_parameters))
    theta[0, fields] = angles
    values = cones.expectations(theta)[0]
    order = [qubit for _, qubit in sorted(turned.items())]
    x = np.empty(sites)
    x[order] = np.cos(angles)
    np.testing.assert_allclose(values[len(edges) + sites :], x, atol=1e-12)
    np.testing.assert_allclose(values[: len(edges) + sites], 0.0, atol=1e-12)
    energy, gradient = cones.energies_and_gradients(theta, [np.repeat([0.0, 1.0], [len(edges) + sites, sites])])
    assert energy[0] == pytest.approx(x.sum())
    np.testing.assert_allclose(gradient[0, fields], -np.sin(angles), atol=1e-12)


def _z_angles(circuit):
    """The qubit of every parameter of an RZ gate."""
    turns = (item for item in circuit.data if item.operation.name == "rz")
    return {item.operation.params[0].name: circuit.find_bit(item.qubits[0]).index for item in turns}


def test_cones_that_are_too_large_are_refused():
    paulis = ising(edges_of("chain", 30), 30)
    circuit = hamiltonian_ansatz(paulis, layers=3)
    with pytest.raises(InputError, match=r"depends on [78] qubits, and at most 6 .* fewer layers or a sparser graph"):
        with_states_in(0.0, circuit, paulis, largest=6)
    assert LightCones(circuit, paulis, largest=6).sizes.largest == 8  # trees have no such limit
    paulis = ising(edges_of("square", 36, 6, 6), 36)
    with pytest.raises(InputError, match=r"depends on 2\d qubits, and at most 20 .* fewer layers or a sparser graph"):
        LightCones(hamiltonian_ansatz(paulis, layers=3), paulis)
    paulis = ising(edges_of("complete", 40), 40)
    with pytest.raises(InputError, match=r"depends on 40 qubits, and at most 20"):
        LightCones(hamiltonian_ansatz(paulis, layers=1), paulis)
    paulis = ising(edges_of("chain", 30), 30)
    circuit = hardware_efficient("efficient_su2", num_qubits=30, layers=1, entanglement="linear")
    with pytest.raises(InputError, match=r"Z18 Z19 depends on 21 qubits, and at most 20"):
        LightCones(circuit, paulis)


def test_memory_is_checked(monkeypatch):
    monkeypatch.setattr("qep_qiskit.memory.SMALL", 0)
    monkeypatch.setattr("qep_qiskit.memory.free_memory", lambda: 1000)
    paulis = ising(edges_of("chain", 30), 30)
    with pytest.raises(InputError, match="light cones of 4 qubits need about .* of memory"):
        LightCones(hamiltonian_ansatz(paulis, layers=1), paulis)


def test_wrong_shapes():
    paulis = ising(edges_of("chain", 8), 8)
    circuit = hamiltonian_ansatz(paulis, layers=1)
    cones = LightCones(circuit, paulis)
    with pytest.raises(InputError, match="rows of 23 parameters"):
        cones.expectations(np.zeros(23))
    with pytest.raises(InputError, match=r"give \(2, 23\)"):
        cones.energies_and_gradients(np.zeros((2, 23)), np.zeros((1, 23)))
    with pytest.raises(InputError, match="do not fit"):
        LightCones(circuit, PauliList(["ZZ"]))
    with pytest.raises(InputError, match="not Hermitian"):
        LightCones(circuit, PauliList(["iZIIIIIII"]))


def test_without_parameters_and_without_strings():
    circuit = QuantumCircuit(40)
    circuit.h(range(40))
    circuit.cz(0, 1)
    cones = LightCones(circuit, PauliList([38 * "I" + "ZX", 38 * "I" + "IX"]))
    np.testing.assert_allclose(cones.expectations(np.zeros((2, 0))), [[1.0, 0.0]] * 2, atol=1e-12)
    energies, gradients = cones.energies_and_gradients(np.zeros((2, 0)), np.ones((2, 2)))
    np.testing.assert_allclose(energies, [1.0, 1.0], atol=1e-12)
    assert gradients.shape == (2, 0)
    alone = LightCones(circuit, PauliList(["I" * 40]))
    assert str(alone.sizes) == "no light cones"
    np.testing.assert_array_equal(alone.expectations(np.zeros((1, 0))), [[1.0]])
    np.testing.assert_array_equal(alone.energies_and_gradients(np.zeros((1, 0)), [[2.0]])[0], [2.0])
