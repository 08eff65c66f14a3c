"""Diagnostics are a value with names, and the mapping that JSON holds."""

import json
import math

import pytest

import qep_qiskit as qep
from qep_qiskit.documents import plain
from qep_qiskit.equilibrium.diagnostics import Diagnostics

NETWORK = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
PROBLEM = qep.Problem(NETWORK, NETWORK.initial_weights(seed=3), x=[0.5], cost=qep.SquaredError([1.0]))


@pytest.fixture(scope="module", params=["exact", "measured", "mean field", "MPS"])
def diagnostics(request):
    if request.param == "exact":
        return qep.exact_gradient(PROBLEM).diagnostics
    preparer = {"mean field": qep.MeanField(), "MPS": qep.MPS(4)}.get(request.param, qep.Exact())
    return qep.gradient(PROBLEM, preparer=preparer, stencil=qep.symmetric(0.3)).diagnostics


def test_names_and_keys_give_the_same(diagnostics):
    assert isinstance(diagnostics, Diagnostics)
    assert diagnostics["gap"] == diagnostics.gap and diagnostics["warnings"] == list(diagnostics.warnings)
    assert [phase["energy"] for phase in diagnostics["phases"]] == [phase.energy for phase in diagnostics.phases]
    assert diagnostics.get("beta_bias") == diagnostics.beta_bias
    assert list(diagnostics) == list(diagnostics.to_dict()) and len(diagnostics) == len(diagnostics.to_dict())
    assert "nothing" not in diagnostics


def test_they_come_back_from_json(diagnostics):
    restored = Diagnostics.of(json.loads(json.dumps(plain(diagnostics))))
    assert plain(restored) == plain(diagnostics)
    assert {type(phase) for phase in restored.phases} == {type(phase) for phase in diagnostics.phases}


def test_an_empty_document_is_enough():
    assert Diagnostics.of({}).to_dict() == {"gap": None, "phases": [], "warnings": []}
    (phase,) = Diagnostics.of({"phases": [{"beta": 0.1, "energy": None}]}).phases
    assert math.isnan(phase.energy)


def test_warnings_are_added_before_or_after():
    one = Diagnostics(warnings=("b",))
    assert one.with_warnings(["c"]).warnings == ("b", "c") and one.with_warnings(["a"], first=True).warnings == ("a", "b")
