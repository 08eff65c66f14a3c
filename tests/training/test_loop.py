"""The training loop's steps, compared with gradients, weights and metrics that the test computes itself."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.errors import InputError
from qep_qiskit.training import SGD, first_state, steps, task_of

XOR = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
SIGNS = np.array([-1.0, 1.0, 1.0, -1.0])


def network(hidden=2, outputs=1):
    sites = 2 + hidden + outputs
    edges = [(i, j) for i in range(sites) for j in range(max(i + 1, 2), sites)]
    return qep.ising(sites=sites, edges=edges, inputs=[0, 1], outputs=list(range(2 + hidden, sites)), clamp=True)


def dense_outputs(net, weights, rows):
    outputs = []
    for x in rows:
        state = np.linalg.eigh(net.hamiltonian(weights, x).to_matrix())[1][:, 0]
        outputs.append([np.real(state.conj() @ op.to_matrix() @ state) for op in net.outputs])
    return np.array(outputs)


def test_one_step_of_plain_descent_is_minus_the_mean_gradient():
    net = network()
    options = {"optimizer": "sgd", "learning_rate": 0.3, "batch_size": 4, "epochs": 1, "seed": 5}
    result = qep.train(net, XOR, SIGNS, stencil=qep.symmetric(0.05), **options)
    first = net.initial_weights(seed=5)
    costs = [qep.SquaredError([y]) for y in SIGNS]
    gradients = [
        qep.gradient(qep.Problem(net, first, x, cost=c), stencil=qep.symmetric(0.05)) for x, c in zip(XOR, costs, strict=True)
    ]
    mean = np.mean([g.values for g in gradients], axis=0)
    np.testing.assert_allclose(np.asarray(result.weights), np.array(list(first.values())) - 0.3 * mean, atol=1e-9)
    assert result.history[0]["loss"] == pytest.approx(np.mean([g.loss for g in gradients]))
    assert result.history[0]["gradient_norm"] == pytest.approx(np.linalg.norm(mean))
    assert list(result.weights) == list(net.names) and result.history[0]["loss_stderr"] is None


def test_the_loss_falls_along_differences_of_the_dense_loss():
    net = network()

    def loss(weights):
        return np.mean((dense_outputs(net, weights, XOR)[:, 0] - SIGNS) ** 2)

    first = np.array(list(net.initial_weights(seed=2).values()))
    after = np.asarray(qep.train(net, XOR, SIGNS, gradient="exact", optimizer="sgd", learning_rate=1.0, epochs=1, seed=2).weights)
    slopes = [(loss(first + e) - loss(first - e)) / 2e-5 for e in 1e-5 * np.eye(len(first))]
    np.testing.assert_allclose(first - after, slopes, atol=1e-6)


def test_exact_gradients_are_those_of_the_level_that_is_asked_for():
    net = network()
    first = net.initial_weights(seed=2)
    problems = [qep.Problem(net, first, x, cost=qep.SquaredError([y])) for x, y in zip(XOR, SIGNS, strict=True)]
    expected = np.mean([qep.exact_gradient(p, preparer=qep.Exact(level=1)).values for p in problems], axis=0)
    options = {"gradient": "exact", "optimizer": "sgd", "learning_rate": 1.0, "epochs": 1, "seed": 2, "compare_every": 1}
    result = qep.train(net, XOR, SIGNS, preparer=qep.Exact(level=1), **options)
    np.testing.assert_allclose(np.array(list(first.values())) - np.asarray(result.weights), expected, atol=1e-9)
    assert result.history[0]["cosine"] == pytest.approx(1.0)


def test_xor_is_learned_and_predicted():
    net = network(hidden=3)
    result = qep.train(net, XOR, SIGNS, epochs=40, batch_size=4, learning_rate=0.1, seed=1, validation=(XOR, SIGNS))
    assert result.epochs[-1]["validation_accuracy"] == result.epochs[-1]["train_accuracy"] == 1.0
    assert result.epochs[-1]["validation_confusion"] == [[2, 0], [0, 2]]
    np.testing.assert_allclose(result.predict(XOR), dense_outputs(net, result.weights, XOR), atol=1e-7)
    assert result.classify(XOR).tolist() == [0, 1, 1, 0]
    document = result.to_dict()
    assert document["steps"] == 40 and document["shots"] == 0 and document["mean_cosine"] is None


def test_every_epoch_sees_every_sample_once_in_its_own_order():
    task = task_of(network(), np.repeat(XOR, 5, axis=0), np.repeat(SIGNS, 5), batch_size=6, epochs=3, seed=3)
    orders = [np.concatenate([task.batch(4 * epoch + k) for k in range(4)]) for epoch in range(3)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert not np.array_equal(orders[0], orders[1])
    assert [len(task.batch(k)) for k in range(4)] == [6, 6, 6, 2]


def test_a_later_step_needs_the_state_alone():
    options = {"shots": 50, "batch_size": 2, "epochs": 2, "seed": 3, "validation": (XOR, SIGNS)}
    whole = list(steps(task_of(network(), XOR, SIGNS, **options)))
    task = task_of(network(), XOR, SIGNS, **options)
    again = list(steps(task, whole[1].state))
    assert [step.record for step in again] == [step.record for step in whole[2:]]
    np.testing.assert_array_equal(again[-1].state.weights, whole[-1].state.weights)
    assert first_state(task).step == 0


@pytest.mark.parametrize("cost", ["squared_error", "squared_error_observable", "softmax_cross_entropy"])
def test_costs_by_name(cost):
    net, targets = network(outputs=2), np.array([0, 1, 1, 0])
    if cost != "softmax_cross_entropy":
        targets = np.array([[1, -1], [-1, 1], [-1, 1], [1, -1]])
    result = qep.train(net, XOR, targets, cost=cost, epochs=15, batch_size=4, learning_rate=0.1, validation=(XOR, targets))
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    values = dense_outputs(net, result.weights, XOR)
    truth = np.array([0, 1, 1, 0])
    assert result.epochs[-1]["validation_accuracy"] == np.mean(values.argmax(axis=1) == truth)
    expected = {
        "squared_error": np.mean(np.sum((values - targets) ** 2, axis=1)) if cost != "softmax_cross_entropy" else 0.0,
        "squared_error_observable": np.mean(np.sum(2 - 2 * values * targets, axis=1)) if cost != "softmax_cross_entropy" else 0.0,
        "softmax_cross_entropy": np.mean(np.log(np.exp(values).sum(axis=1)) - values[range(4), truth]),
    }[cost]
    assert result.epochs[-1]["validation_loss"] == pytest.approx(expected, abs=1e-7)


def test_users_can_define_costs():
    trained = qep.train(network(), XOR, SIGNS, cost=lambda y: qep.SquaredError([y]), epochs=1, seed=4)
    named = qep.train(network(), XOR, SIGNS, epochs=1, seed=4)
    np.testing.assert_array_equal(np.asarray(trained.weights), np.asarray(named.weights))
    alone = qep.ising(sites=3, edges="chain", outputs=[2])
    result = qep.train(alone, cost=qep.ObservableCost({"ZII": -1.0}), epochs=25, learning_rate=0.2, seed=2)
    assert result.history[-1]["loss"] < -0.95 and result.epochs[-1]["train_accuracy"] is None


def test_weights_stay_frozen_and_within_bounds():
    net = network()
    first = net.initial_weights(seed=0)
    options = {"epochs": 8, "batch_size": 4, "learning_rate": 0.3, "optimizer": "adam"}
    result = qep.train(net, XOR, SIGNS, trainable=["J", "h[2]"], bounds={"J": (-0.8, None), "h[2]": (None, 0.1)}, **options)
    for name, value in result.weights.items():
        if name.startswith("J") or name == "h[2]":
            assert value != first[name]
            assert value >= -0.8 if name.startswith("J") else value <= 0.1
        else:
            assert value == first[name]
    frozen = qep.train(net, XOR, SIGNS, trainable={"g": False}, **options).weights
    assert all((frozen[name] == first[name]) == name.startswith("g") for name in net.names)


def test_penalty_and_clipping():
    net = network()
    options = {"epochs": 1, "batch_size": 4, "optimizer": "sgd", "learning_rate": 0.1, "seed": 1}
    first = np.array(list(net.initial_weights(seed=1).values()))
    plain, decayed, clipped = (
        np.asarray(qep.train(net, XOR, SIGNS, **options, **extra).weights) for extra in ({}, {"l2": 0.5}, {"clip": 0.2})
    )
    np.testing.assert_allclose(plain - decayed, 0.1 * first)
    np.testing.assert_allclose(clipped - first, 0.02 * (plain - first) / np.linalg.norm(plain - first))


@pytest.mark.parametrize("soft_cutoff", [(0.3, 0.2), {"J": (0.3, 0.2)}, {"J[0,2]": (0.0, 0.2), "h": (0.1, 0.5)}])
def test_the_soft_cutoff_adds_the_slope_of_its_penalty(soft_cutoff):
    net = network()
    options = {"epochs": 1, "batch_size": 4, "optimizer": "sgd", "learning_rate": 0.1, "seed": 1}
    first = np.array(list(net.initial_weights(seed=1).values()))

    def penalty(weights):
        total = 0.0
        for name, w in zip(net.names, weights, strict=True):
            pairs = {None: soft_cutoff} if isinstance(soft_cutoff, tuple) else soft_cutoff
            for key, (cutoff, slope) in pairs.items():
                if key in (None, name, name.split("[")[0]):
                    total += slope * max(abs(w) - cutoff, 0.0)
        return total

    plain, limited = (qep.train(net, XOR, SIGNS, **options, **extra) for extra in ({}, {"soft_cutoff": soft_cutoff}))
    shifts = 1e-6 * np.eye(len(first))
    slopes = np.array([penalty(first + shift) - penalty(first - shift) for shift in shifts]) / 2e-6
    assert np.count_nonzero(slopes) > 0
    np.testing.assert_allclose(np.asarray(plain.weights) - np.asarray(limited.weights), 0.1 * slopes, atol=1e-9)
    assert plain.history[0]["loss"] == limited.history[0]["loss"]


def test_the_soft_cutoff_leaves_frozen_weights_alone():
    net = network()
    result = qep.train(net, XOR, SIGNS, epochs=1, batch_size=4, trainable={"J": False}, soft_cutoff=(0.0, 5.0), seed=1)
    first = net.initial_weights(seed=1)
    assert all(result.weights[name] == first[name] for name in net.names if name.startswith("J"))


def test_early_stopping_returns_the_best_epoch():
    options = {"batch_size": 4, "learning_rate": 1.5, "optimizer": "sgd", "seed": 0}
    result = qep.train(network(), XOR, SIGNS, validation=(XOR, SIGNS), epochs=60, early_stopping=3, **options)
    losses = [row["validation_loss"] for row in result.epochs]
    best = int(np.argmin(losses))
    assert result.stopped == "no better loss for 3 epochs" and len(losses) == best + 4 < 60
    np.testing.assert_allclose(np.mean((result.predict(XOR)[:, 0] - SIGNS) ** 2), losses[best])


def test_shots_are_counted_and_errors_reported():
    result = qep.train(network(), XOR, SIGNS, shots=100, epochs=2, batch_size=2, validation=(XOR, SIGNS), compare_every=2)
    # per step two samples of 5 circuits (free phase: Z; nudged: Z and X), per epoch four held-out samples of one circuit
    assert [row["shots"] for row in result.history] == [1000, 1400, 1000, 1400] and result.shots == 4800
    assert all(row["loss_stderr"] > row["loss_bias"] > 0 and row["gradient_stderr"] > 0 for row in result.history)
    assert [row.get("cosine") is None for row in result.history] == [False, True, False, True]
    assert -1 <= result.to_dict()["mean_cosine"] <= 1


def test_the_noise_aware_step_sets_the_shots():
    result = qep.train(network(), XOR, SIGNS, shots=100, epochs=6, batch_size=4, optimizer="adaptive_shots", learning_rate=0.3)
    shots = [row["shots_per_circuit"] for row in result.history]
    assert shots[0] == 100 and len(set(shots)) > 2


def test_steps_of_unit_length():
    result = qep.train(network(), XOR, SIGNS, optimizer=SGD(normalized=True), learning_rate=0.1, epochs=3, batch_size=4)
    np.testing.assert_allclose([row["step_norm"] for row in result.history], 0.1)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((XOR[:, :1], SIGNS), {}, r"X: shape \(4, 1\), expected \(samples, 2\)"),
        ((XOR, SIGNS[:3]), {}, "Y: 3 targets for 4 samples"),
        ((np.where(XOR > 0, np.nan, XOR), SIGNS), {}, r"X\[1, 1\]: nan is not allowed"),
        ((XOR, ["a", "b", "a", "b"]), {}, "Y: holds <U1 values; .*QEPClassifier"),
        ((XOR, None), {}, "Y: missing"),
        ((XOR, SIGNS), {"cost": "squared"}, "cost: \"squared\" is not allowed; .* did you mean 'squared_error'"),
        ((XOR, SIGNS), {"cost": lambda y: 3.0}, r"cost: returned 3.0 for Y\[0\]"),
        ((XOR, SIGNS), {"cost": "softmax_cross_entropy"}, r"Y\[0\]: -1.0 is not a class"),
        ((XOR, SIGNS), {"epochs": 0}, "epochs: 0 is not allowed"),
        ((XOR, SIGNS), {"batch_size": 2.5}, "batch_size: 2.5 is not allowed"),
        ((XOR, SIGNS), {"learning_rate": -1}, "learning_rate: -1 is not allowed"),
        ((XOR, SIGNS), {"early_stopping": 0}, "early_stopping: 0 is not allowed"),
        ((XOR, SIGNS), {"gradient": "excat"}, "gradient: unknown 'excat'.*did you mean 'exact'"),
        ((XOR, SIGNS), {"gradient": "exact", "shots": 100}, "gradient: 'exact' is computed"),
        ((XOR, SIGNS), {"optimizer": "adaptive_shots"}, "optimizer: adaptive_shots sets the shots"),
        ((XOR, SIGNS), {"trainable": "J"}, "trainable: 'J' is not allowed; give a list"),
        ((XOR, SIGNS), {"trainable": ["K"]}, "trainable: no weight and no group is called 'K'; the groups are J, g, h"),
        ((XOR, SIGNS), {"bounds": (1, 0)}, r"bounds: \(1, 0\) is not allowed"),
        ((XOR, SIGNS), {"l2": -1.0}, "l2: -1.0 is not allowed"),
        ((XOR, SIGNS), {"soft_cutoff": (0.1, -1.0)}, r"soft_cutoff: \(0.1, -1.0\) is not allowed; give \(cutoff, slope\)"),
        ((XOR, SIGNS), {"soft_cutoff": {"K": (0.1, 0.02)}}, "soft_cutoff: no weight and no group is called 'K'"),
        ((XOR, SIGNS), {"soft_cutoff": {"J": 0.1}}, r"soft_cutoff\['J'\]: 0.1 is not allowed"),
        ((XOR, SIGNS), {"soft_cutoff": "12"}, r"soft_cutoff: .12. is not allowed; give \(cutoff, slope\)"),
        ((XOR, SIGNS), {"bounds": (False, True)}, r"bounds: \(False, True\) is not allowed; give \(low, high\)"),
        ((XOR, SIGNS), {"clip": 0.0}, "clip: 0.0 is not allowed"),
        ((XOR, SIGNS), {"validation": XOR}, r"validation: ndarray is not allowed; give a pair \(X, Y\)"),
        ((XOR, SIGNS), {"validation": (XOR, SIGNS[:2])}, "validation Y: 2 targets for 4 samples"),
    ],
)
def test_bad_input_is_refused(arguments, options, words):
    with pytest.raises(InputError, match=words):
        qep.train(network(), *arguments, **{"epochs": 1, **options})


def test_a_degenerate_sample_names_the_step():
    net = network()
    weights = dict.fromkeys(net.names, 0.0)
    with pytest.raises(qep.DegenerateGroundStateError, match="training: at step 1, the ground state is degenerate"):
        qep.train(net, XOR, SIGNS, weights=weights, epochs=1)
