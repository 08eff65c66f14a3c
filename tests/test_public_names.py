"""A walk over the public names: each noun can be made, each verb takes what another gives."""

import inspect

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

import qep_qiskit as qep
from qep_qiskit import runs
from qep_qiskit.drawing.picture import file_bytes
from qep_qiskit.report import budget_page as page
from qep_qiskit.report import figures

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
WEIGHTS = NETWORK.initial_weights(seed=3)
PROBLEM = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=qep.SquaredError([0.4]))
RAMP = qep.Adiabatic(time=4, steps=12)
SHOTS = {"preparer": RAMP, "stencil": qep.symmetric(0.2), "device": qep.simulator(seed=1), "shots": 200, "seed": 1}


def error_of(make):
    with pytest.raises(Exception) as error:
        make()
    return error.value


NOUNS = {
    "Adiabatic": lambda: RAMP,
    "AutoStencil": lambda: qep.symmetric("auto"),
    "Budget": lambda: qep.compare(PROBLEM, **SHOTS),
    "Certificate": lambda: qep.certify(PROBLEM),
    "DegenerateGroundStateError": lambda: error_of(
        lambda: qep.gradient(qep.Problem(NETWORK, [1, 0, 0, 0, 0], x=[0.0], cost=qep.SquaredError([0.4])))
    ),
    "Estimate": lambda: qep.gradient(PROBLEM)["g[0]"],
    "Exact": qep.Exact,
    "ExpectationCost": lambda: qep.ExpectationCost(lambda v: float(v @ v), lambda v: 2 * v),
    "Forecast": lambda: qep.forecast(PROBLEM, **SHOTS),
    "Gradient": lambda: qep.gradient(PROBLEM),
    "InputError": lambda: error_of(lambda: qep.ising(sites=0, outputs=[0])),
    "Interval": lambda: qep.certify(PROBLEM)["g[0]"],
    "LinearCost": lambda: qep.LinearCost([1.0]),
    "MPS": lambda: qep.MPS(4),
    "MeanField": qep.MeanField,
    "Network": lambda: NETWORK,
    "ObservableCost": lambda: qep.ObservableCost({"ZI": 1.0}),
    "OptimalShots": lambda: qep.optimal_shots(100),
    "Outcomes": lambda: qep.execute(qep.plan(PROBLEM)),
    "Plan": lambda: qep.plan(PROBLEM).plan,
    "PreparationError": lambda: qep.PreparationError("no state"),
    "Problem": lambda: PROBLEM,
    "Pullback": lambda: qep.vjp(NETWORK, WEIGHTS, [0.5], [1.0]),
    "QEPClassifier": lambda: qep.QEPClassifier(hidden=0, epochs=1).fit([[-1.0], [1.0]], [0, 1]),
    "QEPRegressor": lambda: qep.QEPRegressor(hidden=0, epochs=1).fit([[-1.0], [1.0]], [0.0, 1.0]),
    "Rung": lambda: qep.compare(PROBLEM, **SHOTS)["exact"],
    "Split": lambda: qep.Split([[100, 100]]),
    "SquaredError": lambda: qep.SquaredError([0.4]),
    "SquaredErrorObservable": lambda: qep.SquaredError([0.4]).observable(),
    "Stencil": lambda: qep.one_sided(0.1),
    "Term": lambda: NETWORK.terms[0],
    "Thermal": lambda: qep.Thermal(1.0),
    "TrainingResult": lambda: qep.train(NETWORK, [[0.5]], [0.4], epochs=1),
    "VQE": lambda: qep.VQE(layers=1),
}
VERBS = {
    "aer": lambda: qep.aer(seed=1),
    "certify": lambda: qep.certify(PROBLEM, **SHOTS),
    "circuits": lambda: qep.circuits(PROBLEM, preparer=RAMP),
    "compare": lambda: qep.compare(PROBLEM, **qep.forecast(PROBLEM, **SHOTS).settings),
    "curved": lambda: qep.Adiabatic(schedule=qep.curved(20)),
    "device_named": lambda: qep.device_named("simulator"),
    "elastic": lambda: qep.elastic(sites=2, outputs=[1]),
    "exact_gradient": lambda: qep.exact_gradient(PROBLEM),
    "execute": lambda: qep.execute(qep.forecast(PROBLEM, **SHOTS)),
    "extrapolated": lambda: qep.extrapolated(0.1),
    "fake": lambda: qep.fake("torino"),
    "forecast": lambda: qep.forecast(PROBLEM, **qep.plan(PROBLEM, **SHOTS).settings),
    "gradient": lambda: qep.gradient(PROBLEM, warm_start=qep.gradient(PROBLEM)),
    "gradients": lambda: qep.gradients([PROBLEM, PROBLEM], **SHOTS),
    "ibm": lambda: qep.ibm,
    "ising": lambda: NETWORK,
    "load_result": lambda: qep.load_result,
    "named": lambda: qep.named("cost", lambda y: qep.SquaredError(y)),
    "one_sided": lambda: qep.one_sided(0.1),
    "optimal_shots": lambda: qep.optimal_shots(100),
    "oscillators": lambda: qep.oscillators(sites=2, outputs=[1]),
    "pauli": lambda: qep.pauli(terms=PROBLEM.hamiltonian, outputs=["ZI"]),
    "phase_oscillators": lambda: qep.phase_oscillators(sites=2, outputs=[1]),
    "plan": lambda: qep.plan(PROBLEM, target_error=0.1),
    "reduce": lambda: qep.reduce(qep.execute(qep.plan(PROBLEM, **SHOTS))),
    "resistors": lambda: qep.resistors(sites=3, inputs=[0], outputs=[1], ground=[2]),
    "simulator": lambda: qep.simulator(seed=1),
    "softmax_cross_entropy": lambda: qep.softmax_cross_entropy(0),
    "statevector": lambda: qep.statevector(seed=1),
    "symmetric": lambda: qep.symmetric(0.1),
    "train": lambda: qep.train(NETWORK, [[0.5]], [0.4], epochs=1, **qep.plan(PROBLEM, **SHOTS).settings),
    "variational_gradient": lambda: qep.variational_gradient(PROBLEM, qep.VQE(layers=1)),
    "vjp": lambda: qep.vjp(NETWORK, WEIGHTS, [[0.5], [0.1]], [1.0], **SHOTS),
}


