"""Springs at rest and resistors against solves of their own: nodal analysis, and differences of its loss."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli


def differences(loss, weights, step=1e-3):
    slopes = []
    for direction in np.eye(len(weights)):
        coarse, fine = ((loss(weights + h * direction) - loss(weights - h * direction)) / (2 * h) for h in (2 * step, step))
        slopes.append((4 * fine - coarse) / 3)
    return np.array(slopes)


def distance(values, expected):
    return np.linalg.norm(values - expected) / np.linalg.norm(expected)


def random_edges(rng, n, fixed=()):
    tree = [[int(rng.integers(0, j)), j] for j in range(1, n)]
    extra = [[i, j] for i in range(n) for j in range(i + 1, n) if [i, j] not in tree and rng.random() < 0.4]
    return [edge for edge in tree + extra if not set(edge) <= set(fixed)]


def node_voltages(n, edges, conductances, fixed, currents):
    """Kirchhoff's current law at every node that is not fixed, with the whole conductance matrix (nodal analysis)."""
    matrix = np.zeros((n, n))
    for (i, j), g in zip(edges, conductances, strict=True):
        matrix[[i, j], [i, j]] += g
        matrix[i, j] -= g
        matrix[j, i] -= g
    right = np.array(currents, dtype=float)
    for node, volts in fixed.items():
        matrix[node], right[node] = np.eye(n)[node], volts
    return np.linalg.solve(matrix, right)


@pytest.mark.parametrize("clamp", [True, False])
@pytest.mark.parametrize("seed", range(15))
def test_resistors_against_nodal_analysis(seed, clamp):
    rng = np.random.default_rng(seed)
    n = 5 + seed % 6
    inputs, ground, outputs = [0, 1], [2], [n - 1, n - 2]
    nodes = [0, 1, 2] if clamp else [2]
    while True:
        edges = random_edges(rng, n, nodes)
        try:
            network = qep.resistors(sites=n, edges=edges, inputs=inputs, outputs=outputs, ground=ground, clamp=clamp)
            break
        except qep.InputError as error:
            assert "floats" in str(error)
    pairs = [tuple(int(s) for s in name[2:-1].split(",")) for name in network.names]
    x, targets = rng.uniform(-2, 2, 2), rng.uniform(-1, 1, 2)
    weights = rng.uniform(0.3, 2.0, network.num_weights)

    def voltages(conductances):
        fixed, currents = {2: 0.0}, np.zeros(n)
        if clamp:
            fixed |= dict(zip(inputs, x, strict=True))
        else:
            currents[inputs] = x
        return node_voltages(n, pairs, conductances, fixed, currents)

    def loss(conductances):
        return float(((voltages(conductances)[outputs] - targets) ** 2).sum())

    expected = differences(loss, weights)
    for cost in (qep.SquaredError(targets), qep.SquaredError(targets).observable()):
        problem = qep.Problem(network, weights, x=x, cost=cost)
        exact = qep.exact_gradient(problem)
        np.testing.assert_allclose(exact.predictions, voltages(weights)[outputs], atol=1e-12)
        assert exact.loss == pytest.approx(loss(weights), abs=1e-12)
        assert distance(exact.values, expected) <= 1e-6
        stencil = qep.symmetric(0.2) if cost.needs_free_phase else qep.extrapolated(5e-4)
        assert distance(qep.gradient(problem, stencil=stencil).values, expected) <= 1e-6
    energy = problem.network.hamiltonian(weights, x)
    heat = sum(g * (voltages(weights)[i] - voltages(weights)[j]) ** 2 for (i, j), g in zip(pairs, weights, strict=True))
    mean = qep.gradient(problem, stencil=qep.one_sided(1e-6)).diagnostics["phases"][0]["energy"]
    assert energy.labels() and mean == pytest.approx(heat / 2 if clamp else -heat / 2, rel=1e-9)


@pytest.mark.parametrize("seed", range(15))
def test_springs_at_rest_against_a_linear_solve(seed):
    rng = np.random.default_rng(seed + 40)
    n = 3 + seed % 6
    edges = random_edges(rng, n)
    network = qep.elastic(sites=n, edges=edges, inputs=[0, 1], outputs=[n - 1], biases=True)
    pairs = [tuple(int(s) for s in name[2:-1].split(",")) for name in network.names if name.startswith("k")]
    weights = np.concatenate([rng.uniform(0.2, 1, len(pairs)), rng.uniform(0.5, 1.5, n), rng.uniform(-0.5, 0.5, n)])
    x, target = rng.uniform(-1, 1, 2), float(rng.uniform(-1, 1))

    def loss(w):
        stiffness, force = np.diag(w[len(pairs) : len(pairs) + n]), w[len(pairs) + n :].copy()
        for (i, j), k in zip(pairs, w, strict=False):
            stiffness[[i, j], [i, j]] += k
            stiffness[i, j] -= k
            stiffness[j, i] -= k
        force[[0, 1]] += x
        return float((np.linalg.solve(stiffness, force)[n - 1] - target) ** 2)

    expected = differences(loss, weights)
    for cost in (qep.SquaredError([target]), qep.SquaredError([target]).observable()):
        problem = qep.Problem(network, weights, x=x, cost=cost)
        exact = qep.exact_gradient(problem)
        assert exact.loss == pytest.approx(loss(weights), abs=1e-12), "no zero-point spread"
        assert distance(exact.values, expected) <= 1e-6
        stencil = qep.symmetric(0.2) if cost.needs_free_phase else qep.extrapolated(5e-4)
        assert distance(qep.gradient(problem, stencil=stencil).values, expected) <= 1e-6


