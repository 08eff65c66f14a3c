"""Growth of the cost of light cones with sites and layers, and a picture of it: ``python -m benchmarks.cones``.

One evaluation is the energy and the gradient of all angles of the per-term Hamiltonian ansatz of an Ising network, for one row of
angles, in processor time on one thread. Setting up is done once per circuit: finding the cones, and the first evaluation. The
state vector of the whole circuit is measured as well, up to 18 sites.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from qiskit.quantum_info import PauliList

from qep_qiskit.ansatz.hamiltonian import hamiltonian_ansatz
from qep_qiskit.networks.edges import edges_of
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.cones.light_cones import LightCones
from qep_qiskit.simulation.eigen.operators import PauliStructure

PICTURE = Path(__file__).resolve().parent / "cones.png"
SITES = (20, 50, 100, 127, 200, 500, 1000)
LAYERS = (1, 2, 3, 4)
GRAPHS = ("chain", "heavy-hex")
WHOLE = (8, 10, 12, 14, 16, 18)
WHOLE_LAYERS = 2
LONGEST = 1.5
"""Evaluations are repeated for up to this many seconds."""


@dataclass(frozen=True)
class Cost:
    """Processor seconds of one evaluation, and of setting up."""

    graph: str
    sites: int
    layers: int
    evaluation: float
    setting_up: float
    sizes: str


def ising_strings(edges: tuple[tuple[int, int], ...], sites: int) -> PauliList:
    """Return ZZ on every edge, and Z and X on every site."""
    z = np.zeros((len(edges) + 2 * sites, sites), dtype=bool)
    x = z.copy()
    z[np.arange(len(edges)), [i for i, _ in edges]] = z[np.arange(len(edges)), [j for _, j in edges]] = True
    z[len(edges) + np.arange(sites), np.arange(sites)] = True
    x[len(edges) + sites + np.arange(sites), np.arange(sites)] = True
    return PauliList.from_symplectic(z, x)


def cost(graph: str, sites: int, layers: int) -> Cost:
    """Measure light cones."""
    paulis = ising_strings(edges_of(graph, sites), sites)
    circuit = hamiltonian_ansatz(paulis, layers=layers)
    rng = np.random.default_rng(1)
    theta, coefficients = rng.normal(size=(1, circuit.num_parameters)), rng.normal(size=(1, len(paulis)))
    start = time.process_time()
    cones = LightCones(circuit, paulis)
    cones.energies_and_gradients(theta, coefficients)
    setting_up = time.process_time() - start
    evaluation = _median(lambda: cones.energies_and_gradients(theta, coefficients))
    return Cost(graph, sites, layers, evaluation, max(setting_up - evaluation, 0.0), str(cones.sizes))


def cost_of_states(graph: str, sites: int, layers: int) -> float:
    """Measure the state vector of the whole circuit."""
    paulis = ising_strings(edges_of(graph, sites), sites)
    circuit = hamiltonian_ansatz(paulis, layers=layers)
    rng = np.random.default_rng(1)
    theta, operator = rng.normal(size=circuit.num_parameters), PauliStructure(paulis).bind(rng.normal(size=len(paulis)))
    program = CircuitProgram.from_circuit(circuit)
    return _median(lambda: program.energy_and_gradient(theta, operator))


def _median(evaluate: Callable[[], object]) -> float:
    times: list[float] = []
    while len(times) < 3 or (sum(times) < LONGEST and len(times) < 150):
        start = time.process_time()
        evaluate()
        times.append(time.process_time() - start)
    return float(np.median(times))


def draw(path: Path) -> list[Cost]:
    """Draw the picture and return its numbers."""
    costs = [cost(graph, sites, layers) for graph in GRAPHS for layers in LAYERS for sites in SITES]
    figure, panels = plt.subplots(1, 2, figsize=(9.0, 4.4), layout="constrained", sharey=True)
    for axes, graph in zip(panels, GRAPHS, strict=True):
        for layers, mark in zip(LAYERS, "os^D", strict=True):
            seconds = [each.evaluation for each in costs if (each.graph, each.layers) == (graph, layers)]
            label = f"{layers} layer{'s' * (layers > 1)}"
            axes.plot(SITES, seconds, marker=mark, markersize=5, color=f"C{layers - 1}", label=label)
        whole = [cost_of_states(graph, sites, WHOLE_LAYERS) for sites in WHOLE]
        axes.plot(WHOLE, whole, "--", color="0.45", label=f"whole state vector, {WHOLE_LAYERS} layers")
        axes.plot([200, 1000], [3e-5 * n / 200 for n in (200, 1000)], ":", color="0.45", label="proportional to sites")
        axes.set(xscale="log", yscale="log", xlabel="sites", title=graph)
        axes.set_xticks([10, 20, 50, 100, 200, 500, 1000], ["10", "20", "50", "100", "200", "500", "1000"])
        axes.minorticks_off()
        axes.grid(alpha=0.25)
    panels[0].set_ylabel("seconds for the energy and gradient")
    figure.legend(
        *panels[0].get_legend_handles_labels(), frameon=False, fontsize=9, ncols=len(LAYERS) + 2, loc="outside lower center"
    )
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return costs


def table(costs: list[Cost]) -> str:
    """Return the numbers as a table in Markdown: milliseconds of an evaluation, and seconds of setting up."""
    lines = ["| sites | " + " | ".join(f"{graph}, {layers}" for graph in GRAPHS for layers in LAYERS) + " |"]
    lines.append("| ---: |" + " ---: |" * (len(GRAPHS) * len(LAYERS)))
    for sites in SITES:
        row = [
            next(each for each in costs if (each.graph, each.sites, each.layers) == (graph, sites, layers))
            for graph in GRAPHS
            for layers in LAYERS
        ]
        lines.append(f"| {sites} | " + " | ".join(f"{1e3 * each.evaluation:.3g} ({each.setting_up:.2f})" for each in row) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    results = draw(PICTURE)
    print(table(results))
    for each in results:
        print(f"{each.graph} {each.sites}, {each.layers} layers: {each.sizes}")
