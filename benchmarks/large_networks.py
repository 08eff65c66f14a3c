"""Gradients of large networks by VQE on light cones, beside matrix product states: ``python -m benchmarks.large_networks``.

The accuracy of an instance is the relative error |g − g_MPS| / |g_MPS| of the gradient of all weights. Both gradients are
taken at the same β, so the finite-β bias is not part of it. A third layer is added where two leave more than 5 %.

    accuracy    instances of several regimes, on a chain and on the coupling graph of a 127-qubit device
    time        processor seconds of the free phase, two nudged phases and all weights
    growth      the same against sites and layers, and the picture of it

Finished instances are kept in ``large_networks.json`` and not computed again.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import qep_qiskit as qep
from benchmarks.problems import REGIMES, drawn
from benchmarks.tables import table
from qep_qiskit.devices.simulated.snapshots import snapshot
from qep_qiskit.errors import NudgeWarning
from qep_qiskit.networks.edges import edges_of
from qep_qiskit.preparation.compiled_ansatz import compiled_ansatz
from qep_qiskit.reference import reference_gradient

KEPT = Path(__file__).resolve().with_suffix(".json")
PICTURE = KEPT.with_suffix(".png")
BETA = 0.1
WANTED = 0.05
"""The relative error above which a third layer is added."""
SITES = {"chain": 100, "heavy-hex": 127}
INSTANCES = {
    "chain": {"paramagnet": 10, "strong disorder": 3, "near critical": 2, "ordered": 2, "glass": 2},
    "heavy-hex": {"paramagnet": 10, "near critical": 1, "ordered": 1, "glass": 1},
}
GROWTH = {1: (20, 50, 100, 200, 500, 1000), 2: (20, 50, 100, 200, 500, 1000), 3: (20, 50, 100)}
"""The sites at which whole gradients are timed, by layers."""


def instance(graph: str, sites: int, regime: str, seed: int) -> qep.Problem:
    """Return a random network with inputs at its first two sites and the output in the middle."""
    whole = graph == "heavy-hex" and sites == SITES[graph]
    edges = sorted(edges_of(snapshot("fake_sherbrooke").backend.coupling_map if whole else graph, sites))
    network = qep.ising(sites=sites, edges=edges, inputs=[0, 1], outputs=[sites // 2])
    weights = drawn(network, REGIMES[regime], np.random.default_rng([seed, sites]))
    return qep.Problem(network, weights, x=[0.5, -0.5], cost=qep.SquaredError([1.0]))


def measured(problem: qep.Problem, preparer: qep.preparation.Preparer) -> tuple[qep.Gradient, float, list[str]]:
    """Return the gradient, its processor seconds and its warnings."""
    start = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NudgeWarning)
        gradient = qep.gradient(problem, preparer=preparer, stencil=qep.symmetric(BETA))
    return gradient, time.process_time() - start, [str(each.message) for each in caught]


def accuracy(graph: str, regime: str, seed: int) -> dict[str, Any]:
    """Compare one instance with matrix product states."""
    problem = instance(graph, SITES[graph], regime, seed)
    start = time.process_time()
    reference = reference_gradient(problem, stencil=qep.symmetric(BETA))
    row: dict[str, Any] = {"graph": graph, "regime": regime, "seed": seed}
    row["MPS"] = {"seconds": time.process_time() - start, "warnings": list(reference.warnings), "uncertainty": reference.error}
    row["MPS"] |= {"method": reference.method, "energy": reference.energy}
    for layers in (2, 3):
        gradient, seconds, said = measured(problem, qep.VQE(layers=layers))
        error = float(np.linalg.norm(gradient.values - reference.values) / np.linalg.norm(reference.values))
        row[str(layers)] = {"error": error, "seconds": seconds, "warnings": said}
        row[str(layers)]["doubt"] = reference.above(gradient.diagnostics.phases[0].energy)
        if error <= WANTED:
            break
    return row


def compare() -> None:
    """Compute the instances that are not kept yet, and print a table of all."""
    for graph, counts in INSTANCES.items():
        for regime, count in counts.items():
            for seed in range(count):
                rows = json.loads(KEPT.read_text()) if KEPT.exists() else []
                if not any((r["graph"], r["regime"], r["seed"]) == (graph, regime, seed) for r in rows):
                    row = accuracy(graph, regime, seed)
                    KEPT.write_text(json.dumps([*rows, row], indent=1) + "\n")
    head = ("network", "relative errors, two layers (three layers in brackets)", "median", "warned", "VQE", "MPS")
    lines = []
    rows = json.loads(KEPT.read_text())
    for graph, regime in dict.fromkeys((r["graph"], r["regime"]) for r in rows):
        group = sorted((r for r in rows if (r["graph"], r["regime"]) == (graph, regime)), key=lambda r: int(r["seed"]))
        listed = [f"{100 * r['2']['error']:.2g}" + (f" ({100 * r['3']['error']:.2g})" if "3" in r else "") for r in group]
        median = 100 * np.median([r["2"]["error"] for r in group])
        seconds = [np.median([r[way]["seconds"] for r in group]) for way in ("2", "MPS")]
        warned = sum(bool(r["2"]["warnings"]) for r in group)
        shares = (f"{', '.join(listed)} %", f"{median:.2g} %", f"{warned} of {len(group)}")
        lines.append([f"{graph}, {regime}", *shares, *(f"{each:.0f} s" if each >= 10 else f"{each:.2g} s" for each in seconds)])
    print(table(head, lines, "llrrrr"))


def cold(graph: str, sites: int, layers: int) -> float:
    """Return the processor seconds of the gradient of one paramagnet, with all setting up."""
    compiled_ansatz.cache_clear()
    return measured(instance(graph, sites, "paramagnet", 0), qep.VQE(layers=layers))[1]


def times() -> None:
    """Print the processor seconds of two layers at full size, set-up apart."""
    cold("chain", 20, 1)  # imports
    for graph, sites in SITES.items():
        whole = [cold(graph, sites, 2) for _ in range(3)]
        again = [measured(instance(graph, sites, "paramagnet", 0), qep.VQE(layers=2))[1] for _ in range(3)]
        median = float(np.median(whole))
        print(f"{graph}, {sites} sites: {median:.2f} s, of which setting up {median - float(np.median(again)):.2f} s", flush=True)


def growth() -> None:
    """Draw the seconds of whole gradients against sites, and print them."""
    figure, panels = plt.subplots(1, 2, figsize=(9.0, 4.0), layout="constrained", sharey=True)
    cold("chain", 20, 1)  # imports
    for axes, graph in zip(panels, SITES, strict=True):
        for (layers, sizes), mark in zip(GROWTH.items(), "os^", strict=True):
            seconds = [cold(graph, sites, layers) for sites in sizes]
            axes.plot(
                sizes, seconds, marker=mark, markersize=5, color=f"C{layers - 1}", label=f"{layers} layer{'s' * (layers > 1)}"
            )
            print(graph, layers, dict(zip(sizes, (round(each, 2) for each in seconds), strict=True)), flush=True)
        axes.plot([100, 1000], [1.0, 10.0], ":", color="0.45", label="proportional to sites")
        axes.set(xscale="log", yscale="log", xlabel="sites", title=graph)
        axes.set_xticks([20, 50, 100, 200, 500, 1000], ["20", "50", "100", "200", "500", "1000"])
        axes.minorticks_off()
        axes.grid(alpha=0.25)
    panels[0].set_ylabel("seconds for the gradient")
    panels[0].legend(frameon=False, fontsize=9)
    figure.savefig(PICTURE, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    commands = {"accuracy": compare, "time": times, "growth": growth}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"give one of {', '.join(commands)}")
    commands[sys.argv[1]]()
