"""Ground states by evolution in imaginary time."""

import numpy as np

import qep_qiskit as qep
from qep_qiskit.experiment import load
from qep_qiskit.kinds import PREPARERS
from qep_qiskit.preparation import Family

SETTINGS = [("preparation.method", "imaginary_time"), ("preparation.duration", "30")]


def test_a_spec_names_it_and_it_finds_the_ground_states(small_spec):
    spec = load(small_spec, overrides=SETTINGS)
    assert spec.preparer() == PREPARERS["imaginary_time"](30.0)
    gradient, exact = (
        qep.gradient(spec.problem(), preparer=preparer, stencil=qep.symmetric(0.05))
        for preparer in (spec.preparer(), qep.Exact())
    )
    np.testing.assert_allclose(gradient.values, exact.values, atol=1e-5)
    assert all(phase.residual < 1e-5 for phase in spec.preparer().prepare(_family(spec)).phases)


def _family(spec):
    problem = spec.problem()
    return Family(problem.frame, problem.hamiltonian_row, np.abs(problem.cost_rows).sum(axis=0), (0.0, 0.1))


def test_its_circuit_gives_the_same_gradient(small_spec):
    spec = load(small_spec, overrides=SETTINGS)
    options = {"preparer": spec.preparer(), "stencil": qep.symmetric(0.1)}
    direct, run = qep.gradient(spec.problem(), **options), qep.gradient(spec.problem(), device=qep.simulator(), **options)
    np.testing.assert_allclose(run.values, direct.values, atol=1e-6)
