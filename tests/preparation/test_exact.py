"""Options of exact ground states: the gap can be left out, and then nothing else changes."""

import numpy as np
import pytest

import qep_qiskit as qep
from qep_qiskit.experiment import load


def chain():
    network = qep.ising(sites=9, edges="chain", inputs=[0], outputs=[8])
    return qep.Problem(network, network.initial_weights(seed=3), x=[0.7], cost=qep.SquaredError([1.0]))


def test_without_the_gap_the_gradient_is_the_same_and_the_gap_is_absent():
    stencil = qep.symmetric(0.05)
    with_gap = qep.gradient(chain(), preparer=qep.Exact(), stencil=stencil)
    without = qep.gradient(chain(), preparer=qep.Exact(gap=False), stencil=stencil)
    assert np.abs(with_gap.values - without.values).max() < 1e-7
    assert with_gap.diagnostics["gap"] > 0
    assert without.diagnostics["gap"] is None


def test_tolerance_bounds_the_error():
    reference = qep.gradient(chain(), preparer=qep.Exact(tolerance=1e-10), stencil=qep.symmetric(0.1)).values
    loose = qep.gradient(chain(), preparer=qep.Exact(tolerance=1e-5), stencil=qep.symmetric(0.1)).values
    assert np.abs(loose - reference).max() < 1e-3


@pytest.mark.parametrize("option", [{"gap": 1}, {"tolerance": 0.0}, {"nudge_share": float("nan")}])
def test_bad_options_are_named(option):
    with pytest.raises(qep.InputError, match=next(iter(option))):
        qep.Exact(**option)


def test_the_spec_reaches_both_options(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(
        '[network]\nkind = "ising"\nsites = 2\noutputs = [1]\n[cost]\nkind = "squared_error"\n[sample]\ny = [1.0]\n'
        "[preparation]\ntolerance = 1e-6\ngap = false\n"
    )
    assert load(path).preparer() == qep.Exact(tolerance=1e-6, gap=False)
