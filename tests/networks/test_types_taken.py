"""The types that users hold: arrays, graphs, scalars, tables, Qiskit's own objects. Taken, or one line says what to write."""

from __future__ import annotations

import collections
import importlib
import types

import numpy as np
import pytest
import rustworkx as rx
from qiskit.circuit import Parameter, ParameterVector, QuantumCircuit
from qiskit.circuit.library import RYGate
from qiskit.quantum_info import Operator, Pauli, PauliList, SparseObservable, SparsePauliOp
from qiskit.transpiler import CouplingMap
from scipy.sparse import coo_array

import qep_qiskit as qep

PAIRS = [(0, 1), (1, 2), (2, 3), (0, 3)]


class Graph:
    """The part of a NetworkX graph that the package uses, for environments without NetworkX."""

    def __init__(self, edges, nodes=range(4), *, directed=False):
        self.edges, self.nodes, self._directed = [(*pair, 0) for pair in edges], list(nodes), directed

    def is_directed(self):
        return self._directed


def networkx_graph(edges):
    try:
        networkx = importlib.import_module("networkx")
    except ImportError:
        return Graph(edges)
    graph = networkx.Graph()
    graph.add_nodes_from(range(4))
    graph.add_edges_from(edges)
    return graph


def rustworkx_graph(edges, kind=rx.PyGraph):
    graph = kind()
    graph.add_nodes_from(range(4))
    graph.add_edges_from_no_data(list(edges))
    return graph


BOTH_WAYS = [*PAIRS, *((j, i) for i, j in PAIRS)]
GRAPHS = {
    "list": PAIRS,
    "lists": [list(pair) for pair in PAIRS],
    "numpy scalars": [(np.int64(i), np.uint8(j)) for i, j in PAIRS],
    "generator": "generator",
    "array": np.array(PAIRS),
    "array of whole floats": np.array(PAIRS, dtype=float),
    "networkx": networkx_graph(PAIRS),
    "directed": Graph(BOTH_WAYS, directed=True),
    "rustworkx": rustworkx_graph(PAIRS),
    "rustworkx, directed": rustworkx_graph(BOTH_WAYS, rx.PyDiGraph),
    "coupling map": CouplingMap(BOTH_WAYS),
}


@pytest.mark.parametrize("kind", GRAPHS)
@pytest.mark.parametrize("make", [qep.ising, qep.phase_oscillators, qep.oscillators, qep.elastic])
def test_edges_of_any_type(make, kind):
    edges = (pair for pair in PAIRS) if kind == "generator" else GRAPHS[kind]
    network = make(sites=4, edges=edges, inputs=0, outputs=[np.int64(3)])
    expected = make(sites=np.int32(4), edges=PAIRS, inputs=np.array([0]), outputs=3)
    assert set(network.names) == set(expected.names)
    assert network.description["inputs"] == [0] and network.description["outputs"] == [3]
    if kind in ("networkx", "rustworkx", "directed", "coupling map"):
        other = make(edges=edges, inputs=[0.0], outputs=[3])
        assert other.names == network.names


@pytest.mark.parametrize("make", [qep.ising, qep.phase_oscillators, qep.oscillators, qep.elastic, qep.resistors])
def test_square_lattice(make):
    ground = {"ground": 4} if make is qep.resistors else {}
    network = make(edges="square", rows=2, columns=3, inputs=[0], outputs=5, **ground)
    expected = [(0, 1), (0, 3), (1, 2), (1, 4), (2, 5), (3, 4), (4, 5)]
    edges = [tuple(map(int, name[2:-1].split(","))) for name in network.names if "," in name]
    assert edges == expected
    assert network.description["sites"] == 6


BAD_GRAPHS = {
    "adjacency matrix": (np.eye(3), "argwhere"),
    "flat array": (np.array([0, 1, 2]), "pairs of sites"),
    "number": (3, "edges: 3"),
    "None": (None, "edges: None"),
    "mapping": ({0: [1]}, "pairs such as"),
    "named nodes": (Graph([("a", "b")], nodes="ab"), "node 'a'"),
    "half a site": ([[0, 0.5]], "[0, 0.5]"),
    "true": ([[0, True]], "[0, True]"),
    "three": ([[0, 1, 2]], "[0, 1, 2]"),
    "word": ([["0", "1"]], "['0', '1']"),
    "far": (np.array([[0, 9]]), "site 9"),
    "name": ("sqaure", "did you mean 'square'"),
}


@pytest.mark.parametrize("kind", BAD_GRAPHS)
@pytest.mark.parametrize("make", [qep.ising, qep.oscillators, qep.resistors])
def test_invalid_edges_are_refused(make, kind):
    edges, word = BAD_GRAPHS[kind]
    with pytest.raises(qep.InputError) as error:
        make(sites=3, edges=edges, inputs=[0], outputs=[2])
    assert word in str(error.value) and "\n" not in str(error.value)


