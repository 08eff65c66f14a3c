"""A first session in a notebook takes at most thirty lines of code."""

import ast
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import qep_qiskit as qep

SESSION = Path(__file__).parents[1] / "examples/first_session.py"


def body():
    return ast.parse(SESSION.read_text(encoding="utf-8")).body[1:]  # without the docstring


def test_a_first_session_has_at_most_thirty_lines():
    assert sum(statement.end_lineno - statement.lineno + 1 for statement in body()) <= 30
    words = {node.attr for node in ast.walk(ast.Module(body(), [])) if isinstance(node, ast.Attribute)}
    assert {"ising", "gradient", "compare", "plot", "train", "forecast", "save", "load_result"} <= words


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_first_session_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(SESSION)])
    names = {"__file__": str(SESSION), "__name__": "__main__"}
    exec(compile(ast.Module(body(), []), str(SESSION), "exec"), names)
    assert len(plt.get_fignums()) == 5
    plt.close("all")
    assert isinstance(names["gradient"], qep.Gradient) and qep.load_result("xor.json") == names["result"]
    assert names["result"].score(names["X"], names["y"]) == 1.0
    assert "J[0,1]  " in capsys.readouterr().out
    assert list(tmp_path.glob("hardware_runs/rehearsal-*/report.html"))
