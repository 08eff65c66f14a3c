"""The warning that a nudge leads to another state, at an avoided crossing that a dense calculation knows."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.errors import NudgeWarning

pytestmark = pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
LABELS = {"h": {"IZ": -1.0, "ZI": -1.0}, "g": {"IX": -1.0, "XI": -1.0}}


def crossing(beta, *, stencil=qep.one_sided, preparer=None):
    """Measure a gradient of two coupled spins whose ground state turns over when the nudge undoes their small field h = 0.1."""
    network = qep.pauli(terms=LABELS, fixed={"ZZ": -1.0}, outputs=[{"IZ": 1.0}])
    problem = qep.Problem(network, [0.1, 0.2], cost=qep.ObservableCost({"IZ": 1.0, "ZI": 1.0}))
    return problem, qep.gradient(problem, stencil=stencil(beta), preparer=preparer or qep.Exact())


def dense_limit(problem):
    """Return d⟨C⟩/dw in the ground state by finite differences of dense ground states."""
    cost, step = np.diag([2.0, 0.0, 0.0, -2.0]), 1e-5

    def loss(weights):
        state = np.linalg.eigh(problem.network.hamiltonian(weights).to_matrix())[1][:, 0]
        return np.vdot(state, cost @ state).real

    return np.array([(loss([0.1, 0.2] + step * e) - loss([0.1, 0.2] - step * e)) / (2 * step) for e in np.eye(2)])


def told(gradient):
    return [text for text in gradient.diagnostics.warnings if "is too large here" in text]


@pytest.mark.parametrize("beta", [0.001, 0.003, 0.5, 1.0])
def test_overlaps_and_cosine_are_those_of_a_dense_calculation(beta):
    problem, gradient = crossing(beta)
    states = []
    for strength in (0.0, beta):
        matrix = problem.hamiltonian.to_matrix() + strength * np.diag([2.0, 0.0, 0.0, -2.0])
        states.append(np.linalg.eigh(matrix)[1][:, 0])
    overlap = abs(np.vdot(*states)) ** 2
    assert gradient.diagnostics.phases[1].overlap == pytest.approx(overlap, abs=1e-8)
    too_large = gradient.diagnostics.more.get("too_large_beta")
    assert (too_large is not None) == (beta >= 0.5) == bool(told(gradient))
    if too_large:
        exact = dense_limit(problem)
        sizes = np.linalg.norm(exact) * np.linalg.norm(gradient.values)
        assert too_large["overlap"] == pytest.approx(overlap, abs=1e-8)
        assert too_large["cosine"] == pytest.approx(exact @ gradient.values / sizes, abs=1e-4)


def test_every_stencil_tells_and_a_warning_is_raised():
    with pytest.warns(NudgeWarning, match="β = 0.5 is too large here: it leads to another state"):
        crossing(0.5)
    assert told(crossing(0.5, stencil=qep.extrapolated)[1]) and not told(crossing(0.001, stencil=qep.symmetric)[1])


def test_the_command_line_writes_it_to_json(tmp_path):
    spec = tmp_path / "crossing.toml"
    spec.write_text(
        """
[network]
kind = "pauli"
terms = { h = { IZ = -1.0, ZI = -1.0 }, g = { IX = -1.0, XI = -1.0 } }
fixed = { ZZ = -1.0 }
outputs = [{ IZ = 1.0 }]
[weights]
h = 0.1
g = 0.2
[cost]
kind = "observable"
operator = { IZ = 1.0, ZI = 1.0 }
[stencil]
kind = "one_sided"
beta = 0.5
[preparation]
method = "exact"
"""
    )
    answer = CliRunner().invoke(cli, ["gradient", str(spec), "--json"])
    assert answer.exit_code == 0, answer.output
    diagnostics = json.loads(answer.stdout)["diagnostics"]
    assert diagnostics["too_large_beta"]["overlap"] == diagnostics["phases"][1]["overlap"] < 0.5
    assert any("is too large here" in text for text in diagnostics["warnings"])
    quiet = CliRunner().invoke(cli, ["gradient", str(spec), "--json", "--set", "stencil.beta=0.001"])
    assert "too_large_beta" not in json.loads(quiet.stdout)["diagnostics"]


@pytest.mark.parametrize("seed", range(12))
def test_ordinary_networks_are_silent(seed):
    rng = np.random.default_rng(seed)
    network = qep.ising(sites=6, edges=("chain", "ring")[seed % 2], inputs=[0], outputs=[5])
    couplings = network.num_weights - 12
    weights = np.r_[0.8 * rng.normal(size=couplings), 0.4 * rng.normal(size=6), 0.8 + 0.3 * rng.normal(size=6)]
    problem = qep.Problem(network, weights, x=[0.4], cost=qep.SquaredError([1.0]))
    assert not told(qep.gradient(problem, stencil=qep.symmetric(0.1)))
