"""The plot methods of results."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes

import qep_qiskit as qep

NETWORK = qep.ising(sites=3, inputs=[0], outputs=[2])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def grad():
    return qep.gradient(PROBLEM, shots=200, stencil=qep.symmetric(0.3), seed=1)


@pytest.fixture(scope="module")
def result():
    return qep.train(NETWORK, [[0.5], [-0.5]], [1, 0], epochs=2)


def test_a_gradient_is_drawn_with_its_error_bars(grad):
    ax = grad.plot(exact=qep.exact_gradient(PROBLEM))
    assert isinstance(ax, Axes) and ax.get_legend_handles_labels()[1] == ["exact", "measured ± 1σ"]
    bars = [segment[1][1] - segment[0][1] for segment in ax.collections[0].get_segments()]
    np.testing.assert_allclose(bars, 2 * grad.stderr)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0,1", "1,2", "0", "1", "2", "0", "1", "2"]


def test_many_weights_are_drawn_against_the_exact_ones():
    many = [f"J[{k},{k + 1}]" for k in range(90)]
    wide = qep.Gradient(tuple(many), np.linspace(-1, 1, 90), 0.01 * np.eye(90), 0.5, 0.1, np.zeros(1), np.zeros(1))
    assert wide.plot(exact=wide.values).get_xlabel().startswith("exact")
    assert not wide.plot().get_xticks().size


@pytest.mark.parametrize("exact", ["word", [1.0], np.zeros(3)])
def test_an_exact_gradient_has_one_number_per_weight(grad, exact):
    with pytest.raises(qep.InputError, match="8 numbers"):
        grad.plot(exact=exact)


def test_a_gradient_of_another_network_is_refused(grad):
    other = qep.ising(sites=2, outputs=[1])
    with pytest.raises(qep.InputError, match="another network"):
        grad.plot(exact=qep.gradient(qep.Problem(other, other.initial_weights(), cost=qep.SquaredError([0.0]))))


@pytest.mark.filterwarnings("ignore")
def test_every_result_draws_on_given_axes(grad, result):
    for value in (grad, result, qep.compare(PROBLEM, shots=100, seed=1), qep.forecast(PROBLEM, shots=100, seed=1)):
        _, ax = plt.subplots()
        assert value.plot(ax) is ax and ax.has_data()
        with pytest.raises(qep.InputError, match="matplotlib axes"):
            value.plot("here")


def test_quantities_of_a_training(result):
    assert result.plot().get_ylabel() == "loss"
    assert result.plot(quantity="accuracy").get_ylabel() == "accuracy"
    assert result.plot(quantity="gradient").get_ylabel() == "gradient"
    with pytest.raises(qep.InputError, match="'los' is not a quantity.*loss"):
        result.plot(quantity="los")
    with pytest.raises(qep.InputError, match="no accuracy"):
        qep.train(NETWORK, [[0.5], [-0.5], [0.1]], [0.31, -0.3, 0.12], epochs=1).plot(quantity="accuracy")
