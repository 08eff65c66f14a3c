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
from pathlib import Path
from typing import Any

import numpy as np

import qep_qiskit as qep
from qep_qiskit.budget import deviation
from qep_qiskit.devices.ibm.account import URL_VARIABLE
from qep_qiskit.equilibrium.execution import execute
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.rounds import finish
from qep_qiskit.experiment import load
from qep_qiskit.rehearsal.server import serve
from qep_qiskit.seeds import integer

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
)
COLUMNS += ("signs", "measured")


def chain(sites: int, *, inputs: list[int], output: int, seed: int = 7, expectations: bool = False) -> qep.Problem:
    """Return a disordered chain with transverse fields of 1."""
    return _problem(qep.ising(sites=sites, edges="chain", inputs=inputs, outputs=[output]), seed, expectations)


def ladder(edges: list[list[int]], sites: int, output: int, seed: int = 7) -> qep.Problem:
    """Return a network on a piece of a heavy-hexagonal graph."""
    return _problem(qep.ising(sites=sites, edges=edges, inputs=[0], outputs=[output]), seed, False)


def _problem(network: qep.Network, seed: int, expectations: bool) -> qep.Problem:
    weights = network.initial_weights(seed=seed)
    weights.update({name: 1.0 for name in weights if name.startswith("g")})
    cost = qep.SquaredError([1.0])
    x = [0.5, -0.5][: network.num_inputs]
    return qep.Problem(network, weights, x=x, cost=cost if expectations else cost.observable())


def native(sites: int, device: str, *, expectations: bool = False) -> qep.Problem:
    """Return a network on a heavy-hexagonal piece of a snapshot's couplings."""
    edges = {"edges": "native", "device": qep.fake(device)}
    return _problem(qep.ising(sites=sites, inputs=[0, 1], outputs=[sites // 3], **edges), 7, expectations)


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


def on_simulator(forecast: qep.Forecast) -> Iterator[np.ndarray]:
    """Yield gradients of a forecast problem on its simulated device, one per seed."""
    for number in range(SEEDS):
        seed = integer(11, "repeat", number)
        yield qep.gradient(forecast.problem, **{**forecast.settings, "seed": seed}).values


def on_service(forecast: qep.Forecast, service: Any) -> Iterator[np.ndarray]:
    """Yield gradients of a forecast problem by jobs to the mock service, one per seed of the service, from the same plan."""
    first = forecast.plan
    for number in range(SEEDS):
        service.seed = integer(11, "repeat", number)
        yield reduce(*finish(first, lambda plan, earlier: execute(plan, earlier=earlier))).values


def measured(name: str) -> dict[str, Any]:
    """Return the forecast of a problem and the statistics of its measured gradients."""
    with serve() as server:
        os.environ[URL_VARIABLE] = server.url
        clock = time.process_time()
        forecast = forecast_of(name)
        seconds = time.process_time() - clock
        served = str(PROBLEMS[name][1].get("device", "")).startswith("ibm_")
        gradients = []
        for values in on_service(forecast, server.service) if served else on_simulator(forecast):
            gradients.append(values)
            print(f"{name}: {len(gradients)} of {SEEDS}", file=sys.stderr)
        billed = server.service.ledger()["seconds"]
    return {**statistics(forecast, np.array(gradients)), "seconds": seconds, "billed": [billed, forecast.sending.seconds]}


def statistics(forecast: qep.Forecast, values: np.ndarray) -> dict[str, Any]:
    """Return the statistics of gradients (SEEDS, K) beside their forecast."""
    assert forecast.exact is not None and forecast.accuracy is not None and forecast.stderr is not None
    exact, size = forecast.exact, forecast.size
    errors = np.linalg.norm(values - exact, axis=1) / size
    scatter = values.std(axis=0, ddof=1)
    missed = (values - forecast.values) / forecast.stderr
    products = (missed @ missed.T)[~np.eye(SEEDS, dtype=bool)]  # their mean square estimates tr C²
    rms = float(np.sqrt(np.mean(errors**2)))
    bias = values.mean(axis=0) - exact
    own = max(float(bias @ bias) - float(np.sum(scatter**2)) / SEEDS, 0.0) ** 0.5  # without the part of the mean's own noise
    return {
        "sites": forecast.problem.network.num_qubits,
        "bars": float(np.sqrt(np.mean((scatter / forecast.stderr) ** 2))),
        "error": [forecast.relative_error, rms, float(np.std(errors**2, ddof=1)) / (2 * rms * np.sqrt(SEEDS))],
        "spread": [forecast.accuracy.spread, float(errors.std(ddof=1))],
        "bias": [forecast.accuracy.own_error, own / size, forecast.accuracy.uncertainty],
        "chi_square": [
            SEEDS * float(np.mean(missed.mean(axis=0) ** 2)),
            float(np.sqrt(2 * np.mean(products**2))) / missed.shape[1],
        ],
        "signs": [forecast.accuracy.sign_agreement, float(np.mean([deviation(v, exact).sign_agreement for v in values]))],
        "causes": {cause.name: cause.share for cause in forecast.causes},
    }


def row(name: str, entry: dict[str, Any]) -> str:
    """Return one row of the table."""

    def share(value: float) -> str:
        return f"{100 * value:.1f} %"

    predicted, error, unsure = entry["error"]
    cells = [name, entry["sites"], f"{entry['seconds']:.0f} s", f"{entry['bars']:.2f}", share(predicted)]
    cells += [f"{share(error)} ± {share(unsure)}", *map(share, entry["spread"]), *map(share, entry["bias"][:2])]
    chi_square = "{:.2f} ± {:.2f}".format(*entry["chi_square"])
    return "| " + " | ".join(map(str, [*cells, chi_square, *map(share, entry["signs"])])) + " |"


def main(names: list[str]) -> None:
    """Measure the named problems, or all of them, and print the table."""
    warnings.simplefilter("ignore")
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name in names or PROBLEMS:
        if name not in kept:
            kept[name] = measured(name)
            KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    print("| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS), sep="\n")
    for name in PROBLEMS:
        if name in kept:
            print(row(name, kept[name]))


if __name__ == "__main__":
    main(sys.argv[1:])
