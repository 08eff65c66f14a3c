"""The examples of docs/contributing.md, added to a copy of the package: the files that the page names are enough."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
mitigation = "smoothed"
[device]
name = "noisy_readout"
flip = 0.05
"""
CALLS = """
import json, sys
from click.testing import CliRunner
from qep_qiskit.cli.main import cli
from qep_qiskit.experiment import load
from qep_qiskit.report.weights_page import page

answers = [CliRunner().invoke(cli, words.split()) for words in sys.argv[1:]]
html = page(load("spec.toml").problem())
print(json.dumps({"html": html, "answers": [[answer.exit_code, answer.stdout, answer.stderr] for answer in answers]}))
"""


def examples():
    """Yield the path and the text of every file that a section of the page adds."""
    for section in re.split(r"^##+ ", PAGE, flags=re.M):
        line = re.search(r"^Files: (.*?)\n\n", section, flags=re.M | re.S)
        if line:
            paths = re.findall(r"`([\w/]+\.(?:py|html\.jinja))`", line[1])
            for path, text in zip(paths, re.findall(r"^```\w+\n(.*?)^```", section, flags=re.M | re.S), strict=False):
                yield path if path.startswith("tests/") else f"qep_qiskit/{path}", text


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The project with the files of the page, in a folder of its own."""
    folder = tmp_path_factory.mktemp("contributing")
    shutil.copytree(ROOT / "qep_qiskit", folder / "qep_qiskit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path in [ROOT / "tests/conftest.py", *ROOT.glob("tests/*/*_contract.py")]:
        if not path.name.startswith("test_"):
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    for path, text in examples():
        assert not (folder / path).exists()
        (folder / path).write_text(text, encoding="utf-8")
    verbs = folder / "qep_qiskit/cli/main.py"
    verbs.write_text(verbs.read_text(encoding="utf-8").replace('"Look up": (', '"Look up": ("weights", '), encoding="utf-8")
    (folder / "spec.toml").write_text(SPEC, encoding="utf-8")
    return folder


def run(copy, *words):
    return subprocess.run([sys.executable, *words], cwd=copy, capture_output=True, text=True, check=False)


def test_the_examples_add_what_they_say(copy):
    calls = {
        "gradient spec.toml --json": None,
        "weights spec.toml --json": None,
        "weights spec.toml": "J[0,1] ",
        "weights --help": "Example: qep weights gradient.toml",
        "--help": "weights   Print the weights of a spec.",
        "kinds network": "star: an Ising network whose site 0 is joined to all others",
        "kinds preparation": "threshold    0.001    the smallest amplitude that is kept, a number of at least 0",
        "kinds device": "flip    0.02    the probability of a flip, a number from 0 to below 0.5",
        "gradient spec.toml --set network.leaves=a": 'network.leaves: "a" is not allowed; give a whole number',
        "gradient spec.toml --set network.inputs=1": "network.inputs: 1 is not allowed; give a list of whole numbers",
        "gradient spec.toml --set device.flip=2": "device.flip: 2 is not allowed; give the probability of a flip, a number",
        "gradient spec.toml --set measurement.mitigation=smooth": "did you mean 'smoothed'?",
        "gradient spec.toml --set preparation.method=prune": "did you mean 'pruned'?",
    }
    answer = run(copy, "-c", CALLS, *calls)
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    for (words, text), (code, out, error) in zip(calls.items(), document["answers"], strict=True):
        printed = out or error
        assert code == (2 if "--set" in words else 0), (words, printed)
        assert text is None or text in " ".join(printed.split()) or text in printed, (words, printed)
    gradient, weights = (json.loads(out) for _, out, _ in document["answers"][:2])
    assert gradient["provenance"]["preparer"] == {"method": "pruned", "threshold": 1e-4}
    assert gradient["provenance"]["mitigation"] == "smoothed" and gradient["provenance"]["device"]["name"] == "simulator"
    errors = zip(gradient["values"], gradient["exact"], gradient["stderr"], strict=True)
    assert all(abs(value - exact) < 5 * stderr + 0.05 for value, exact, stderr in errors)
    assert list(weights) == gradient["names"]
    assert document["html"].startswith("<!doctype html>") and "J[0,1]" in document["html"]


@pytest.mark.slow
def test_the_examples_pass_their_contracts(copy):
    if importlib.util.find_spec("ruff"):
        answer = run(copy, "-m", "ruff", "check", "qep_qiskit", "tests")
        assert answer.returncode == 0, answer.stdout
    answer = run(copy, "-m", "pytest", "-q", "tests")
    assert answer.returncode == 0, answer.stdout
    assert all(f"tests/{name}" in PAGE for name in ("networks", "preparation", "devices", "measurement"))