def test_the_walk_passes_every_public_name():
    assert set(qep.__all__) == set(NOUNS) | set(VERBS)
    assert set(qep.__all__) <= set(dir(qep))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NOUNS)
def test_each_noun_can_be_made(name):
    value, cls = NOUNS[name](), getattr(qep, name)
    assert inspect.isclass(cls) and isinstance(value, cls)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", VERBS)
def test_each_verb_takes_what_others_give(name):
    assert VERBS[name]() is not None
    assert getattr(qep, name).__doc__


@pytest.mark.parametrize("cost", [qep.SquaredError([0.4]), qep.SquaredError([0.4]).observable()], ids=["two rounds", "one"])
@pytest.mark.parametrize("options", [{}, {**SHOTS, "mitigation": "tensored"}], ids=["exact", "shots"])
@pytest.mark.filterwarnings("ignore")
def test_a_forecast_is_executed_and_reduced(cost, options):
    problem = qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=cost)
    forecast = qep.plan(problem, **options)
    assert forecast == qep.forecast(problem, **options)
    direct = qep.gradient(problem, **forecast.settings)
    outcomes = qep.execute(forecast)
    device = forecast.settings["device"]
    for gradient in (
        qep.reduce(outcomes),
        qep.reduce(forecast, outcomes),
        qep.reduce(outcomes.plan, outcomes),
        qep.reduce(qep.execute(forecast.plan, device)),
    ):
        assert gradient == direct
    if options:
        raw = qep.reduce(outcomes, mitigation="none")
        assert raw == qep.gradient(problem, **{**forecast.settings, "mitigation": "none"}) or raw.provenance["mitigation"]


