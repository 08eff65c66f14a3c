"""The layer for JAX against finite differences, under its transformations, and from shots."""

import subprocess
import sys
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.devices.statevector import StatevectorDevice
from qep_qiskit.jax import layer

NETWORKS = {
    "fields": qep.ising(sites=4, edges="chain", inputs=[0, 1], outputs=[2, 3]),
    "clamped": qep.ising(sites=4, edges=[(0, 2), (1, 2), (1, 3), (2, 3)], inputs=[0, 1], outputs=[2, 3], clamp=True),
    "oscillators": qep.oscillators(sites=3, edges="chain", inputs=[0, 1], outputs=[1, 2]),
    "pauli": qep.pauli(
        terms={"g": {"XI": -1, "IX": -1}, "J": {"ZZ": -1}, "d": {"YY": 0.4, "IZ": -1}},
        inputs=[{"IZ": -1}, {"XX": 0.5, "ZI": 1}],
        outputs=[{"IZ": 1}, {"ZI": 0.5, "XX": 1}],
    ),
}
X = np.array([[0.3, -0.5], [1.1, 0.2], [-0.4, 0.9]])
SMALL = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        yield


@dataclass(frozen=True, repr=False)
class Counting(StatevectorDevice):
    """The noise-free device, which notes the number of samples of every job."""

    jobs: list = field(default_factory=list)

    def sample(self, work, *, shots, seed):
        self.jobs.append(max(len(item.values) for item in work))
        return super().sample(work, shots=shots, seed=seed)


def differences(function, point, step=1e-3):
    """Derivatives by central differences of fourth order."""
    slopes = np.zeros(point.shape)
    for place in np.ndindex(point.shape):
        e = np.zeros(point.shape)
        e[place] = step
        near, far = function(point + e) - function(point - e), function(point + 2 * e) - function(point - 2 * e)
        slopes[place] = (8 * near - far) / (12 * step)
    return slopes


def first_weights(network):
    return network.weight_vector(network.initial_weights(seed=3))


def loss_of(predict):
    return lambda w, x: jnp.sum(jnp.sin(predict(w, x)) * jnp.array([1.0, -2.0]))


@pytest.mark.parametrize("name", NETWORKS)
def test_grad_equals_finite_differences(name):
    network, weights = NETWORKS[name], first_weights(NETWORKS[name])
    loss = loss_of(layer(network))
    of_weights, of_x = jax.grad(loss, (0, 1))(weights, X)
    np.testing.assert_allclose(of_weights, differences(lambda w: float(loss(w, X)), weights), atol=1e-6, rtol=0)
    np.testing.assert_allclose(of_x, differences(lambda x: float(loss(weights, x)), X), atol=1e-6, rtol=0)


def test_transformations_agree():
    network, weights = NETWORKS["fields"], first_weights(NETWORKS["fields"])
    predict = layer(network)
    loss = loss_of(predict)
    of_weights, of_x = jax.grad(loss, (0, 1))(weights, X)
    np.testing.assert_array_equal(jax.jit(jax.grad(loss))(weights, X), of_weights)
    one_by_one = [jax.grad(loss, (0, 1))(weights, x) for x in X]
    each = jax.jit(jax.vmap(jax.grad(loss, (0, 1)), (None, 0)))(weights, X)
    np.testing.assert_allclose(each[0], [w for w, _ in one_by_one], atol=1e-12)
    np.testing.assert_allclose(each[0].sum(axis=0), of_weights, atol=1e-12)
    np.testing.assert_allclose(each[1], of_x, atol=1e-12)
    several = jnp.stack([weights, weights + 0.1])
    table = jax.vmap(jax.vmap(predict, (None, 0)), (0, None))(several, X)
    assert table.shape == (2, 3, 2)
    np.testing.assert_allclose(table[1, 2], predict(weights + 0.1, X[2]), atol=1e-12)
    np.testing.assert_allclose(jax.vmap(predict, (0, None))(several, X), table, atol=1e-12)
    jacobian = jax.jacrev(predict)(weights, X[0])
    pulled = [qep.vjp(network, weights, X[0], v).weights for v in np.eye(2)]
    np.testing.assert_allclose(jacobian, pulled, atol=1e-12)


