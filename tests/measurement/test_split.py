"""Shots of each phase and basis: they reach the device and the covariance, and a wrong table is one clear line."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.equilibrium import execute, plan
from qep_qiskit.equilibrium.compiled_round import compile_round
from qep_qiskit.errors import InputError
from qep_qiskit.runs.plan_documents import from_document, to_document
from qep_qiskit.settings import Settings

NETWORK = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]).observable())
SPLIT = qep.Split([[200, 0], [900, 300], [900, 400]], calibration=50)
STENCIL = qep.symmetric(0.2)


def test_flips_share_a_circuits_shots():
    outcomes = execute(plan(PROBLEM, Settings(preparer=qep.Exact(), stencil=STENCIL, shots=SPLIT, mitigation="trex")), None)
    rounded = {where: 8 * -(-int(n) // 8) for where, n in np.ndenumerate(SPLIT.table) if n}
    assert {where: s.shots for where, s in outcomes.samples.items()} == rounded


@pytest.mark.parametrize("device", [qep.statevector(seed=3), qep.simulator(seed=3)], ids=lambda d: d.name)
def test_every_circuit_gets_its_own_shots(device):
    planned = plan(PROBLEM, Settings(stencil=STENCIL, shots=SPLIT, mitigation="tensored"))
    outcomes = execute(planned, device)
    assert {where: s.shots for where, s in outcomes.samples.items()} == {
        (0, 0): 200, (1, 0): 900, (1, 1): 300, (2, 0): 900, (2, 1): 400
    }  # fmt: skip
    assert outcomes.calibrations[0].zeros.shots == 50


def test_the_error_bar_knows_the_split():
    few, many = (qep.Split([[200, 0], [5000, n], [5000, n]]) for n in (500, 50_000))
    a, b = (qep.gradient(PROBLEM, stencil=STENCIL, shots=s, seed=1).stderr for s in (few, many))
    ratio = dict(zip(NETWORK.names, a / b, strict=True))
    assert ratio["g[1]"] == pytest.approx(10, rel=0.1)  # read in X
    assert ratio["J[0,1]"] == pytest.approx(1, rel=0.05)  # read in Z


def test_an_even_split_is_one_number():
    even = qep.gradient(PROBLEM, stencil=STENCIL, shots=qep.Split([[300, 0], [300, 300], [300, 300]]), seed=4)
    one = qep.gradient(PROBLEM, stencil=STENCIL, shots=300, seed=4)
    np.testing.assert_array_equal(even.values, one.values)


def test_a_cost_of_expectations_keeps_the_split_in_its_second_round():
    problem = qep.Problem(NETWORK, PROBLEM.weights, x=[0.5], cost=qep.SquaredError([1.0]))
    planned = qep.gradient(problem, stencil=STENCIL, shots=SPLIT)
    assert planned.provenance["shots_total"] == 200 + 900 + 300 + 900 + 400
    assert planned.provenance["split"] == [[200, 0], [900, 300], [900, 400]]


def test_pubs_are_grouped_by_shots():
    device = qep.simulator()
    compiled = compile_round([plan(PROBLEM, Settings(preparer=qep.VQE(layers=1), stencil=STENCIL, shots=SPLIT))], device)
    sizes = {(item.work.axes, item.shots): len(item.rows) for item in compiled.data}
    assert sizes == {("ZZZ", 200): 1, ("ZZZ", 900): 2, ("XXX", 300): 1, ("XXX", 400): 1}


def test_a_plan_with_a_split_is_stored_as_a_document():
    planned = plan(PROBLEM, Settings(stencil=STENCIL, shots=SPLIT))
    again = from_document(to_document(planned), PROBLEM, Settings(stencil=STENCIL))
    np.testing.assert_array_equal(again.split, planned.split)
    old = {key: value for key, value in to_document(planned).items() if key != "split"}
    assert from_document(old, PROBLEM, Settings(stencil=STENCIL)).split is None


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([[10, 10]], "1 phase × 2 bases, but the gradient has 3 phases × 2 bases"),
        ([[10, 0], [10, 1], [10, 10]], "phase 1 in basis 1 has 1 shots"),
        ([[10, 0], [10], [10, 10]], "all rows of one length"),
        ([[10, 0.5]], "0.5 is not allowed"),
        (3, "not a table"),
        ([[-1]], "-1 is not allowed"),
        ([[10**13]], "from 0 to 1000000000000"),
        ([[0, 0]], "has no shots"),
    ],
)
def test_a_wrong_split(table, words):
    with pytest.raises(InputError, match="split: ") as caught:
        qep.gradient(PROBLEM, stencil=STENCIL, shots=qep.Split(table))
    assert words in str(caught.value)


@pytest.mark.parametrize("shots", [None, 0, 2.5])
def test_a_wrong_budget(shots):
    with pytest.raises(InputError, match="shots: "):
        qep.optimal_shots(shots)
