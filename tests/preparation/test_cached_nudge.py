"""The nudge's own ramp after that of H: states against dense exponentials, circuits, gates, and what is computed once."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy.linalg import expm

import qep_qiskit as qep
from qep_qiskit.ansatz.schedules import schedule_of
from qep_qiskit.cli.main import cli
from qep_qiskit.equilibrium.second_round import advance
from qep_qiskit.errors import InputError

NETWORK = qep.ising(sites=3, edges="chain", outputs=[2])
WEIGHTS = NETWORK.initial_weights(seed=7)
ZXZ = {"ZXZ": -1.0}
COSTS = {"squared_error": qep.SquaredError([1.0]), "observable": qep.ObservableCost(ZXZ)}
STENCIL = qep.symmetric(0.1)


def problem(cost="squared_error"):
    return qep.Problem(NETWORK, WEIGHTS, cost=COSTS[cost])


def prepared_of(cost, preparer):
    plan = qep.plan(problem(cost), preparer=preparer, stencil=STENCIL).plan
    return plan.prepared


def test_states_are_those_of_a_ramp_of_h_and_then_one_of_the_nudge():
    ramp = qep.Adiabatic(time=2.0, steps=300, nudge_time=1.5, nudge_steps=200, nudge_schedule="quintic")
    prepared = prepared_of("observable", ramp)
    h = problem().hamiltonian.to_matrix()
    start = sum(-SparsePauliOp("I" * (2 - q) + "X" + "I" * q).to_matrix() for q in range(3))
    signs = np.sign([problem().weights[NETWORK.names.index(f"g[{q}]")] for q in range(3)])
    assert (signs > 0).all()  # H has −g X, so that the ramp starts from −X
    nudge = SparsePauliOp(["ZXZ"], [-1.0]).to_matrix()
    state = np.linalg.eigh(start)[1][:, 0].astype(complex)
    fine, cosine, quintic = 400, schedule_of("cosine"), schedule_of("quintic")
    middles = (np.arange(fine) + 0.5) / fine
    for share in cosine(middles):
        state = expm(-1j * 2.0 / fine * ((1 - share) * start + share * h)) @ state
    for phase, beta in enumerate(STENCIL.phases):
        end = state
        for share in quintic(middles) if beta else ():
            end = expm(-1j * 1.5 / fine * (h + share * beta * nudge)) @ end
        assert abs(np.vdot(end, prepared.states()[phase])) ** 2 == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("cost", COSTS)
def test_the_free_circuit_is_the_first_part_of_every_nudged_circuit(cost, order):
    ramp = qep.Adiabatic(time=2.0, steps=6, order=order, nudge_time=1.0)
    first = qep.plan(problem(cost), preparer=ramp, stencil=STENCIL).plan
    parts = [first] if first.complete else [first, advance(first, np.array([0.3]))]
    groups = [group for part in parts for group in part.prepared.circuits()]
    free, nudged = (group.circuit for group in groups)
    assert list(nudged.data)[: len(free.data)] == list(free.data)
    assert len(free.data) < len(nudged.data)
    assert {p.name[0] for p in free.parameters} == {"c"} and {p.name[0] for p in nudged.parameters} == {"c", "d"}
    for part in parts:
        for group in part.prepared.circuits():
            for phase, row in zip(group.phases, group.values, strict=True):
                state = Statevector(group.circuit.assign_parameters(row)).data
                assert abs(np.vdot(state, part.prepared.states()[phase])) ** 2 == pytest.approx(1, abs=1e-12)


def test_a_nudge_that_h_does_not_have_costs_the_free_circuit_nothing():
    groups = prepared_of("observable", qep.Adiabatic(time=2.0, steps=6, nudge_time=1.0)).circuits()
    free, nudged = (group.circuit.count_ops() for group in groups)
    assert free == {"h": 3, "rzz": 12, "rz": 18, "rx": 18}
    assert nudged["rzz"] == 12 + 2 * 3  # one layer of couplings in each of three more steps
    assert nudged["cx"] == 2 * 2 * 2 * 3  # two half steps of ZXZ, of four CX each, in each of these


def test_simulators_prepare_the_free_state_once(monkeypatch):
    from qep_qiskit.ansatz import nudge_ramp

    calls = []

    def counted(ramp, rows, *arguments, **options):
        calls.append(len(rows))
        return ramp_states(ramp, rows, *arguments, **options)

    ramp_states = nudge_ramp.ramp_states
    monkeypatch.setattr(nudge_ramp, "ramp_states", counted)
    for cost in COSTS:
        calls.clear()
        ramp = qep.Adiabatic(time=3.0, steps=12, nudge_time=2.0)
        qep.gradient(problem(cost), preparer=ramp, stencil=qep.extrapolated(0.1), shots=100, device=qep.statevector(), seed=1)
        assert sum(calls) == 1


@pytest.mark.parametrize("cost", COSTS)
def test_a_slow_nudge_gives_the_gradient_of_the_ground_state(cost):
    exact = qep.exact_gradient(problem(cost))
    ramp = qep.Adiabatic(time=30.0, steps=200, schedule="quintic", nudge_time=20.0)
    gradient = qep.gradient(problem(cost), preparer=ramp, stencil=qep.symmetric(0.02))
    assert np.linalg.norm(gradient.values - exact.values) < 0.03 * np.linalg.norm(exact.values)
    assert gradient.provenance["preparer"]["nudge"] == {"time": 20.0, "steps": 134, "schedule": "quintic", "curvature": 0.0}


def test_the_limit_of_small_nudges_is_that_of_the_same_ramps():
    ramp = qep.Adiabatic(time=3.0, steps=30, nudge_time=2.0)
    small, usual = (qep.gradient(problem(), preparer=ramp, stencil=qep.symmetric(b)) for b in (1e-3, 0.1))
    np.testing.assert_allclose(usual.diagnostics.beta_bias["limit"], small.values, atol=3e-5)


SPEC = """
[network]
kind = "ising"
sites = 3
outputs = [2]
[cost]
kind = "squared_error"
[sample]
y = 1
[preparation]
method = "adiabatic"
time = 3.0
steps = 6
nudge_time = 1.0
nudge_schedule = "quintic"
[stencil]
kind = "symmetric"
beta = 0.2
[measurement]
shots = 1000
[device]
name = "simulator"
"""


def test_a_spec_plans_and_measures_it_with_the_right_gates(tmp_path):
    path = tmp_path / "cached.toml"
    path.write_text(SPEC)
    answer = CliRunner().invoke(cli, ["gradient", str(path), "--json"])
    assert answer.exit_code == 0, answer.output
    document = json.loads(answer.stdout)
    assert document["provenance"]["preparer"]["nudge"] == {"time": 1.0, "steps": 2, "schedule": "quintic", "curvature": 0.0}
    gates = sorted({circuit["two_qubit_gates"] for circuit in document["provenance"]["circuits"]})
    assert gates[0] < gates[-1]
    answer = CliRunner().invoke(cli, ["gradient", str(path), "--set", "preparation.nudge_time=-1"])
    assert answer.exit_code == 2 and "nudge_time" in answer.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nudge_time": 0}, "nudge_time: 0 is not allowed"),
        ({"nudge_time": "1"}, "nudge_time: '1' is not allowed"),
        ({"nudge_steps": 4}, "nudge_steps: goes with nudge_time only"),
        ({"nudge_schedule": "cosine"}, "nudge_schedule: goes with nudge_time only"),
        ({"nudge_time": 1.0, "nudge_steps": 0}, "nudge_steps: 0 is not allowed"),
        ({"nudge_time": 1.0, "nudge_schedule": "cosin"}, "nudge_schedule: unknown 'cosin'"),
    ],
    ids=str,
)
def test_an_invalid_option_gives_one_line(options, message):
    with pytest.raises(InputError, match=message) as caught:
        qep.Adiabatic(**options)
    assert "\n" not in str(caught.value)
