"""Settings of a measurement: checked once, spelled once, and shown by every verb."""

import ast
import dataclasses
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.settings import NAMES, Options, Settings
from qep_qiskit.stencils import AdaptiveStencil
from qep_qiskit.training import task_of
from qep_qiskit.verbs.predictions import predictions

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([0.4]))
VERBS = {
    qep.gradient: (PROBLEM,),
    qep.gradients: ([PROBLEM],),
    qep.forecast: (PROBLEM,),
    qep.plan: (PROBLEM,),
    qep.compare: (PROBLEM,),
    qep.train: (NETWORK, [[0.5]], [0.4]),
    qep.vjp: (NETWORK, PROBLEM.weights, [0.5], [1.0]),
    predictions: (NETWORK, PROBLEM.weights, [[0.5]]),
}


def test_values_are_normalised_once():
    settings = Settings(device="simulator", shots=1e3, mitigation="tensored+zne", calibration_shots=np.int64(50))
    assert settings.device == qep.simulator() and settings.seed == 0
    assert settings.shots == 1000 and settings.calibration_shots == 50 and type(settings.calibration_shots) is int
    assert settings.mitigation == Mitigation("tensored", settings.mitigation.zne) and str(settings.mitigation) == "zne+tensored"


def test_none_stands_for_the_default():
    settings = Settings(preparer=None, stencil=None, device=None, seed=None)
    assert settings == Settings() and settings.preparer == qep.Exact() and settings.stencil == AdaptiveStencil("symmetric")


def test_the_seed_is_the_devices_and_stays_when_the_device_changes():
    settings = Settings(device=qep.simulator(seed=5))
    assert settings.seed == 5
    assert dataclasses.replace(settings, device=qep.statevector(seed=6)).seed == 5


@pytest.mark.parametrize(
    ("options", "is_open"),
    [
        ({}, False),
        ({"stencil": qep.symmetric(0.1), "shots": qep.Split([[100, 100]])}, False),
        ({"stencil": qep.one_sided("auto")}, True),
        ({"shots": qep.optimal_shots(100)}, True),
    ],
)
def test_what_is_left_to_the_planner_is_open(options, is_open):
    assert Settings(**options).open is is_open


def test_settings_are_the_keywords_of_a_verb():
    settings = Settings(preparer=qep.VQE(layers=1), stencil=qep.symmetric(0.2), shots=100, mitigation="zne", seed=4)
    assert tuple(settings) == NAMES == tuple(Options.__annotations__) and len(settings) == 7
    assert settings["mitigation"] == "zne" and Settings(**settings) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings
    with pytest.raises(KeyError):
        settings["shot"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"preparer": 3}, "preparer: 3 is not allowed"),
        ({"stencil": 0.1}, "stencil: 0.1 is not allowed"),
        ({"device": 3}, "device: 3 is not allowed"),
        ({"shots": 1}, "shots: 1 is not allowed"),
        ({"shots": qep.Split([[100]], calibration=1)}, "shots: 1 is not allowed"),
        ({"mitigation": "tensord"}, "unknown 'tensord'.*tensored"),
        ({"calibration_shots": 1.5}, "calibration_shots: 1.5 is not allowed"),
        ({"seed": "a"}, "seed: 'a' is not allowed"),
    ],
)
def test_bad_values_are_refused(options, text):
    with pytest.raises(qep.InputError, match=text):
        Settings(**options)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_verbs_show_every_option_with_its_default(verb):
    parameters = inspect.signature(verb).parameters
    assert all(p.kind is not p.VAR_KEYWORD for p in parameters.values())
    defaults = {**Settings(), "seed": 0 if verb is qep.train else None}
    assert {name: parameters[name].default for name in NAMES} == defaults
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in NAMES)
    documented = inspect.getdoc(verb)
    assert verb is qep.plan or all(name in documented for name in NAMES)
    assert pickle.loads(pickle.dumps(verb)) is verb


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_an_unknown_keyword_is_told_with_the_nearest_known(verb):
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'shot'; did you mean 'shots'\?") as error:
        verb(*VERBS[verb], shot=100)
    assert "\n" not in str(error.value)
    with pytest.raises(TypeError, match="'progres'; did you mean 'progress'"):
        verb(*VERBS[verb], progres=print)


@pytest.mark.parametrize(
    ("key", "keyword"), [("split", "shots=qep.optimal_shots"), ("layers", "preparer=qep.VQE"), ("noise", "device=")]
)
def test_a_key_of_a_spec_is_told_with_its_keyword_in_python(key, keyword):
    with pytest.raises(TypeError, match=rf"unexpected keyword argument '{key}'; give {keyword}"):
        qep.gradient(PROBLEM, **{key: 1})


def test_task_of_takes_what_train_takes():
    assert set(inspect.signature(task_of).parameters) < set(inspect.signature(qep.train).parameters)


def test_no_other_signature_spells_the_options():
    spelled = []
    for path in Path(qep.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = set()
            if isinstance(node, ast.FunctionDef):
                names = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
            elif isinstance(node, ast.ClassDef):
                names = {s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)}
            if len(names & set(NAMES)) >= 4:
                spelled.append((path.name, node.name))
    # scikit-learn wants the options of an estimator as its own parameters
    assert sorted(spelled) == [("estimators.py", "_Estimator"), ("settings.py", "Options"), ("settings.py", "Settings")]


def test_predictions_refuse_shots_that_are_to_be_distributed():
    with pytest.raises(qep.InputError, match="shots: OptimalShots"):
        predictions(NETWORK, PROBLEM.weights, [[0.5]], device="simulator", shots=qep.optimal_shots(100))