def test_predictions_have_the_type_of_the_arguments():
    predict = layer(SMALL)
    weights, x = np.array([1.0, 0.0, 0.0, 1.0, 1.0]), np.array([0.5])
    assert predict(weights, x).dtype == np.float64
    low = predict(weights.astype("float32"), x.astype("float32"))
    assert low.dtype == np.float32
    np.testing.assert_allclose(low, predict(weights, x), rtol=1e-6)
    slopes = jax.grad(lambda w, x: predict(w, x)[0], (0, 1))(weights.astype("float32"), x)
    assert [s.dtype for s in slopes] == [np.float32, np.float64]
    assert predict([1, 0, 0, 1, 1], [1]).shape == (1,)
    assert predict(weights, np.zeros((0, 1))).shape == (0, 1)


def test_a_vmap_of_64_samples_is_one_job_each_way():
    device = Counting()
    predict = layer(SMALL, device=device, shots=50, stencil=qep.symmetric(0.3))
    weights, samples = np.array([1.0, 0.0, 0.0, 1.0, 1.0]), np.linspace(-1, 1, 64)[:, None]
    jax.vmap(predict, (None, 0))(weights, samples).block_until_ready()
    assert device.jobs == [64]
    device.jobs.clear()
    jax.block_until_ready(jax.jit(jax.vmap(jax.grad(lambda w, x: predict(w, x)[0]), (None, 0)))(weights, samples))
    assert len(device.jobs) == 1, device.jobs  # the values of the predictions were not needed
    device.jobs.clear()
    jax.block_until_ready(jax.vmap(jax.value_and_grad(lambda w, x: predict(w, x)[0]), (None, 0))(weights, samples))
    assert len(device.jobs) == 2, device.jobs


def test_equal_arguments_give_equal_shots_and_others_do_not():
    predict = layer(SMALL, shots=200)
    weights = np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    assert predict(weights, [0.5]) == predict(weights, [0.5])
    near = jax.vmap(predict, (0, None))(weights + 1e-9 * np.arange(20)[:, None], np.array([0.5]))
    assert len(np.unique(near)) > 5
    apart = jnp.stack([predict(weights + 1e-9 * k, np.array([0.5])) for k in range(6)])
    assert len(np.unique(apart)) > 2
    assert layer(SMALL, shots=2000, seed=5)(weights, [0.5]) != layer(SMALL, shots=2000)(weights, [0.5])


@pytest.mark.slow
def test_the_scatter_of_a_gradient_from_shots_is_the_error_bar_of_vjp():
    weights, x, v = np.array([1.0, 0.2, -0.1, 1.0, 0.8]), np.array([0.5]), np.array([1.3])
    options = {"stencil": qep.symmetric(0.3), "shots": 400}
    true = qep.vjp(SMALL, weights, x, v, stencil=options["stencil"])
    bar = qep.vjp(SMALL, weights, np.tile(x, (50, 1)), v[None].repeat(50, 0), **options)
    pulls = []
    for seed in range(200):
        predict = layer(SMALL, seed=seed, **options)
        of_weights, of_x = jax.vjp(predict, weights, x)[1](v)
        pulls.append(
            [*(of_weights - true.weights) / bar.weights_stderr.mean(0), *(of_x - true.inputs) / bar.inputs_stderr.mean(0)]
        )
    pulls = np.array(pulls)
    assert np.abs(pulls.mean(axis=0)).max() < 4 / 200**0.5
    # each mean square of 200 pulls scatters by 0.1; a bar that is 0.8 times too small gives 1.56
    assert 0.7 < (pulls**2).mean() < 1.3, (pulls**2).mean(axis=0)


def test_errors_are_one_line_before_anything_runs():
    predict = layer(SMALL)
    with pytest.raises(qep.InputError, match=r"weights: shape \(4,\) is not allowed; its last axis must have 5 numbers"):
        predict(np.ones(4), [0.5])
    with pytest.raises(qep.InputError, match=r"x: shape \(\) is not allowed; its last axis must have 1 numbers"):
        predict(np.ones(5), 0.5)
    with pytest.raises(qep.InputError, match=r"x: shape \(3, 1\) does not fit weights of shape \(2, 5\)"):
        predict(np.ones((2, 5)), np.ones((3, 1)))
    with pytest.raises(TypeError, match=r"layer\(\) got an unexpected keyword argument 'shot'; did you mean 'shots'"):
        layer(SMALL, shot=3)
    with pytest.raises(qep.InputError, match="shots: .* is not allowed for a layer"):
        layer(SMALL, shots=qep.optimal_shots(1000))
    with pytest.raises(qep.InputError, match="network: 3 is not allowed"):
        layer(3)


