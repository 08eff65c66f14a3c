"""Options as people give them: scalars of any type are taken, everything else is one line that names the option and its value."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import qep_qiskit as qep

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
ROWS, LABELS = np.random.default_rng(0).normal(size=(12, 1)), [0, 1] * 6


def train(X=((0.5,), (-0.5,)), Y=(0.3, -0.3), **options):
    return qep.train(NETWORK, X, Y, **{"epochs": 1, "learning_rate": 0.1, **options})


NOT_SEEDS = [None, "a", 1.7, float("nan"), [1], True, 1j]


@pytest.mark.parametrize("seed", NOT_SEEDS)
def test_seeds_of_trainings(seed):
    with pytest.raises(qep.InputError, match="seed: .* give a whole number"):
        train(seed=seed)


@pytest.mark.parametrize("seed", [seed for seed in NOT_SEEDS if seed is not None])
@pytest.mark.parametrize(
    "verb",
    [
        lambda seed: qep.gradient(PROBLEM, seed=seed),
        lambda seed: qep.gradients([PROBLEM], seed=seed),
        lambda seed: qep.compare(PROBLEM, seed=seed),
        lambda seed: qep.plan(PROBLEM, seed=seed),
        lambda seed: qep.circuits(PROBLEM, seed=seed),
        lambda seed: qep.exact_gradient(PROBLEM, seed=seed),
        lambda seed: qep.variational_gradient(PROBLEM, qep.VQE(layers=1), seed=seed),
        lambda seed: train().predict([[0.1]], seed=seed),
        lambda seed: qep.aer(seed=seed),
        lambda seed: qep.simulator(seed=seed),
        lambda seed: qep.fake("torino", seed=seed),
        lambda seed: qep.statevector(seed=seed),
    ],
)
def test_seeds_of_verbs_and_devices(verb, seed):
    with pytest.raises(qep.InputError, match="seed: .* give a whole number"):
        verb(seed)


def test_seeds_of_any_whole_type_are_one_seed():
    one, other = (train(seed=seed, batch_size=1, epochs=2) for seed in (7, np.int32(7)))
    assert one == other == train(seed=7.0, batch_size=1, epochs=2)


@pytest.mark.parametrize(
    ("schedule", "word"),
    [
        (lambda step, steps: "half", "'half'"),
        (lambda step, steps: None, "None"),
        (lambda step, steps: float("nan"), "nan"),
        (lambda step, steps: [0.5], "[0.5]"),
        (lambda step, steps: 1j, "1j"),
        (lambda step: 1.0, "TypeError"),
        (lambda step, steps: 1 / 0, "ZeroDivisionError"),
        (lambda step, steps: {3: "late"}.get(step, 1.0), "'late'"),
        (7, "7"),
        (["cosine"], "['cosine']"),
        ("cosin", "did you mean 'cosine'"),
    ],
)
def test_schedules_that_return_no_number_are_refused(schedule, word, tmp_path):
    with pytest.raises(qep.InputError) as error:
        train(schedule=schedule, epochs=4, run=tmp_path / "run")
    assert str(error.value).startswith("schedule: ") and word in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_schedule_may_give_any_number():
    assert train(schedule=lambda step, steps: np.float32(0.5)).history[0]["learning_rate"] == 0.05


@pytest.mark.parametrize("bounds", [None, (-1.0, 1.0)])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "momentum"])
@pytest.mark.parametrize("rate", [1e300, 1e160])
def test_a_step_without_measure_ends_the_training(rate, optimizer, bounds):
    with pytest.raises(qep.InputError, match="training: step 1 .* take a smaller learning_rate"):
        train(learning_rate=rate, optimizer=optimizer, bounds=bounds, epochs=3)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "momentum"])
@pytest.mark.parametrize(
    "penalty", [{"l2": 1e200}, {"l2": 1e308}, {"soft_cutoff": {"J": (0.0, 1e200)}}, {"l2": 1e200, "clip": 1.0}]
)
def test_a_penalty_without_measure_ends_the_training(penalty, optimizer):
    with pytest.raises(qep.InputError, match="training: the gradient with its penalties .* take a smaller l2"):
        train(optimizer=optimizer, **penalty)


def test_steps_before_a_failed_one_are_kept(tmp_path):
    from qep_qiskit.runs import open_run

    with pytest.raises(qep.InputError, match="step 3 would move the weights"):
        train(schedule=lambda step, steps: 1e200 if step == 2 else 1.0, epochs=5, run=tmp_path / "run")
    with open_run(tmp_path / "run") as store:
        assert len(store.steps()) == 2


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"learning_rate": "fast"}, "learning_rate: 'fast'"),
        ({"learning_rate": 1j}, "learning_rate: 1j"),
        ({"learning_rate": [0.1]}, "learning_rate: [0.1]"),
        ({"epochs": 1.5}, "epochs: 1.5"),
        ({"batch_size": None}, "batch_size: None"),
        ({"early_stopping": "soon"}, "early_stopping: 'soon'"),
        ({"compare_every": -1}, "compare_every: -1"),
        ({"warm_starts": "no"}, "warm_starts: 'no'"),
        ({"l2": "x"}, "l2: 'x'"),
        ({"clip": "x"}, "clip: 'x'"),
        ({"bounds": {"J": ("a", 1)}}, "bounds['J']"),
        ({"trainable": {"J": "no"}}, "trainable: J: 'no'"),
        ({"gradient": 5}, "gradient: 5"),
        ({"on_step": 5}, "on_step: 5"),
        ({"progress": 5}, "progress: 5"),
        ({"run": 5}, "run: 5"),
        ({"cost": lambda: 1}, "cost: failed for Y[0] = 0.3 (TypeError"),
        ({"cost": lambda y: 1 / 0}, "cost: failed for Y[0] = 0.3 (ZeroDivisionError"),
        ({"cost": lambda y: y}, "cost: returned 0.3"),
        ({"X": [["a"], ["b"]]}, "X: is not a table"),
        ({"X": [[1j], [0]]}, "X: is not a table"),
        ({"X": np.ma.array([[0.5], [0.1]], mask=[[0], [1]])}, "X[1, 0]: nan"),
        ({"X": [[0.5], [0.1, 0.2]]}, "X: is not a table"),
        ({"Y": [0.1, None]}, "Y[1]: nan"),
        ({"Y": np.ma.array([0.1, 0.2], mask=[1, 0])}, "Y[0]: nan"),
        ({"Y": [[0.1], [0.2, 0.3]]}, "Y: its rows differ"),
        ({"Y": [0.1, 1e300]}, "too large"),
    ],
)
def test_other_options(options, word):
    with pytest.raises(qep.InputError) as error:
        train(**options)
    assert word in str(error.value) and "\n" not in str(error.value)


def test_scalars_of_numpy_are_taken():
    plain = train(epochs=2, batch_size=1, learning_rate=0.5, l2=0.25, early_stopping=5)
    numpy = train(
        epochs=np.int64(2),
        batch_size=np.float64(1.0),
        learning_rate=np.float32(0.5),
        l2=np.float16(0.25),
        early_stopping=np.uint8(5),
    )
    assert numpy.weights == plain.weights


class Table:
    """The part of a pandas or polars table that the package uses."""

    def __init__(self, **columns):
        self.columns, self.rows = list(columns), np.array(list(columns.values())).T

    def to_numpy(self):
        return self.rows


def test_columns_of_a_table_are_read_by_name():
    network = qep.ising(sites=3, edges="complete", inputs=[0, 1], outputs=[2])
    a, b, y = [0.1, 0.9], [0.7, -0.4], [0.2, -0.1]

    def fit(validation):
        return qep.train(network, Table(a=a, b=b), y, validation=(validation, y), epochs=1, batch_size=2)

    expected = fit(Table(a=a, b=b))
    assert fit(Table(b=b, a=a)) == expected == fit(np.array([a, b]).T)
    np.testing.assert_array_equal(expected.predict(Table(b=b, a=a)), expected.predict(np.array([a, b]).T))
    assert expected.score(Table(b=b, a=a), y) == expected.score(Table(a=a, b=b), y)
    for table, word in (
        (Table(a=a), "'b' is missing"),
        (Table(a=a, b=b, c=b), "'c' is not one"),
        (Table(x=a, y=b), "'a' is missing"),
    ):
        for call in (fit, expected.predict):
            with pytest.raises(qep.InputError, match=word):
                call(table)


RAMP = qep.Adiabatic(time=3.0, steps=8)


@pytest.mark.filterwarnings("ignore")
def test_a_grid_reaches_into_the_preparer_and_the_stencil():
    model = qep.QEPClassifier(hidden=0, epochs=1, preparer=RAMP, stencil=qep.symmetric(0.3))
    grid = {"preparer__time": [2.0, 4.0], "preparer__steps": [8], "stencil__beta": [0.2], "learning_rate": [0.1]}
    search = GridSearchCV(model, grid, cv=2).fit(ROWS, LABELS)
    assert search.best_params_["preparer__time"] in (2.0, 4.0)
    assert search.best_estimator_.preparer.time in (2.0, 4.0) and search.best_estimator_.stencil == qep.symmetric(0.2)
    assert model.preparer == RAMP and np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert model.get_params()["preparer__time"] == 3.0 and "preparer__time" not in model.get_params(deep=False)
    assert clone(model).set_params(preparer__time=5.0).preparer == qep.Adiabatic(time=5.0, steps=8)
    changed = clone(model).set_params(preparer=qep.VQE(layers=1), preparer__layers=2)
    assert changed.preparer == qep.VQE(layers=2)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"preparer__tiem": 3.0}, ["preparer__tiem", "Adiabatic", "did you mean 'time'"]),
        ({"preparer__time": -1.0}, ["-1.0"]),
        ({"device__noise": "guadalupe"}, ["device__noise", "replaced whole"]),
        ({"network__sites": 3}, ["network__sites", "replaced whole"]),
        ({"stencil__betas": (0.1,)}, ["stencil__betas", "it has kind, beta; did you mean 'beta'"]),
        ({"optimizer__beta1": 0.5}, ["optimizer__beta1", "'adam'", "such as qep.training.Adam()"]),
        ({"nothing__x": 0.5}, ["nothing__x"]),
    ],
)
def test_nested_options_that_there_are_not_are_refused_by_name(params, words):
    model = qep.QEPClassifier(preparer=RAMP, device=qep.simulator(), network=NETWORK, stencil=qep.symmetric(0.1))
    with pytest.raises(qep.InputError) as error:
        model.set_params(**params)
    assert all(word in str(error.value) for word in words), str(error.value)
