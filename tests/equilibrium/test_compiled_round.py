"""A compiled round: its jobs, its price and the deal of its samples."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.devices.price import JOB_SECONDS
from qep_qiskit.equilibrium import execute, plan
from qep_qiskit.equilibrium.all_rounds import compile_rounds, price_of_rounds, rounds_of
from qep_qiskit.equilibrium.compiled_round import compile_round
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.settings import Settings

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
WEIGHTS = NETWORK.initial_weights(seed=7)
OBSERVABLE = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([1.0]).observable())
EXPECTATION = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([1.0]))
SPLIT = qep.Split([[200, 0], [900, 300], [900, 300]], calibration=50)


def planned(problem=OBSERVABLE, device=None, **options):
    settings = {"stencil": qep.symmetric(0.2), "shots": 400, "mitigation": "tensored", "device": device, **options}
    return plan(problem, Settings(**settings))


@pytest.mark.parametrize(
    ("options", "together", "jobs"),
    [
        ({}, True, [("data", 400)]),
        ({}, False, [("data", 400), ("calibration", 400)]),
        ({"calibration_shots": 50}, True, [("calibration", 50), ("data", 400)]),
        ({"shots": SPLIT}, True, [("calibration", 50), ("data-200", 200), ("data-300", 300), ("data-900", 900)]),
        ({"mitigation": "none"}, True, [("data", 400)]),
    ],
)
def test_one_job_per_number_of_shots(options, together, jobs):
    compiled = compile_round([planned(**options)], qep.statevector())
    assert [(job.purpose, job.shots) for job in compiled.jobs(together=together)] == jobs
    numbers = sorted(number for job in compiled.jobs(together=together) for number in job.numbers)
    assert numbers == list(range(len(compiled.measurements)))


@pytest.mark.parametrize("mitigation", ["tensored", "zne:1,3+trex"])
def test_samples_are_dealt_to_their_plan_and_phase(mitigation):
    device = qep.simulator(noise="fake_torino", seed=3)
    plans = [planned(device=device, mitigation=mitigation, seed=seed) for seed in (5, 5)]
    compiled = compile_round(plans, device)
    answers = []
    for item in compiled.measurements:
        answers += zip(item.rows, device.distribution([item.work])[0], strict=True)
    outcomes = compiled.deal.outcomes(answers, device.describe())
    assert len(outcomes) == 2
    for got in outcomes:
        expected = execute(planned(device=device, mitigation=mitigation, shots=None, seed=5), device)
        assert got.samples.keys() == expected.samples.keys() and got.amplified.keys() == expected.amplified.keys()
        for where, samples in expected.samples.items():
            # every plan draws its sets of flips in an order of its own
            np.testing.assert_allclose(np.sort(got.samples[where].weights), np.sort(samples.weights), atol=1e-12)
        assert got.calibrations[0].qubits == expected.calibrations[0].qubits


def test_the_second_round_keeps_the_layout_and_is_not_calibrated_again():
    device = qep.fake("torino", seed=1)
    first = planned(EXPECTATION, device)
    rounds = rounds_of(first)
    one, two = compile_rounds(rounds, device)
    assert one.deal.calibrated and not two.deal.calibrated and two.deal.start == one.deal.start
    price = price_of_rounds(rounds, device)
    assert price == one.price(device) + two.price(device)
    assert price.jobs == 2 and price.seconds > 2 * JOB_SECONDS
    assert price.shots == 400 * price.circuits == 400 * (one.circuits + two.circuits + 2)
    batch = price_of_rounds(rounds, device, samples=10)
    assert batch.jobs == 2 and batch.circuits == 10 * (one.circuits + two.circuits) + 2


ENDS_DIAGONAL = """OPENQASM 3.0;
include "stdgates.inc";
input float[64] a;
input float[64] b;
qubit[2] q;
ry(a) q[0];
ry(b) q[1];
cx q[0], q[1];
ry(0.3) q[0];
ry(b) q[1];
cz q[0], q[1];
"""


@pytest.mark.parametrize("name", ["aer", "fake_torino", "simulator"])
@pytest.mark.parametrize("mitigation", ["none", "zne:1,3", "trex"])
def test_gates_that_a_basis_cannot_see_are_not_sent(name, mitigation, tmp_path):
    path = tmp_path / "ansatz.qasm"
    path.write_text(ENDS_DIAGONAL)
    device = qep.device_named(name)
    one = planned(preparer=qep.VQE(ansatz=path, starts=1, tolerance=1e-2), device=device, mitigation=mitigation)
    compiled = compile_round([one], device)
    two = {}
    for item in compiled.data:
        if item.rows[0].factor == 1:
            two[item.work.axes] = item.work.compiled.circuit.num_nonlocal_gates()
    assert two == {"ZZ": 1, "XX": 2}
    assert sorted(summary["two_qubit_gates"] for summary in compiled.deal.summaries) == [1, 2]


def test_the_outcomes_without_noise_stay_the_same(tmp_path):
    path = tmp_path / "ansatz.qasm"
    path.write_text(ENDS_DIAGONAL)
    device = qep.aer(seed=1)
    one = planned(preparer=qep.VQE(ansatz=path, starts=1, tolerance=1e-2), device=device, mitigation="none", shots=None)
    [gradient, exact] = [reduce(one, execute(one, some)) for some in (device, qep.statevector())]
    np.testing.assert_allclose(gradient.values, exact.values, atol=1e-10)
