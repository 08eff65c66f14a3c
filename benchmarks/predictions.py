"""Forecasts against measured gradients: ``python -m benchmarks.predictions [NAME …]``.

Each problem is forecast once and measured with 20 seeds: on a simulated device, or, for the larger ones, by jobs to the mock
service under the full noise of a Heron's snapshot, sent by IBM's client. The table holds, per problem,

    bars     the scatter of the measured weights over their predicted error bars, root mean square over all weights
    error    the root-mean-square relative error, predicted and measured, with the standard error of the measured one
    spread   the standard deviation of the relative error over seeds, predicted and measured
    bias     the norm of the bias, predicted and measured, as a share of the gradient's norm
    χ²/K     the mean of ((mean over seeds − predicted value) / its predicted standard error)², and √(2 tr C²) / K with C the
             correlations of the weights: where every value is predicted exactly, it is 1 ± that
    signs    the share of weights with the correct sign, predicted and measured

Finished problems are kept in ``predictions.json`` and not measured again.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qep_qiskit as qep
from benchmarks.problems import with_fields_of_one
from benchmarks.tables import line, table
from qep_qiskit.devices.ibm.account import URL_VARIABLE
from qep_qiskit.equilibrium.execution import execute
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.rounds import finish
from qep_qiskit.experiment import load
from qep_qiskit.forecasting.accuracy import CLEAR
from qep_qiskit.rehearsal.server import serve
from qep_qiskit.rehearsal.service import Service
from qep_qiskit.seeds import integer

Vector = NDArray[np.float64]
KEPT = Path(__file__).resolve().with_suffix(".json")
SEEDS = 20
COLUMNS: tuple[str, ...] = (
    "problem",
    "sites",
    "predicting",
    "bars",
    "error, predicted",
    "measured",
    "spread",
    "measured",
    "bias",
    "measured",
    "χ²/K",
    "signs",
    "measured",
)


def chain(sites: int, *, inputs: list[int], output: int, seed: int = 7, expectations: bool = False) -> qep.Problem:
    """Return a disordered chain with transverse fields of 1."""
    network = qep.ising(sites=sites, edges="chain", inputs=inputs, outputs=[output])
    return with_fields_of_one(network, seed=seed, expectations=expectations)


def ladder(edges: list[list[int]], sites: int, output: int, seed: int = 7) -> qep.Problem:
    """Return a network on a piece of a heavy-hexagonal graph."""
    return with_fields_of_one(qep.ising(sites=sites, edges=edges, inputs=[0], outputs=[output]), seed=seed)


def native(sites: int, device: str, *, expectations: bool = False) -> qep.Problem:
    """Return a network on a heavy-hexagonal piece of a snapshot's couplings."""
    network = qep.ising(sites=sites, edges="native", device=qep.fake(device), inputs=[0, 1], outputs=[sites // 3])
    return with_fields_of_one(network, expectations=expectations)


HEXAGON = [[i, (i + 1) % 12] for i in range(12)] + [[2, 12], [12, 13], [13, 14], [8, 15]]
SPECS = Path(__file__).resolve().parents[1] / "hardware_runs" / "specs"
SERVED: dict[str, Any] = {
    "preparer": qep.VQE(layers=2, simulation="light_cones", starts=1),
    "stencil": qep.symmetric(0.3),
    "shots": 10_000,
}
PROBLEMS: dict[str, tuple[qep.Problem, dict[str, Any]]] = {
    "chain, tensored": (
        chain(14, inputs=[0, 5], output=7),
        {"preparer": qep.VQE(layers=2), "stencil": qep.symmetric(0.2), "shots": 10_000, "mitigation": "tensored"},
    ),
    "chain, one layer, raw": (
        chain(16, inputs=[0, 5], output=8, seed=3),
        {"preparer": qep.VQE(layers=1), "stencil": qep.symmetric(0.3), "shots": 4000},
    ),
    "chain, trex": (
        chain(20, inputs=[0, 5], output=10),
        {"preparer": qep.VQE(layers=2), "stencil": qep.symmetric(0.3), "shots": 10_000, "mitigation": "trex"},
    ),
    "chain, extrapolated": (
        chain(18, inputs=[0, 5], output=9, seed=5),
        {"preparer": qep.VQE(layers=2), "stencil": qep.extrapolated(0.3), "shots": 10_000, "mitigation": "tensored"},
    ),
    "hexagon, tensored": (
        ladder(HEXAGON, 16, 2),
        {"preparer": qep.VQE(layers=1), "stencil": qep.symmetric(0.3), "shots": 10_000, "mitigation": "tensored"},
    ),
    "small chain, tensored": (
        chain(8, inputs=[0, 2], output=5),
        {"preparer": qep.VQE(layers=2), "stencil": qep.symmetric(0.2), "shots": 10_000, "mitigation": "tensored"},
    ),
    "served chain, tensored": (
        chain(20, inputs=[0, 5], output=10, seed=7),
        {**SERVED, "device": "ibm_torino", "mitigation": "tensored"},
    ),
    "served heavy-hex, raw, expectations": (
        native(27, "fake_torino", expectations=True),
        {**SERVED, "device": "ibm_torino", "mitigation": "none"},
    ),
    "served chain, trex, expectations": (
        chain(30, inputs=[10, 20], output=15, seed=5, expectations=True),
        {**SERVED, "device": "ibm_fez", "mitigation": "trex"},
    ),
    "served heavy-hex, clifford": (
        native(36, "fake_fez"),
        {**SERVED, "device": "ibm_fez", "mitigation": "clifford"},
    ),
    "served heavy-hex, tensored": (
        load(SPECS / "heavy-hex-50.toml").problem(),
        {**SERVED, "device": "ibm_fez", "mitigation": "tensored"},
    ),
}


def forecast_of(name: str) -> qep.Forecast:
    """Return the forecast of a problem."""
    problem, options = PROBLEMS[name]
    device = str(options.get("device", "fake_torino"))
    return qep.forecast(problem, **{**options, "device": qep.ibm(device) if device.startswith("ibm_") else device})


def repeated(forecast: qep.Forecast, service: Service) -> Iterator[Vector]:
    """Yield gradients of a forecast problem, one per seed of the simulated device or of the mock service, from the same plan."""
    plan = forecast.plan
    for number in range(SEEDS):
        seed = integer(11, "repeat", number)
        service.seed = seed
        first = plan if forecast.settings.device.name.startswith("ibm_") else reseeded(plan, seed)
        yield reduce(*finish(first, lambda part, earlier: execute(part, earlier=earlier))).values


def reseeded(plan: qep.Plan, seed: int) -> qep.Plan:
    """Return the plan with a seed for its shots."""
    return replace(plan, settings=replace(plan.settings, seed=seed))


def measured(name: str) -> dict[str, Any]:
    """Return the forecast of a problem and the statistics of its measured gradients."""
    with serve() as server:
        os.environ[URL_VARIABLE] = server.url
        clock = time.process_time()
        forecast = forecast_of(name)
        seconds = time.process_time() - clock
        gradients: list[Vector] = []
        for values in repeated(forecast, server.service):
            gradients.append(values)
            print(f"{name}: {len(gradients)} of {SEEDS}", file=sys.stderr)
    return {**statistics(forecast, np.array(gradients)), "seconds": seconds}


def statistics(forecast: qep.Forecast, values: Vector) -> dict[str, Any]:
    """Return the statistics of gradients (SEEDS, K) beside their forecast."""
    assert forecast.exact is not None and forecast.accuracy is not None and forecast.stderr is not None
    exact, size = forecast.exact, forecast.size
    errors = np.linalg.norm(values - exact, axis=1) / size
    scatter = values.std(axis=0, ddof=1)
    missed = (values - forecast.values) / forecast.stderr
    products = (missed @ missed.T)[~np.eye(SEEDS, dtype=bool)]  # their mean square estimates tr C²
    unsure = 0.0 if forecast.levels.exact_uncertainty is None else forecast.levels.exact_uncertainty
    clear = np.abs(exact) > np.maximum(unsure, CLEAR * np.abs(exact).max())  # the signs that the reference knows
    rms = float(np.sqrt(np.mean(errors**2)))
    bias = values.mean(axis=0) - exact
    # without the part of the mean's own noise
    bias_size = max(float(bias @ bias) - float(np.sum(scatter**2)) / SEEDS, 0.0) ** 0.5
    along = float((values @ bias).std(ddof=1)) / float(np.linalg.norm(bias)) / np.sqrt(SEEDS)  # its standard error
    return {
        "sites": forecast.plan.problem.network.num_qubits,
        "bars": float(np.sqrt(np.mean((scatter / forecast.stderr) ** 2))),
        "error": [forecast.relative_error, rms, float(np.std(errors**2, ddof=1)) / (2 * rms * np.sqrt(SEEDS))],
        "spread": [forecast.accuracy.spread, float(errors.std(ddof=1))],
        "bias": [forecast.accuracy.own_error, bias_size / size, along / size, forecast.accuracy.uncertainty],
        "chi_square": [
            SEEDS * float(np.mean(missed.mean(axis=0) ** 2)),
            float(np.sqrt(2 * np.mean(products**2))) / missed.shape[1],
        ],
        "signs": [forecast.accuracy.sign_agreement, float(np.mean(np.sign(values) == np.sign(exact), where=clear))],
        "causes": {cause.name: cause.share for cause in forecast.causes},
    }


def row(name: str, entry: dict[str, Any]) -> str:
    """Return one row of the table."""

    def share(value: float) -> str:
        return f"{100 * value:.1f} %"

    predicted, error, unsure = entry["error"]
    cells = [name, entry["sites"], f"{entry['seconds']:.0f} s", f"{entry['bars']:.2f}", share(predicted)]
    bias, own, along, _ = entry["bias"]
    cells += [f"{share(error)} ± {share(unsure)}", *map(share, entry["spread"]), share(bias), f"{share(own)} ± {share(along)}"]
    chi_square = "{:.2f} ± {:.2f}".format(*entry["chi_square"])
    return line([*map(str, cells), chi_square, *map(share, entry["signs"])])


def main(names: list[str]) -> None:
    """Measure the named problems, or all of them, and print the table."""
    warnings.simplefilter("ignore")
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name in names or PROBLEMS:
        if name not in kept:
            kept[name] = measured(name)
            KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    print(table(COLUMNS, (), "l" * len(COLUMNS)))
    for name in PROBLEMS:
        if name in kept:
            print(row(name, kept[name]))


if __name__ == "__main__":
    main(sys.argv[1:])