def test_without_jax_the_message_names_the_extra():
    code = "import sys; sys.modules['jax'] = None\ntry: import qep_qiskit.jax\nexcept ModuleNotFoundError as error: print(error)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "qep_qiskit.jax: needs JAX; pip install 'qep-qiskit[jax]'"


def test_networks_without_inputs():
    network = qep.ising(sites=2, edges="chain", outputs=[1])
    predict, weights = layer(network), first_weights(network)
    pulled = qep.vjp(network, weights, None, [1.0]).weights
    np.testing.assert_allclose(jax.grad(lambda w: predict(w, jnp.zeros(0))[0])(weights), pulled, atol=1e-12)
    each = jax.vmap(jax.grad(lambda w, x: predict(w, x).sum()), (0, None))(np.stack([weights, weights]), jnp.zeros((3, 0)))
    np.testing.assert_allclose(each, [3 * pulled] * 2, atol=1e-12)


@pytest.mark.parametrize(
    ("weights", "x", "words"),
    [
        (np.ones(5), ["half"], "^x: .* is not allowed; give an array of numbers"),
        (None, [0.5], "^weights: None is not allowed"),
        (np.ones(5), [0.5 + 1j], "^x: complex numbers are not allowed"),
        (np.ones(5) + 0j, [0.5], "^weights: complex numbers are not allowed"),
    ],
)
def test_only_real_numbers_are_taken(weights, x, words):
    with pytest.raises(qep.InputError, match=words):
        layer(SMALL)(weights, x)


@pytest.mark.parametrize(
    ("network", "options", "words"),
    [
        (NETWORKS["oscillators"], {"shots": 100}, "a network in closed form has no circuits to measure"),
        (NETWORKS["oscillators"], {"preparer": qep.VQE(layers=1)}, "vqe prepares qubits"),
        (SMALL, {"shots": 100, "preparer": qep.Thermal(1.0)}, "a thermal state is mixed"),
        (qep.ising(sites=6, edges="chain", outputs=[5]), {"shots": 9, "device": "fake_manila"}, "fake_manila has 5 qubits"),
        (qep.ising(sites=30, edges="chain", outputs=[5]), {}, "exact ground states of 30 qubits do not fit"),
    ],
)
def test_what_no_call_could_do_is_refused_when_the_layer_is_made(network, options, words):
    with pytest.raises(qep.InputError, match=words) as caught:
        layer(network, **options)
    assert "\n" not in str(caught.value)


def test_the_option_progress_is_checked_before_anything_runs():
    with pytest.raises(qep.InputError, match="^progress: 'on' is not allowed"):
        layer(SMALL, progress="on")


def test_second_derivatives_are_refused_in_one_line():
    predict, weights, x = layer(SMALL), jnp.asarray(first_weights(SMALL)), jnp.array([0.5])
    first = jax.grad(lambda w: predict(w, x).sum())
    for second in (jax.grad(lambda w: first(w).sum()), jax.jacrev(first), jax.jit(jax.jacrev(first))):
        with pytest.raises(qep.InputError, match="second derivatives are not measured"):
            second(weights)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.hessian(lambda w: predict(w, x).sum())(weights)
    held = jax.grad(lambda w: (first(jax.lax.stop_gradient(w)) * w).sum())(weights)
    np.testing.assert_allclose(held, first(weights), rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_one_line_outside_of_jit(bad):
    predict, weights, x = layer(SMALL), jnp.asarray(first_weights(SMALL)), jnp.array([bad])
    with pytest.raises(qep.InputError, match="x: value 0 is"):
        predict(weights, x)
    with pytest.raises(qep.InputError, match="x: value 0 is"):
        jax.grad(lambda w: predict(w, x).sum())(weights)
    with pytest.raises(qep.InputError, match="cotangent: value 0 is"):
        jax.vjp(predict, weights, jnp.array([0.5]))[1](x)
