"""The examples of published tasks follow the published protocol: networks, labels, noise; finished runs are not repeated."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse.linalg import eigsh

import qep_qiskit as qep
from qep_qiskit.settings import Settings

FOLDER = Path(__file__).parents[1] / "examples" / "literature"


@pytest.fixture(scope="module")
def examples():
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path.remove(str(FOLDER))
    for name in ("finished", "phase_sensor"):
        sys.modules.pop(name, None)


def test_a_finished_run_is_not_repeated(examples, tmp_path):
    finished = examples("finished").Finished
    path, calls = tmp_path / "runs.jsonl", []
    for _ in range(2):
        again = finished(path)
        assert [again(("a", n), lambda n=n: calls.append(n) or [n, 0.5]) for n in (1, 2)] == [[1, 0.5], [2, 0.5]]
    assert calls == [1, 2]


def test_the_phases_of_the_cluster_ising_ring(examples):
    points = examples("phase_sensor").points
    X, Y = points(np.random.default_rng(0), 500)
    np.testing.assert_allclose(X.sum(axis=1), 4.0)
    for (gzxz, gzz, gx), phase in zip(X, Y, strict=True):
        assert gzxz >= 0 and gzz >= 0 and gx >= 0
        assert phase == (1 if gzz >= 2 else 0 if 2 * gx < 4 - gzz else 2)
    X, Y = points(np.random.default_rng(1), 300, patches=True)
    centres = np.array([[1.0, 0.5], [0.5, 3.0], [2.5, 0.5]])  # (gX, gZZ) in the phases I, II, III
    assert set(Y) == {0, 1, 2} and np.abs(X[:, [2, 1]] - centres[Y]).max() <= 0.2


@pytest.mark.parametrize(("variant", "weights"), [("default", 51), ("no-cutoff", 51), ("zz", 27), ("xz", 39), ("patches", 51)])
def test_the_variants_have_the_published_weights(examples, variant, weights):
    network = examples("phase_sensor").sensor(variant)
    assert (network.num_qubits, network.num_weights, network.num_outputs) == (10, weights, 3)


def test_ten_shots_per_operator_scatter_about_the_gradient_as_they_should(examples):
    sensor = examples("phase_sensor")
    network, rng = sensor.sensor("zz"), np.random.default_rng(3)
    weights = 0.4 * rng.standard_normal(network.num_weights)
    problem = qep.Problem(network, weights, x=[2.0, 0.5, 1.5], cost=qep.SquaredError([1.0, 0.0, 0.0]))
    exact = qep.gradient(problem, preparer=qep.Exact(), stencil=qep.symmetric(0.4))
    source, settings = sensor.FewShots(5), Settings(preparer=qep.Exact(tolerance=1e-3, gap=False))
    drawn = np.array([g.values for _ in range(12) for g in source([problem] * 10, settings)])
    states = [eigsh(h.to_matrix(sparse=True), k=1, which="SA")[1][:, 0] for h in nudged(problem, exact.predictions)]
    terms = [term.operator.to_matrix(sparse=True) for term in network.terms]
    variances = sum(np.array([1 - np.vdot(psi, term @ psi).real ** 2 for term in terms]) for psi in states) / 10 / 0.8**2
    pulls = (drawn - exact.values) / np.sqrt(variances)
    assert abs(pulls.mean()) < 4 / np.sqrt(pulls.size)
    assert np.mean(pulls**2) == pytest.approx(1.0, abs=5 * np.sqrt(2 / pulls.size))


def nudged(problem, predictions):
    """Return H ± 0.4 Σ ε_m O_m."""
    signal = 2 * (predictions - np.array([1.0, 0.0, 0.0]))
    shift = sum(float(e) * output for e, output in zip(signal, problem.network.outputs, strict=True))
    return [(problem.hamiltonian + sign * 0.4 * shift).simplify() for sign in (-1, 1)]
