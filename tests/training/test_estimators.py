"""The estimators as scikit-learn sees them."""

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import qep_qiskit as qep

CLASSIFIER = qep.QEPClassifier(epochs=8, gradient="exact", hidden=1, learning_rate=0.1)
REGRESSOR = qep.QEPRegressor(epochs=8, gradient="exact", hidden=1, learning_rate=0.1)


def checks(estimator):
    for number, (_, check) in enumerate(estimator_checks_generator(estimator, legacy=True)):
        name = getattr(check, "func", check).__name__
        yield pytest.param(estimator, check, id=f"{type(estimator).__name__}-{number}-{name}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), [*checks(CLASSIFIER), *checks(REGRESSOR)])
def test_scikit_learn(estimator, check):
    check(estimator)


QUICK = (
    "check_estimator_cloneable",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_dont_overwrite",
)
QUICK += (
    "check_estimators_unfitted",
    "check_do_not_raise_errors_in_init_or_set_param",
    "check_classifiers_one_label",
    "check_dict_unchanged",
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [case for case in [*checks(CLASSIFIER), *checks(REGRESSOR)] if case.id.split("-")[-1].startswith(QUICK)],
)
def test_scikit_learn_quickly(estimator, check):
    check(estimator)


def moons(count=60):
    X, y = make_moons(count, noise=0.1, random_state=3)
    return X, np.array(["lower", "upper"])[y]


def test_a_pipeline_and_a_search():
    X, y = moons()
    pipeline = make_pipeline(StandardScaler(), qep.QEPClassifier(gradient="exact", epochs=6))
    grid = {"qepclassifier__learning_rate": [1e-4, 0.1], "qepclassifier__hidden": [1]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_params_["qepclassifier__learning_rate"] == 0.1 and search.best_score_ > 0.8
    assert set(search.predict(X)) == {"lower", "upper"}


@pytest.mark.parametrize("cost", ["squared_error", "softmax_cross_entropy"])
def test_probabilities_go_with_predictions(cost):
    X, y = moons()
    model = qep.QEPClassifier(cost=cost, gradient="exact", epochs=3).fit(X, y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))
    np.testing.assert_array_equal(model.decision_function(X) > 0, model.predict(X) == "upper")
    outputs = model.outputs(X)
    if cost == "squared_error":
        np.testing.assert_allclose(p[:, 1], (1 + outputs[:, 0]) / 2)
    else:
        np.testing.assert_allclose(p, np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True))


def test_three_classes_and_numbers():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(45, 2)) * 0.3 + np.repeat([[1.5, 0], [-1.5, 1], [0, -1.5]], 15, axis=0)
    y = np.repeat([10, 20, 30], 15)
    assert qep.QEPClassifier(gradient="exact", epochs=8, learning_rate=0.1).fit(X, y).score(X, y) > 0.9
    target = 50 + 20 * X[:, 0]
    model = qep.QEPRegressor(gradient="exact", epochs=30, learning_rate=0.1).fit(X, target)
    assert model.score(X, target) > 0.9 and 0 < model.predict(X).min() < 40


def test_several_numbers_per_sample_are_learned():
    X = np.random.default_rng(1).uniform(-1, 1, (40, 2))
    target = np.stack([50 + 20 * X[:, 0], -3 + 0.1 * X[:, 1]], axis=1)
    model = qep.QEPRegressor(gradient="exact", epochs=40, learning_rate=0.1).fit(X, target)
    assert model.predict(X).shape == (40, 2) and model.network_.num_outputs == 2
    assert model.score(X, target) > 0.9
    one = qep.QEPRegressor(gradient="exact", epochs=2).fit(X, target[:, :1])
    assert one.predict(X).shape == (40, 1)
    with pytest.raises(qep.InputError, match="network: has 2 outputs, these targets need 1"):
        qep.QEPRegressor(network=model.network_).fit(X, target[:, 0])


def test_a_fit_from_shots_resumes_its_run(tmp_path):
    X, y = moons(20)
    options = {"shots": 50, "epochs": 2, "hidden": 1, "early_stopping": 5, "validation_fraction": 0.3}
    classifier = qep.QEPClassifier(run=tmp_path / "run", **options).fit(X, y)
    again = qep.QEPClassifier(run=tmp_path / "run", **options).fit(X, y)
    fresh = qep.QEPClassifier(**options).fit(X, y)
    assert classifier.weights_ == again.weights_ == fresh.weights_ and classifier.result_.shots > 0
    with pytest.raises(qep.InputError, match="holds another training"):
        qep.QEPClassifier(run=tmp_path / "run", **options).fit(-X, y)


def test_a_network_must_fit_the_data():
    X, y = moons(20)
    narrow = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    with pytest.raises(qep.InputError, match="network: has 1 inputs, X has 2 features"):
        qep.QEPClassifier(network=narrow).fit(X, y)
    with pytest.raises(qep.InputError, match="network: has 1 outputs, these targets need 3"):
        qep.QEPClassifier(network=narrow).fit(X[:, :1], np.arange(20) % 3)