OPERATORS = {
    "mapping": {"ZI": 1.0},
    "label": "ZI",
    "pairs": [("ZI", np.float32(1.0))],
    "SparsePauliOp": SparsePauliOp("ZI"),
    "Pauli": Pauli("ZI"),
    "SparseObservable": SparseObservable("ZI"),
}


@pytest.mark.parametrize("kind", OPERATORS)
def test_operators_of_any_type(kind):
    operator = OPERATORS[kind]
    network = qep.pauli(
        terms={"a": {"ZZ": -1}, "b": (operator, np.int64(0))}, fixed=operator, inputs=[operator], outputs=[operator, "IZ"]
    )
    for part in (network.terms[1].operator, network.fixed, network.inputs[0], network.outputs[0]):
        assert part.to_list() == [("ZI", 1.0)]
    assert qep.pauli(terms={"a": operator}, outputs=[operator]).num_outputs == 1
    if kind != "pairs":  # a list is a list of operators
        assert qep.pauli(terms={"a": operator}, outputs=operator).num_outputs == 1
    assert qep.ObservableCost(operator).operator.to_list() == [("ZI", 1.0)]
    assert network.output_names == ("ZI", "IZ")


def test_a_whole_hamiltonian_gives_each_of_its_strings_a_weight():
    hamiltonian = SparsePauliOp(["ZZ", "XI", "IX", "XI"], [-0.7, 0.5, 0.25, 0.5])
    network = qep.pauli(terms=hamiltonian, outputs=["ZI"])
    assert set(network.names) == {"ZZ", "XI", "IX"}
    matrix = network.hamiltonian(np.ones(3)).to_matrix()
    np.testing.assert_allclose(matrix, hamiltonian.to_matrix(), atol=1e-14)
    problem = qep.Problem(network, np.ones(3), cost=qep.SquaredError(0.0))
    np.testing.assert_allclose(problem.hamiltonian.to_matrix(), hamiltonian.to_matrix(), atol=1e-14)


@pytest.mark.parametrize(
    ("terms", "word"),
    [
        (["ZZ"], "mapping"),
        (Operator(np.eye(4)), "mapping"),
        ({"a": Operator(np.eye(4))}, "from_operator"),
        ({"a": np.eye(4)}, "from_operator"),
        ({"a": SparsePauliOp(["ZZ"], np.array([Parameter("t")]))}, "parameter t"),
        ({"a": Pauli("iZZ")}, "real"),
        ({"a": ("ZZ", "first")}, "'first'"),
        ({"a": {"ZZ": "1"}}, "'1'"),
        ({"a": {"ZZ": 10**400}}, "ZZ"),
        ({"a": "zz"}, "'zz'"),
    ],
)
def test_invalid_operators_are_refused(terms, word):
    with pytest.raises(qep.InputError) as error:
        qep.pauli(terms=terms, outputs=["ZI"])
    assert word in str(error.value) and "\n" not in str(error.value)


NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
WEIGHTS = NETWORK.initial_weights(seed=3)
VALUES = np.array(list(WEIGHTS.values()))


class Series:
    """The part of a pandas Series that the package uses, for environments without pandas."""

    def __init__(self, values):
        self.index, self.values = list(values), list(values.values())

    def to_numpy(self):
        return np.array(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Table:
    """A table of one row: pandas and polars."""

    def __init__(self, values):
        self.columns, self.values = list(values), [list(values.values())]

    def to_numpy(self):
        return np.array(self.values)


class Keyed:
    def keys(self):
        return list(WEIGHTS)[::-1]

    def __getitem__(self, name):
        return WEIGHTS[name]


SHUFFLED = dict(sorted(WEIGHTS.items(), key=lambda pair: pair[1]))
RECORD = np.array([tuple(SHUFFLED.values())], dtype=[(name, float) for name in SHUFFLED])


def pandas_series():
    return pytest.importorskip("pandas").Series(SHUFFLED)


def pandas_row():
    return pytest.importorskip("pandas").DataFrame([SHUFFLED, WEIGHTS]).iloc[0]


def pandas_table():
    return pytest.importorskip("pandas").DataFrame([SHUFFLED])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Series(SHUFFLED),
        lambda: Table(SHUFFLED),
        lambda: types.MappingProxyType(SHUFFLED),
        lambda: collections.UserDict(SHUFFLED),
        Keyed,
        lambda: RECORD,
        lambda: RECORD[0],
        lambda: Series(dict(enumerate(VALUES))),
        lambda: tuple(VALUES),
        lambda: VALUES.astype(complex),
        pandas_series,
        pandas_row,
        pandas_table,
    ],
)
def test_names_are_read_by_name(make):
    np.testing.assert_array_equal(NETWORK.weight_vector(make()), VALUES)
    problem = qep.Problem(NETWORK, make(), x=[0.5], cost=qep.SquaredError([0.4]))
    np.testing.assert_array_equal(problem.weights, VALUES)


