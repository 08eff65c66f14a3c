"""The tables of numbers in docs/, computed again: ``python docs/tables.py`` writes them, ``--check`` only compares.

A table stands between ``<!-- table NAME -->`` and ``<!-- /table -->`` in its document, and NAME is a function below.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from qiskit_aer.noise import NoiseModel, ReadoutError

import qep_qiskit as qep
from qep_qiskit.ansatz.ramp import Ramp
from qep_qiskit.ansatz.ramp_states import ramp_states
from qep_qiskit.ansatz.rotations import pack
from qep_qiskit.devices.appraisal import appraise, backend_of
from qep_qiskit.equilibrium.compiled_round import compile_round
from qep_qiskit.equilibrium.families import first_family
from qep_qiskit.equilibrium.plan import plan
from qep_qiskit.experiment import load
from qep_qiskit.measurement.bases import choose_bases
from qep_qiskit.preparation.initial_fields import transverse_fields
from qep_qiskit.preparation.structures import structure_for

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
        (
            "clifford",
            "`clifford`",
            "1 circuit per basis × calibration_shots, over its flips",
            "smallest 2^k ≥ 2n",
            "1× (rounded up to equal shots per row)",
        ),
        ("zne", "`zne` linear 1,3,5", "–", "3", "3×"),
        ("zne:1,3", "`zne:1,3`", "–", "2", "2×"),
        ("zne:richardson", "`zne:richardson` 1,3,5", "–", "3", "3×"),
    ):
        preparer = qep.VQE(layers=2) if word == "clifford" else qep.Exact()
        ratio = np.divide(*(_bars(problem, {**options, "preparer": preparer}, each) for each in (word, "none")))
        low, high = f"{ratio.min():.2f}", f"{ratio.max():.2f}"
        bar = f"{np.median(ratio):.2f}" + ("" if low == high else f" ({low} – {high})")
        rows.append([title, calibration, circuits, shots, bar])
    headings = ["", "calibration", "rows per circuit", "shots per circuit", "error bar"]
    return _table(headings, rows, marks=["---", "---", "---:", "---:", "---:"])


def _bars(problem: qep.Problem, options: dict[str, object], word: str) -> np.ndarray:
    stderr = qep.plan(problem, mitigation=word, **options).stderr  # type: ignore[arg-type]
    assert stderr is not None
    return stderr


class _CouplingsOutermost(Ramp):
    """A second-order ramp with the couplings outermost, in one layer more than there are steps."""

    packing = cached_property(lambda self: pack(self.paulis))


def trotter() -> str:
    """Trotter errors of second-order ramps with the fields outermost, divided by those with the couplings outermost."""
    uniform = {"paramagnet": (0.5, 0.1, 1.0), "near-critical": (1.0, 0.05, 1.0), "ferromagnet": (1.0, 0.3, 0.5)}
    spans = {"disordered paramagnet": (-1.0, 0.5, 1.5), "glass": (-1.5, 0.2, 0.8)}
    rows = []
    for title in (*uniform, *spans):
        errors = []
        for (edges, sites), seed in itertools.product((("chain", 6), ("ring", 8), ("heavy-hex", 9)), range(8)):
            network, rng = qep.ising(sites=sites, edges=edges, inputs=[0], outputs=[sites // 2]), np.random.default_rng(seed)
            if title in uniform:
                J, h, g = (np.full(sites, value) for value in uniform[title])
            else:
                low, least, most = spans[title]
                J, h, g = rng.uniform(low, -low, 2 * sites), rng.uniform(-0.5, 0.5, sites), rng.uniform(least, most, sites)
            weights = np.concatenate([np.resize(J, len(network.names) - 2 * sites), h, g])
            problem = qep.Problem(network, weights, x=[0.5], cost=qep.SquaredError([1.0]).observable())
            errors += [_trotter_errors(problem, time, step) for time in (2.0, 4.0, 8.0) for step in (0.1, 0.25, 0.5)]
            if title in uniform:
                break
        ratios = np.array(errors)
        low, median, high = np.quantile(ratios, (0.1, 0.5, 0.9), axis=0)
        rows.append([title, *(f"{b:.2f} ({a:.2f} – {c:.2f})" for a, b, c in zip(low, median, high, strict=True))])
    headings = ["", "state", "gradient", "gradient, equal layers of couplings"]
    return _table(headings, rows)


def _trotter_errors(problem: qep.Problem, time: float, step: float) -> list[float]:
    """Return the errors of the states and of the EP gradient at equal steps, and of the gradient at equal layers of couplings."""
    family = first_family(problem, qep.symmetric(0.2))
    fields, strings = transverse_fields(family), family.frame.paulis[family.support]
    structure = structure_for(family.frame.paulis)
    steps = round(time / step)

    def states(kind: type[Ramp], number: int) -> np.ndarray:
        return ramp_states(kind(strings, fields, number), family.coefficients[:, family.support], time)

    def gradient(ends: np.ndarray) -> np.ndarray:
        values = structure.expectations(ends)
        return problem.derivative_rows @ (values[2] - values[1])

    limit, before, after, more = (
        states(Ramp, 20 * steps),
        states(_CouplingsOutermost, steps),
        states(Ramp, steps),
        states(Ramp, steps + 1),
    )
    infidelities = [1 - np.mean(np.abs(np.sum(limit.conj() * ends, axis=1)) ** 2) for ends in (before, after)]
    errors = [np.linalg.norm(gradient(ends) - gradient(limit)) for ends in (before, after, more)]
    return [np.sqrt(infidelities[1] / infidelities[0]), errors[1] / errors[0], errors[2] / errors[0]]


def sent() -> str:
    """Circuits of the shipped specs, compiled for a snapshot of ibm_torino."""
    device, rows = qep.fake("torino", seed=1), []
    for path in sorted((FOLDER.parent / "hardware_runs" / "specs").glob("*.toml")):
        spec = load(path)
        if spec.preparation.kind_.name == "exact":
            continue
        network, weights = spec.weighted_network()
        x = spec.sample.x if "sample" in spec.tables else np.resize([1.0, -1.0], network.num_inputs)
        cost = qep.SquaredError(np.ones(len(network.outputs))).observable()
        settings = replace(spec.settings(), device=device, shots=1000, calibration_shots=None)
        compiled = compile_round([plan(qep.Problem(network, weights, x, cost=cost), settings)], device)
        for item in {item.work.axes: item for item in compiled.data}.values():
            facts = appraise(item.work.compiled, item.work.axes, backend_of(device).target)
            gates = item.work.compiled.circuit.count_ops()
            numbers = (facts.two_qubit_gates, facts.two_qubit_depth, gates.get("sx", 0) + gates.get("x", 0), facts.depth)
            rows.append([f"`{path.stem}`", item.work.axes[0], *map(str, numbers), f"{1e6 * facts.seconds:.1f} µs"])
    return _table(["spec", "basis", "CZ", "CZ depth", "pulses", "depth", "duration"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "truncation": truncation,
    "bases": bases,
    "mitigation": mitigation,
    "trotter": trotter,
    "sent": sent,
}


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