def test_springs_are_the_means_of_quantum_oscillators():
    options = {"sites": 4, "edges": "ring", "inputs": [0], "outputs": [2]}
    springs, quantum = qep.elastic(**options), qep.oscillators(**options)
    weights = springs.initial_weights(3)
    assert weights == quantum.initial_weights(3)
    cost = qep.SquaredError([0.4])
    gradients = [qep.exact_gradient(qep.Problem(net, weights, x=[0.7], cost=cost)).values for net in (springs, quantum)]
    np.testing.assert_allclose(*gradients, atol=1e-12)
    losses = [qep.exact_gradient(qep.Problem(net, weights, x=[0.7], cost=cost.observable())).loss for net in (springs, quantum)]
    assert losses[1] > losses[0] + 0.1


def test_a_divider_is_trained():
    edges = [[0, 2], [0, 3], [1, 2], [1, 3], [2, 3], [2, 4], [3, 4]]
    network = qep.resistors(sites=5, edges=edges, inputs=[0, 1], outputs=[2, 3], ground=[4])
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (4, 2))
    Y = X @ np.array([[0.4, 0.2], [0.2, 0.3]])
    done = qep.train(
        network, X, Y, epochs=80, batch_size=4, learning_rate=0.1, bounds={"g": (0.01, None)}, stencil=qep.symmetric(0.5)
    )
    assert done.history[-1]["loss"] < 1e-4 < done.history[0]["loss"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"outputs": [0]}, "the voltage of node 0 is fixed"),
        ({"ground": [0, 3]}, "inputs: node 0 is on the ground"),
        ({"edges": [[0, 1], [1, 2], [0, 3]]}, r"\[0, 3\] joins two nodes of fixed voltages"),
        ({"edges": [[0, 1]]}, "node 2 is joined to no node of fixed voltage"),
        ({"clamp": False, "ground": []}, "node 0 is joined to no node of fixed voltage"),
        ({"clamp": 1}, "clamp: 1 is not allowed"),
        ({"sites": 1}, "sites: 1 is not allowed"),
        ({"ground": [7]}, "ground: site 7 is out of range"),
    ],
)
def test_resistors_refuse_bad_input(options, line):
    with pytest.raises(qep.InputError, match=line):
        qep.resistors(**{"sites": 4, "edges": "chain", "inputs": [0], "outputs": [1], "ground": [3], **options})


def test_conductances_are_positive_and_there_are_no_shots():
    network = qep.resistors(sites=3, edges="chain", inputs=[0], outputs=[1], ground=[2])
    with pytest.raises(qep.InputError, match=r"g\[1,2\] is -0.1; a conductance must be above 0"):
        qep.Problem(network, [1.0, -0.1], x=[1.0], cost=qep.SquaredError([0.5]))
    problem = qep.Problem(network, [1.0, 2.0], x=[1.0], cost=qep.SquaredError([0.5]))
    with pytest.raises(qep.InputError, match="no circuits to measure"):
        qep.gradient(problem, shots=100)
    for preparer in (qep.MeanField(), qep.Thermal(1.0)):
        with pytest.raises(qep.InputError, match="this network is in closed form"):
            qep.gradient(problem, preparer=preparer)
    with pytest.raises(qep.InputError, match="preparation.level: 1 is not allowed"):
        qep.exact_gradient(problem, preparer=qep.Exact(level=1))
    budget = qep.compare(problem)
    assert budget.mean_field is not None and "closed form" in str(budget.mean_field.note)


SPEC = """
[network]
kind = "resistors"
sites = 4
edges = [[0, 1], [1, 2], [2, 3], [1, 3]]
inputs = [0]
outputs = [2]
ground = [3]
[cost]
kind = "squared_error"
[sample]
x = [2.0]
y = [0.5]
"""


@pytest.mark.parametrize("kind", ["resistors", "elastic"])
def test_from_a_spec(tmp_path, kind):
    path = tmp_path / "net.toml"
    text = SPEC if kind == "resistors" else SPEC.replace("ground = [3]\n", "").replace("resistors", "elastic")
    path.write_text(text)
    done = CliRunner().invoke(cli, ["gradient", str(path), "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    options = {"sites": 4, "edges": [[0, 1], [1, 2], [2, 3], [1, 3]], "inputs": [0], "outputs": [2]}
    network = qep.elastic(**options) if kind == "elastic" else qep.resistors(**options, ground=[3])
    problem = qep.Problem(network, network.initial_weights(0), x=[2.0], cost=qep.SquaredError([0.5]))
    np.testing.assert_allclose(printed["values"], qep.exact_gradient(problem).values, atol=1e-10)
    np.testing.assert_allclose(printed["exact"], printed["values"], atol=1e-10)


def test_a_voltage_whose_square_overflows_is_refused():
    network = qep.resistors(sites=3, inputs=[0], outputs=[1], ground=[2])
    with pytest.raises(qep.InputError, match=r"^x: -1e\+300 is too large"):
        qep.Problem(network, network.initial_weights(seed=0), [-1e300], cost=qep.SquaredError([1.0]))
