"""The examples of docs/contributing.md run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
SPEC = """
seed = 1
[network]
kind = "star"
leaves = 2
inputs = [1]
outputs = [2]
[sample]
x = [0.5]
y = [1.0]
[cost]
kind = "squared_error"
[stencil]
beta = 0.2
[preparation]
method = "pruned"
threshold = 1e-4
[measurement]
shots = 2000
mitigation = "averaged"
[device]
name = "noisy_readout"
flip = 0.05
"""
CHECKS = """
import sys
import warnings

import numpy as np
from click.testing import CliRunner

import qep_qiskit as qep

spec = load(sys.argv[1])
problem = spec.problem()
assert problem.network.names[:2] == ("J[0,1]", "J[0,2]")
gradient = qep.gradient(problem, **spec.settings())
assert gradient.provenance["preparer"] == {"method": "pruned", "threshold": 1e-4}
assert gradient.provenance["mitigation"] == "averaged"
exact = qep.exact_gradient(problem)
assert np.all(np.abs(gradient.values - exact.values) < 5 * gradient.stderr + 0.05)
printed = CliRunner().invoke(command, [sys.argv[1]]).output
assert len(printed.splitlines()) == len(problem.network.names) and printed.startswith("J[0,1] ")
"""


def test_the_examples_add_what_they_say(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)
    assert len(blocks) == 5
    (tmp_path / "spec.toml").write_text(SPEC, encoding="utf-8")
    code = "\n".join([*blocks, "from qep_qiskit.experiment import load", CHECKS])
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "spec.toml")], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