@pytest.mark.parametrize(
    ("weights", "word"),
    [
        (Series(dict(zip([4, 3, 2, 1, 0], VALUES, strict=True))), "this network has no weight"),
        (Table({**WEIGHTS, "k": 1.0}), "'k'"),
        ({name: value for name, value in WEIGHTS.items() if name != "h[0]"}, "'h[0]' is missing"),
        ({**WEIGHTS, "g[0]": None}, "g[0]: None"),
        ({**WEIGHTS, "g[0]": "1"}, "g[0]: '1'"),
        (np.array([RECORD[0], RECORD[0]]), "2 records"),
        (VALUES + 1j, "not a list of numbers"),
        ([str(value) for value in VALUES], "not a list of numbers"),
        (np.ma.array(VALUES, mask=[0, 0, 1, 0, 0]), "value 2"),
        (None, "not a list"),
        (set(VALUES), "not a list of numbers"),
    ],
)
def test_names_and_numbers_that_do_not_fit(weights, word):
    with pytest.raises(qep.InputError) as error:
        NETWORK.weight_vector(weights)
    assert word in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("named", [{"a": 0.5}, Series({"a": 0.5}), collections.namedtuple("Row", "a")(0.5)])
def test_names_where_none_are_known_are_refused(named):
    for read in (NETWORK.input_vector, qep.SquaredError, lambda m: qep.oscillators(sites=1, outputs=0, masses=m)):
        with pytest.raises(qep.InputError, match="carries the names a"):
            read(named)


@pytest.mark.parametrize("seed", [None, "a", 1.7, float("nan"), [1], True])
def test_invalid_seeds_are_refused(seed):
    with pytest.raises(qep.InputError, match="seed: .* give a whole number"):
        NETWORK.initial_weights(seed=seed)


def test_seeds_of_any_whole_type_are_one_seed():
    assert NETWORK.initial_weights(seed=np.int64(3)) == NETWORK.initial_weights(seed=3.0) == WEIGHTS


def circuit(change):
    t = ParameterVector("t", 2)
    circuit = QuantumCircuit(2, 2)
    circuit.ry(t[0], 0)
    circuit.ry(t[1], 1)
    change(circuit)
    return circuit


def test_a_measured_ansatz_is_taken_without_its_measurements():
    problem = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([0.4]))
    plain, measured = circuit(lambda c: None), circuit(lambda c: c.measure_all())
    first, second = (qep.gradient(problem, preparer=qep.VQE(ansatz=c, starts=1), seed=1) for c in (plain, measured))
    np.testing.assert_allclose(first.values, second.values, atol=1e-9)


@pytest.mark.parametrize(
    ("ansatz", "word"),
    [
        (QuantumCircuit(2), "ParameterVector"),
        (QuantumCircuit(2, 2), "measurements are left out"),
        (circuit(lambda c: (c.measure(0, 0), c.ry(0.1, 0))), "after a measurement"),
        (circuit(lambda c: c.reset(0)), "'reset'"),
        (RYGate(0.1), "RYGate"),
        (QuantumCircuit, "QuantumCircuit"),
        (PauliList(["ZZ"]), "PauliList"),
        (None, "NoneType"),
    ],
)
def test_objects_that_are_not_an_ansatz_are_refused(ansatz, word):
    problem = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([0.4]))
    with pytest.raises(qep.InputError) as error:
        qep.gradient(problem, preparer=qep.VQE(ansatz=ansatz), seed=1)
    assert word in str(error.value) and "input float" not in str(error.value)


def test_weights_on_the_edges_of_a_graph_are_not_used_and_a_warning_says_so():
    weighted = rx.PyGraph()
    weighted.add_nodes_from(range(3))
    weighted.add_edges_from([(0, 1, 0.5), (1, 2, 2.0)])
    with pytest.warns(UserWarning, match="weights of the graph's edges are not used"):
        network = qep.ising(edges=weighted, outputs=[2])
    assert network == qep.ising(sites=3, edges=[(0, 1), (1, 2)], outputs=[2])
    networkx = pytest.importorskip("networkx")
    graph = networkx.Graph()
    graph.add_weighted_edges_from([(0, 1, 0.5)])
    with pytest.warns(UserWarning, match="weights of the graph's edges are not used"):
        qep.ising(edges=graph, outputs=[1])


def test_a_sparse_matrix_is_refused_with_the_remedy():
    with pytest.raises(qep.InputError, match="sparse matrix does not hold pairs.*argwhere"):
        qep.ising(sites=3, edges=coo_array(([1], ([0], [1])), shape=(3, 3)), outputs=[1])
