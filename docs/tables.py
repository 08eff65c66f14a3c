"""The tables of numbers in docs/, computed again: ``python docs/tables.py`` writes them, ``--check`` only compares.

A table stands between ``<!-- table NAME -->`` and ``<!-- /table -->`` in its document, and NAME is a function below.
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from qiskit_aer.noise import NoiseModel, ReadoutError

import qep_qiskit as qep
from qep_qiskit.measurement.bases import choose_bases

FOLDER = Path(__file__).resolve().parent
PLACE = re.compile(r"(<!-- table (\S+) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
ROUNDING = 1e-10
"""Relative errors below this are rounding of the diagonalisation, and differ from machine to machine."""


def truncation() -> str:
    """Relative error of the gradient of two oscillators in levels, against the closed form."""
    costs = {"`SquaredError`": qep.SquaredError([0.3]), "`.observable()`": qep.SquaredError([0.3]).observable()}
    cases = [(0.5, "`SquaredError`"), *((k, name) for k in (2.0, 5.0) for name in costs)]
    rows = []
    for k, name in cases:
        exact = _pair_gradient(k, costs[name], None)
        errors = [np.linalg.norm(_pair_gradient(k, costs[name], n) - exact) / np.linalg.norm(exact) for n in (2, 4, 8, 16)]
        rows.append([f"k = {k:g}, {name}", *(_power(float(error)) for error in errors)])
    return _table(["", "levels 2", "4", "8", "16"], rows)


def _pair_gradient(k: float, cost: object, levels: int | None) -> np.ndarray:
    network = qep.oscillators(sites=2, inputs=[0], outputs=[1], levels=levels)
    problem = qep.Problem(network, {"k[0,1]": k, "a[0]": 1.0, "a[1]": 1.2}, x=[1.0], cost=cost)  # type: ignore[arg-type]
    return qep.exact_gradient(problem).values


def _power(error: float) -> str:
    if error < ROUNDING:
        return "< 1e-10" if error > 0 else "0"
    digits, exponent = f"{error:.1e}".split("e")
    return f"{digits}e{int(exponent)}"


def bases() -> str:
    """Pauli strings and measurement bases of chains of oscillators."""
    rows = []
    for sites, levels in ((2, 2), (2, 4), (2, 8), (2, 16), (3, 4), (3, 8), (4, 4), (4, 8)):
        sizes = [_strings_and_bases(sites, levels, encoding) for encoding in ("binary", "gray")]
        qubits = sites * (levels.bit_length() - 1)
        rows.append([str(n) for n in (sites, levels, qubits, sizes[0][0], sizes[0][1], sizes[1][1])])
    return _table(["oscillators", "levels", "qubits", "strings", "bases, binary", "bases, Gray"], rows, first="---:")


def _strings_and_bases(sites: int, levels: int, encoding: str) -> tuple[int, int]:
    network = qep.oscillators(sites=sites, inputs=[0], outputs=[sites - 1], levels=levels, encoding=encoding)
    weights = dict.fromkeys(network.names, 1.0)
    problem = qep.Problem(network, weights, x=[1.0], cost=qep.SquaredError([0.3]))
    strings = np.flatnonzero((problem.derivative_rows != 0).any(axis=0) | (problem.output_rows != 0).any(axis=0))
    return int(problem.frame.busy.sum()), len(choose_bases(problem.frame.paulis, strings))


def mitigation() -> str:
    """Circuits, shots and error bars of the mitigations, predicted for a four-site chain."""
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.09, 0.91]]))
    network = qep.ising(sites=4, edges="chain", inputs=[0], outputs=[3])
    problem = qep.Problem(network, network.initial_weights(seed=7), x=[0.5], cost=qep.SquaredError([1.0]))
    options = {"device": qep.simulator(noise=noise, seed=1), "shots": 4000, "stencil": qep.symmetric(0.2)}
    raw = _bars(problem, options, "none")
    rows = []
    for word, title, calibration, circuits, shots in (
        ("tensored", "`tensored`", "2 circuits × calibration_shots", "1", "1×"),
        ("m3", "`m3`", "2 circuits × calibration_shots", "1", "1×"),
        (
            "trex",
            "`trex`",
            "1 circuit × calibration_shots, over its flips",
            "smallest 2^k ≥ 2n",
            "1× (rounded up to equal shots per row)",
        ),
        ("zne", "`zne` linear 1,3,5", "–", "3", "3×"),
        ("zne:1,3", "`zne:1,3`", "–", "2", "2×"),
        ("zne:richardson", "`zne:richardson` 1,3,5", "–", "3", "3×"),
    ):
        ratio = _bars(problem, options, word) / raw
        low, high = f"{ratio.min():.2f}", f"{ratio.max():.2f}"
        bar = f"{np.median(ratio):.2f}" + ("" if low == high else f" ({low} – {high})")
        rows.append([title, calibration, circuits, shots, bar])
    headings = ["", "calibration", "rows per circuit", "shots per circuit", "error bar"]
    return _table(headings, rows, marks=["---", "---", "---:", "---:", "---:"])


def _bars(problem: qep.Problem, options: dict[str, object], word: str) -> np.ndarray:
    stderr = qep.plan(problem, mitigation=word, **options).stderr  # type: ignore[arg-type]
    assert stderr is not None
    return stderr


TABLES: dict[str, Callable[[], str]] = {"truncation": truncation, "bases": bases, "mitigation": mitigation}


def _table(headings: list[str], rows: list[list[str]], *, first: str = "---", marks: list[str] | None = None) -> str:
    marks = [first, *["---:"] * (len(headings) - 1)] if marks is None else marks
    lines = [f"| {' | '.join(headings)} |".replace("|  |", "| |"), f"| {' | '.join(marks)} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def written_again(text: str, only: str | None = None) -> str:
    """Return a document with its tables computed again, or one of them."""

    def filled(place: re.Match[str]) -> str:
        return place[1] + (TABLES[place[2]]() if only in (None, place[2]) else place[3]) + place[4]

    return PLACE.sub(filled, text)


def main() -> int:
    """Write the tables, or compare them."""
    parser = argparse.ArgumentParser(prog="python docs/tables.py", description="Compute the tables of docs/ again.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a table is not what is computed")
    check = parser.parse_args().check
    stale = []
    for path in sorted(FOLDER.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            after = written_again(before)
        if before != after:
            stale.append(path.name)
            if not check:
                path.write_text(after, encoding="utf-8")
    print(f"{'differ' if check else 'written'}: {', '.join(stale)}" if stale else "all tables are as they are computed")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