@pytest.mark.filterwarnings("ignore")
def test_a_forecast_of_shared_out_shots_is_executed():
    forecast = qep.plan(PROBLEM, **{**SHOTS, "shots": qep.optimal_shots(500), "stencil": qep.symmetric("auto")})
    assert qep.reduce(qep.execute(forecast)) == qep.gradient(PROBLEM, **forecast.settings)


@pytest.mark.parametrize(
    "call",
    [
        lambda odd: qep.execute(odd),
        lambda odd: qep.reduce(odd),
        lambda odd: qep.reduce(qep.plan(PROBLEM), odd),
        lambda odd: qep.gradient(odd),
        lambda odd: qep.gradients(odd),
        lambda odd: qep.gradients([odd]),
        lambda odd: qep.compare(odd),
        lambda odd: qep.plan(odd),
        lambda odd: qep.forecast(odd),
        lambda odd: qep.circuits(odd),
        lambda odd: qep.exact_gradient(odd),
        lambda odd: qep.variational_gradient(odd, qep.VQE()),
        lambda odd: qep.vjp(odd, WEIGHTS, [0.5], [1.0]),
        lambda odd: qep.vjp(NETWORK, WEIGHTS, [0.5], odd),
        lambda odd: qep.train(odd),
        lambda odd: qep.Problem(odd, WEIGHTS, cost=qep.SquaredError([0.4])),
        lambda odd: qep.Problem(NETWORK, WEIGHTS, x=[0.5], cost=odd),
        lambda odd: qep.gradient(PROBLEM, preparer=odd),
        lambda odd: qep.gradient(PROBLEM, stencil=odd),
        lambda odd: qep.gradient(PROBLEM, warm_start=odd),
        lambda odd: figures.figure(odd),
    ],
)
@pytest.mark.parametrize("odd", [object(), "word", 3.5, np.zeros(2), PROBLEM.__class__])
def test_mismatched_input_gives_one_line(call, odd):
    with pytest.raises(qep.InputError) as error:
        call(odd)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("preparer", [qep.Exact(), qep.VQE(layers=1), RAMP], ids=lambda p: type(p).__name__)
def test_circuits_prepare_the_states_of_each_phase(preparer):
    circuits = qep.circuits(PROBLEM, preparer=preparer, stencil=qep.extrapolated(0.1), seed=1)
    assert [circuit.metadata["beta"] for circuit in circuits] == list(qep.extrapolated(0.1).phases)
    assert not any(circuit.parameters or circuit.num_clbits for circuit in circuits)
    output = NETWORK.outputs[0]
    free = Statevector(circuits[0]).expectation_value(output).real
    grad = qep.gradient(PROBLEM, preparer=preparer, stencil=qep.extrapolated(0.1), seed=1)
    assert free == pytest.approx(grad.predictions[0], abs=1e-7)
    derivative = NETWORK.terms[0].operator
    factors = qep.extrapolated(0.1).phase_factors
    by_hand = sum(
        s * Statevector(circuit).expectation_value(derivative).real for s, circuit in zip(factors, circuits, strict=True)
    )
    assert by_hand == pytest.approx(grad["J[0,1]"].value, abs=1e-5)


def test_networks_without_qubits_have_no_circuits():
    network = qep.oscillators(sites=2, outputs=[1])
    with pytest.raises(qep.InputError, match="has no qubits"):
        qep.circuits(qep.Problem(network, [1.0, 1.0, 1.0], cost=qep.SquaredError([0.0])))


@pytest.mark.filterwarnings("ignore")
def test_pictures_and_pages_take_the_public_budget():
    budget = qep.compare(PROBLEM, **SHOTS)
    one, other = (file_bytes(figures.figure(source), "png") for source in (budget, budget.to_dict()))
    assert one == other
    assert page.page(budget)[:300] == page.page(budget.to_dict())[:300]


def test_verbs_of_runs_are_listed():
    assert {"submit", "status", "collect", "cancel", "open_run"} <= set(dir(runs))
    assert all(callable(getattr(runs, name)) for name in runs.__all__)
