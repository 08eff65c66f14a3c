"""Schedules of ramps: their ends, their boundary curvature, and what is refused."""

import math
import pickle

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.ansatz.schedules import boundary_curvature, curved, schedule_of, shares, title
from qep_qiskit.errors import InputError
from qep_qiskit.experiment import load
from qep_qiskit.fingerprints.content import fingerprint

X = np.linspace(0, 1, 2001)


@pytest.mark.parametrize("number", [0.0, 2.0, 6.0, 6.5, 20.0, 1000.0])
def test_a_given_curvature_is_the_curvature_of_both_ends_and_the_schedule_rises(number):
    schedule = curved(number)
    values = schedule(X)
    assert abs(values[0]) < 1e-12 and abs(values[-1] - 1) < 1e-12
    assert (np.diff(values) > -1e-12).all()
    step = 1e-3 / max(number, 1.0)
    near, far = schedule(step * np.arange(3)), 1 - schedule(1 - step * np.arange(3))
    for end in (near, far):
        assert (end[2] - 2 * end[1] + end[0]) / step**2 == pytest.approx(number, rel=0.02, abs=0.1)
        assert end[1] == pytest.approx(number * step**2 / 2, abs=(20 + number**2) * step**3)  # no slope


def test_the_given_curvatures_join_the_schedules_with_names():
    for number, name in ((0.0, "quintic"), (6.0, "smoothstep")):
        np.testing.assert_allclose(curved(number)(X), schedule_of(name)(X), atol=1e-15)
    np.testing.assert_allclose(curved(6.02)(X), curved(6.0)(X), atol=1e-3)
    np.testing.assert_allclose(curved(1e6)(X), X, atol=1e-4)


@pytest.mark.parametrize(
    ("schedule", "curvature"),
    [
        ("cosine", math.pi**2 / 2),
        ("smoothstep", 6.0),
        ("quintic", 0.0),
        ("linear", None),
        ("curved_20", 20.0),
        (lambda x: x**2, None),
    ],
)
def test_boundary_curvatures(schedule, curvature):
    assert boundary_curvature(schedule) == (None if curvature is None else pytest.approx(curvature, abs=1e-5))
    assert qep.Adiabatic(schedule=schedule).describe()["curvature"] == boundary_curvature(schedule)


def sine(x):
    return math.sin(math.pi / 2 * x) ** 2


def test_a_function_of_one_number_gives_the_same_states_as_the_schedule_with_a_name():
    np.testing.assert_allclose(shares(sine, X), schedule_of("cosine")(X), atol=1e-12)
    network = qep.ising(sites=2, outputs=[1])
    problem = qep.Problem(network, network.initial_weights(seed=1), cost=qep.SquaredError([1.0]))
    mine, named = (
        qep.gradient(problem, preparer=qep.Adiabatic(time=4, steps=20, schedule=schedule), stencil=qep.symmetric(0.1))
        for schedule in (sine, "cosine")
    )
    np.testing.assert_allclose(mine.values, named.values, atol=1e-12)
    assert mine.provenance["preparer"]["schedule"] == "function sine"
    assert mine.provenance["preparer"]["curvature"] == pytest.approx(math.pi**2 / 2, abs=1e-5)
    assert named.provenance["preparer"]["schedule"] == "cosine"


def test_fingerprints_tell_functions_apart_and_know_a_name_by_its_function():
    ramps = [
        qep.Adiabatic(schedule=s) for s in ("cosine", "curved_20", curved(20), curved(21), sine, lambda x: x**2, lambda x: x**3)
    ]
    prints = [fingerprint(ramp) for ramp in ramps]
    assert prints[1] == prints[2]
    assert len(set(prints)) == 6
    assert fingerprint(qep.Adiabatic(schedule=schedule_of("quintic"))) == fingerprint(qep.Adiabatic(schedule="quintic"))


