"""Detecting a field with one qubit: the script of examples/, its closed form quickly, the whole of it slowly."""

import subprocess
import sys

import numpy as np
import pytest

import qep_qiskit as qep


@pytest.fixture(scope="module")
def script(example):
    return example("field_detection")


def test_the_closed_form_detects_the_field(script):
    for x, target in zip(script.FIELDS, script.TARGETS, strict=True):
        problem = qep.Problem(script.network, list(script.closed_form()), x=x, cost=qep.SquaredError([target]))
        assert qep.exact_gradient(problem).predictions[0] == pytest.approx(target, abs=1e-10)


def test_a_step_by_ramps_points_where_the_exact_one_does(script):
    exact = qep.gradient(script.PROBLEM, stencil=qep.symmetric(0.02)).values
    gradient = qep.gradient(script.PROBLEM, preparer=script.ramp("cosine", 40.0, 400), stencil=qep.symmetric(0.02)).values
    assert np.linalg.norm(gradient - exact) < 0.05


@pytest.mark.slow
def test_the_script_prints_the_published_exponents(script):
    printed = subprocess.run([sys.executable, script.__file__], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split("T^")[1].split()[0] for line in printed[:3]] == ["-4.0", "-1.0", "-2.0"]
    assert float(printed[3].split("T^")[1].split()[0]) > -0.2
    assert "A 0.371, B 0.180" in printed[4]
    assert "A 0.374, B 0.179; <Z> 0.902 without the field, 0.302 with it" in printed[5]
