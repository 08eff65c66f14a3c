"""qep.vjp against finite differences of the predictions, for every kind of input, and for batches."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit import errors as qep_errors
from qep_qiskit.verbs.predictions import predictions

ENTANGLED = {
    "terms": {"gX": {"XII": -1, "IXI": -1}, "c": ({"ZZI": -1.0}, 0), "d": {"IIX": -1, "YYI": 0.3}},
    "fixed": {"ZII": -0.3, "IZZ": 0.4},
    "inputs": [{"IYI": 0.5, "IIZ": 1}, None, {"XXI": 0.2}],
    "outputs": [{"IIZ": 1}, {"YIY": 1.0, "ZZI": 0.5}],
}
CASES = {
    "fields": (qep.ising(sites=4, edges="ring", inputs=[0, 1], outputs=[2, 3]), [0.3, -0.4]),
    "clamped": (
        qep.ising(sites=5, edges=[(0, 2), (1, 2), (0, 3), (2, 3), (3, 4)], inputs=[0, 1], outputs=[2, 4], clamp=True),
        [0.3, 0.0],
    ),
    "phases": (qep.phase_oscillators(sites=4, edges="chain", inputs=[0], outputs=[2, 3], clamp=True), [0.6]),
    "oscillators": (qep.oscillators(sites=3, inputs=[0], outputs=[1, 2], biases=True), [0.6]),
    "springs": (qep.elastic(sites=3, inputs=[0], outputs=[1, 2]), [0.6]),
    "voltages": (
        qep.resistors(sites=4, edges=[(0, 2), (1, 2), (1, 3), (2, 3)], inputs=[0, 1], outputs=[2, 3]),
        [0.6, 0.0],
    ),
    "currents": (
        qep.resistors(sites=4, edges="chain", inputs=[0], outputs=[1, 2], ground=[3], clamp=False),
        [0.6],
    ),
    "pauli": (qep.pauli(**ENTANGLED), [0.5, 0.2, 0.1]),
}
COTANGENT = np.array([0.7, -1.2])


def answer(network, weights, x, **options):
    return predictions(network, weights, [x], **options)[0][0]


def differences(function, point, step=1e-3):
    """Derivatives by central differences of fourth order."""
    steps = step * np.eye(len(point))
    near = np.array([function(point + e) - function(point - e) for e in steps])
    far = np.array([function(point + 2 * e) - function(point - 2 * e) for e in steps])
    return (8 * near - far) / (12 * step)


def derivatives(network, weights, x, cotangent, step=1e-3, **options):
    def loss(point):
        return cotangent @ answer(network, point[: network.num_weights], point[network.num_weights :], **options)

    return differences(loss, np.concatenate([network.weight_vector(weights), x]), step)


@pytest.mark.parametrize("name", CASES)
def test_the_exact_pullback_is_the_derivative_of_the_predictions(name):
    network, x = CASES[name]
    weights = network.initial_weights(seed=3)
    pulled = qep.vjp(network, weights, x, COTANGENT)
    expected = derivatives(network, weights, x, COTANGENT)
    assert np.abs(expected[network.num_weights :]).max() > 0.01
    np.testing.assert_allclose(np.concatenate([pulled.weights, pulled.inputs]), expected, atol=1e-8)
    assert pulled.weights_stderr is None and pulled.inputs_stderr is None


def test_oscillators_on_qubits_approach_the_closed_form():
    options = {"sites": 2, "inputs": [0], "outputs": [1], "biases": True}
    weights, exact = [0.3, 1.0, 1.2, 0.1, -0.2], qep.oscillators(**options)
    pulled = qep.vjp(qep.oscillators(**options, levels=16), weights, [0.6], [0.7])
    expected = qep.vjp(exact, weights, [0.6], [0.7])
    np.testing.assert_allclose(pulled.weights, expected.weights, atol=1e-6)
    np.testing.assert_allclose(pulled.inputs, expected.inputs, atol=1e-6)


def test_a_variational_layer_is_the_derivative_of_its_own_predictions():
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[1, 2])
    weights, x = network.initial_weights(seed=4), [0.4]
    vqe = qep.VQE(layers=1, tolerance=1e-9, regulariser=1e-9)  # its scale is the largest weight
    pulled = qep.vjp(network, weights, x, COTANGENT, preparer=vqe)
    expected = derivatives(network, weights, x, COTANGENT, step=0.02, preparer=vqe)
    np.testing.assert_allclose(np.concatenate([pulled.weights, pulled.inputs]), expected, atol=1e-5)


def test_a_batch_is_the_list_of_its_samples():
    network, _ = CASES["clamped"]
    weights = network.initial_weights(seed=3)
    x, cotangents = np.linspace(-1, 1, 6).reshape(3, 2), [[1.0, 0.0], [0.0, 0.0], [0.5, 2.0]]
    pulled = qep.vjp(network, weights, x, cotangents)
    assert pulled.weights.shape == (3, network.num_weights) and pulled.inputs.shape == (3, 2)
    for i in (0, 2):
        alone = qep.vjp(network, weights, x[i], cotangents[i])
        np.testing.assert_allclose(pulled.weights[i], alone.weights, atol=1e-9)
        np.testing.assert_allclose(pulled.inputs[i], alone.inputs, atol=1e-9)
    assert not pulled.weights[1].any() and pulled.gradients[1] is None
    per_sample = qep.vjp(network, np.tile(network.weight_vector(weights), (3, 1)), x[0], [1.0, 0.0])
    np.testing.assert_allclose(per_sample.weights, np.tile(pulled.weights[0], (3, 1)), atol=1e-9)


@pytest.mark.parametrize(
    ("x", "cotangent", "words"),
    [
        ([0.1], [1.0, 1.0], "x: got 1 values, expected 2"),
        ([0.1, 0.2], [1.0], "cotangent: got 1 values, expected 2"),
        ([0.1, 0.2], [1.0, np.nan], "cotangent: value 1 is nan"),
        (np.zeros((3, 2)), np.zeros((2, 2)), "x has 3, cotangent has 2 samples"),
        (np.zeros((0, 2)), [1.0, 1.0], "the batch is empty"),
        ([[0.1, 0.2], [np.nan, 0.0]], [1.0, 1.0], "^sample 1: x: value 0 is nan"),
        ([0.1, 0.2], [[1.0, 1.0], [1.0, 1.0], [1.0, np.inf]], "^sample 2: cotangent: value 1 is inf"),
    ],
)
def test_a_wrong_argument_is_named(x, cotangent, words):
    network, _ = CASES["fields"]
    with pytest.raises(qep.InputError, match=words):
        qep.vjp(network, network.initial_weights(seed=1), x, cotangent)


@pytest.mark.parametrize(
    ("preparer", "size"),
    [
        (qep.Exact(), 1e-300),
        (qep.Exact(), 1e300),
        (qep.VQE(layers=2), 3e4),
        (qep.MPS(), 1e-17),
        (qep.MPS(), 3e4),
        (qep.Adiabatic(time=4, steps=12), 1e-17),
    ],
    ids=lambda given: f"{given:g}" if isinstance(given, float) else type(given).__name__,
)
def test_a_pullback_grows_with_its_cotangent(preparer, size):
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[1, 2])
    weights = network.initial_weights(seed=3)
    one = qep.vjp(network, weights, [0.5], COTANGENT, preparer=preparer)
    pulled = qep.vjp(network, weights, [0.5], size * COTANGENT, preparer=preparer)
    accuracy = 0.003 if one.gradients[0].diagnostics.beta_bias else 1e-8  # of the stencil
    np.testing.assert_allclose(pulled.weights / size, one.weights, atol=accuracy)
    np.testing.assert_allclose(pulled.inputs / size, one.inputs, atol=accuracy)
    if isinstance(preparer, qep.MPS):
        (found,) = pulled.gradients
        stencil = qep.extrapolated(found.provenance["stencil"]["beta"])
        problem = qep.Problem(network, weights, [0.5], cost=qep.LinearCost(size * COTANGENT))
        again = qep.gradient(problem, stencil=stencil, preparer=preparer)
        np.testing.assert_allclose(found.values / size, again.values / size, atol=1e-6)
        assert found.loss == pytest.approx(again.loss, rel=1e-6)
        for name in ("values", "limit"):
            bias = [np.array(g.diagnostics.beta_bias[name]) / size for g in (found, again)]
            np.testing.assert_allclose(*bias, atol=1e-6)
        assert [p.beta for p in found.diagnostics.phases] == [p.beta for p in again.diagnostics.phases]


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
def test_a_cotangent_that_vanishes_beside_the_network_stops_nothing():
    network, x = CASES["fields"]
    pulled = qep.vjp(network, network.initial_weights(seed=1), x, 1e-30 * COTANGENT, stencil=qep.symmetric(0.3))
    assert np.abs(pulled.weights).max() < 1e-14


def test_the_weights_do_not_change_when_the_inputs_are_asked_for():
    network, x = CASES["clamped"]
    problem = qep.Problem(network, network.initial_weights(seed=3), x, cost=qep.SquaredError([1.0, -0.5]))
    options = {"stencil": qep.symmetric(0.2), "shots": 500, "seed": 1}
    plain, both = qep.gradient(problem, **options), qep.gradient(problem, inputs=True, **options)
    np.testing.assert_array_equal(plain.values, both.values)
    np.testing.assert_array_equal(plain.covariance, both.covariance)
    assert plain.provenance["executions"] == both.provenance["executions"]
    assert plain.input_values is None and plain.input_stderr is None
    assert (both["x[1]"].value, both["x[1]"].stderr) == (both.input_values[1], both.input_stderr[1])
    assert both["J[0,2]"] == plain["J[0,2]"]
    with pytest.raises(qep.InputError, match=r"^gradient: this network has no weight 'x\[1\]'.*"):
        plain["x[1]"]


@pytest.mark.parametrize("name", CASES)
def test_the_inputs_of_a_loss_are_differentiated(name):
    network, x = CASES[name]
    weights, cost = network.initial_weights(seed=3), qep.SquaredError([1.0, -0.5])

    def loss(point):
        return cost.value(answer(network, weights, point))

    problem = qep.Problem(network, weights, x, cost=cost)
    expected = differences(loss, np.array(x))
    np.testing.assert_allclose(qep.exact_gradient(problem, inputs=True).input_values, expected, atol=1e-8)
    measured = qep.gradient(problem, inputs=True, stencil=qep.extrapolated(0.003))
    np.testing.assert_allclose(measured.input_values, expected, atol=1e-4)


def test_an_input_in_another_basis_is_measured_in_it():
    network = qep.pauli(terms={"g": {"XI": -1.0, "IX": -1.0}, "J": "ZZ"}, inputs=["YI"], outputs=["IZ"], fixed={"ZI": 0.5})
    problem = qep.Problem(network, [1.0, 0.3], [0.4], cost=qep.LinearCost([1.0]))
    options = {"stencil": qep.symmetric(0.2), "shots": 500, "seed": 1}
    plain, both = qep.gradient(problem, **options), qep.gradient(problem, inputs=True, **options)
    assert both.provenance["executions"] > plain.provenance["executions"]
    exact = qep.gradient(problem, inputs=True, stencil=qep.symmetric(0.2))
    assert abs(both.input_values - exact.input_values) < 4.5 * both.input_stderr


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"preparer": qep.VQE(layers=1), "device": qep.simulator(noise="fake_guadalupe"), "mitigation": "tensored"},
        {"preparer": qep.Adiabatic(time=4, steps=12), "device": qep.aer()},
    ],
    ids=["VQE, noise, tensored", "ramp, Aer"],
)
def test_a_batch_goes_to_a_device_as_one_job(options, monkeypatch):
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[1, 2], clamp=True)
    weights, x, stencil = network.initial_weights(seed=4), [[0.4], [-0.8], [0.1]], qep.symmetric(0.2)
    jobs, sample = [], type(options["device"]).sample
    monkeypatch.setattr(
        type(options["device"]), "sample", lambda self, work, **rest: jobs.append(len(work)) or sample(self, work, **rest)
    )
    pulled = qep.vjp(network, weights, x, COTANGENT, stencil=stencil, shots=20_000, seed=1, **options)
    assert len(jobs) == (2 if "mitigation" in options else 1)  # the calibration has its own shots
    exact = qep.vjp(network, weights, x, COTANGENT, stencil=stencil, preparer=options["preparer"])
    distance = np.abs(pulled.inputs - exact.inputs)
    assert (distance < 4.5 * pulled.inputs_stderr + ("mitigation" in options) * 0.2).all()
    assert (pulled.inputs_stderr > 0).all() and (pulled.weights_stderr >= 0).all()


def test_a_large_bias_of_the_inputs_is_reported():
    network = qep.pauli(terms={"J": "ZZ", "g": {"XI": -1.0, "IX": -0.5}}, inputs=["ZI"], outputs=["IZ"], fixed={"IZ": -0.5})
    problem = qep.Problem(network, [0.4, 1.0], [0.3], cost=qep.LinearCost([1.0]))
    truth = qep.exact_gradient(problem, inputs=True).input_values
    with pytest.warns(qep_errors.NudgeWarning, match="bias of β"):
        grad = qep.gradient(problem, inputs=True, stencil=qep.one_sided(0.5))
    bias = np.linalg.norm(grad.input_values - truth) / np.linalg.norm(truth)
    assert grad.diagnostics.beta_bias["relative_of_inputs"] == pytest.approx(bias, rel=1e-6)
    words = grad_bias(problem).warnings_of_inputs(0.0)
    assert "of the gradient with respect to the inputs" in words[0]
    assert grad_bias(problem).warnings_of_inputs(1.0) == []


@pytest.mark.filterwarnings("ignore::qep_qiskit.errors.NudgeWarning")
@pytest.mark.parametrize("options", [{}, {"stencil": qep.symmetric(0.1)}, {"shots": 100}], ids=["limit", "stencil", "shots"])
@pytest.mark.parametrize("samples", [1, 2])
def test_unfinished_states_warn_however_they_are_measured(options, samples):
    network, x = CASES["fields"]
    x = x if samples == 1 else [x] * samples
    with pytest.warns(qep_errors.NudgeWarning, match="VQE at β = 0 stopped"):
        qep.vjp(network, network.initial_weights(seed=3), x, COTANGENT, preparer=qep.VQE(layers=1, max_iterations=2), **options)


def grad_bias(problem):
    return qep.plan(problem.with_inputs(), stencil=qep.one_sided(0.5)).plan.bias
