"""The estimators as scikit-learn sees them."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

import qep_qiskit as qep

CLASSIFIER = qep.QEPClassifier(epochs=8, gradient="exact", hidden=1, learning_rate=0.1)
REGRESSOR = qep.QEPRegressor(epochs=8, gradient="exact", hidden=1, learning_rate=0.1)
CANNOT_HOLD: dict[str, str] = {}


def checks(estimator):
    for number, (_, check) in enumerate(estimator_checks_generator(estimator, legacy=True)):
        name = getattr(check, "func", check).__name__
        yield pytest.param(estimator, check, id=f"{type(estimator).__name__}-{number}-{name}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), [*checks(CLASSIFIER), *checks(REGRESSOR)])
def test_scikit_learn(estimator, check):
    check(estimator)