def test_a_ramp_names_its_schedule_where_it_has_a_name():
    assert qep.Adiabatic(schedule=curved(20)) == qep.Adiabatic(schedule="curved_20") == qep.Adiabatic(schedule="curved_20.0")
    assert qep.Adiabatic(schedule=schedule_of("cosine")) == qep.Adiabatic()
    assert qep.Adiabatic(schedule=curved(0.1)).schedule == "curved_0.1"
    assert qep.Adiabatic(schedule=sine).schedule is sine


def test_a_ramp_with_a_schedule_can_be_pickled():
    for schedule in ("quintic", curved(20), sine):
        assert title(pickle.loads(pickle.dumps(qep.Adiabatic(schedule=schedule))).schedule) == title(schedule)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("quintc", "schedule: unknown 'quintc'.*did you mean 'quintic'"),
        ("curved_", "schedule: unknown 'curved_'|'curved_' is not allowed"),
        ("curved_-1", "'curved_-1' is not allowed; give a curvature from 0 to 1e.12, as in 'curved_20'"),
        ("curved_1e300", "'curved_1e300' is not allowed; give a curvature from 0 to 1e.12"),
        (lambda x: x + 0j, "function <lambda> fails .TypeError: values are complex"),
        ("curved_nan", "'curved_nan' is not allowed"),
        (3, "schedule: 3 is not allowed"),
        (lambda x: x + 0.1, "function <lambda> is 0.1 at x = 0, not 0"),
        (lambda x: 0.5 * x, "function <lambda> is 0.5 at x = 1, not 1"),
        (lambda x: math.nan if x == 0.5 else x, "function <lambda> is nan at x = 0.5"),
        (lambda x: 1 / 0, "function <lambda> fails .ZeroDivisionError"),
        (lambda: 0, "function <lambda> fails .TypeError"),
        (lambda x: "ab", "function <lambda> fails .ValueError"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_invalid_schedule_gives_one_line(schedule, message):
    with pytest.raises(InputError, match=message) as caught:
        qep.Adiabatic(schedule=schedule)
    assert "\n" not in str(caught.value)


def test_a_negative_curvature_is_refused():
    with pytest.raises(InputError, match="curvature: -1 is not allowed"):
        curved(-1)


LATTICE = """
[network]
kind = "ising"
edges = "square"
rows = 2
columns = 3
outputs = [5]
[cost]
kind = "squared_error"
[sample]
y = 1
[preparation]
method = "adiabatic"
time = 6.0
steps = 30
schedule = "%s"
"""


def test_a_spec_names_a_schedule_and_a_square_lattice(tmp_path):
    path = tmp_path / "lattice.toml"
    path.write_text(LATTICE % "curved_20")
    spec = load(path)
    preparer, network = spec.settings().preparer, spec.problem().network
    assert preparer == qep.Adiabatic(time=6.0, steps=30, schedule="curved_20")
    assert network.description == qep.ising(edges="square", rows=2, columns=3, outputs=[5]).description
    path.write_text(LATTICE % "quintc")
    with pytest.raises(InputError, match="schedule: unknown 'quintc'.*did you mean 'quintic'"):
        load(path).settings()


def test_a_slow_ramp_on_a_square_lattice_has_the_gradient_of_the_ground_state():
    network = qep.ising(edges="square", rows=2, columns=3, outputs=[5])
    weights = {**dict.fromkeys(network.names, 0.3), **{name: 1.0 for name in network.names if name.startswith("g")}}
    problem = qep.Problem(network, weights, cost=qep.SquaredError([1.0]))
    ramp = qep.Adiabatic(time=30.0, steps=150, schedule="quintic")
    gradient = qep.gradient(problem, preparer=ramp, stencil=qep.symmetric(0.05))
    exact = qep.exact_gradient(problem)
    assert np.linalg.norm(gradient.values - exact.values) < 0.02 * np.linalg.norm(exact.values)
