"""The error of gradients on the qubits chosen for them, compared with the transpiler's own choice.

    python -m benchmarks.layouts [SNAPSHOT …]       # default: fake_torino fake_fez; about ten minutes
    python -m benchmarks.layouts --quick            # four small networks on fake_guadalupe

Errors are ‖g − g₀‖/‖g₀‖, where g is the raw gradient at infinitely many shots, exact under the snapshot's noise by light cones
or density matrices, and g₀ is the noise-free gradient of the same circuits.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from qiskit.circuit import QuantumCircuit

import qep_qiskit as qep
from benchmarks.tables import line, table
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.equilibrium.compiled_round import compile_round
from qep_qiskit.equilibrium.execution import execute_all
from qep_qiskit.equilibrium.plan import Plan, plan
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.settings import Settings

SNAPSHOTS = ("fake_torino", "fake_fez")
Edges = list[tuple[int, int]]
Networks = dict[str, tuple[int, str | Edges, int]]


class TranspilersChoice(SimulatedDevice):
    """A simulated device whose qubits the transpiler chooses."""

    def placed(self, circuit: QuantumCircuit, qubits: tuple[int, ...] | None) -> None:
        """Return None: no qubits are prescribed."""


@dataclass(frozen=True)
class Row:
    """The errors of one gradient: with the qubits chosen for it, predicted and true, and with the transpiler's."""

    snapshot: str
    network: str
    swaps: bool
    predicted: float
    chosen: float
    usual: float
    seconds: float

    @property
    def ratio(self) -> float:
        """The error as a share of the transpiler's."""
        return self.chosen / self.usual

    def __str__(self) -> str:
        numbers = [f"{100 * value:.3g} %" for value in (self.usual, self.chosen, self.predicted)]
        swaps = "yes" if self.swaps else "no"
        cells = (f"`{self.snapshot}`", self.network, swaps, *numbers, f"{self.ratio:.2f}", f"{self.seconds:.2g} s")
        return line(cells)


def heavy_hex(rows: int, rings: int) -> Edges:
    """Return a patch of the heavy-hexagonal lattice, whose first row has this many rings of twelve side by side."""
    width = 4 * rings + 1
    edges: Edges = []
    number: dict[tuple[int, int], int] = {}
    for row in range(rows + 1):
        number |= {(row, column): row * width + column for column in range(width)}
        edges += [(number[row, column], number[row, column + 1]) for column in range(width - 1)]
    extra = len(number)
    for row in range(rows):
        for column in range(2 * (row % 2), width, 4):
            edges += [(number[row, column], extra), (extra, number[row + 1, column])]
            extra += 1
    return edges


def tree(sites: int, seed: int, *, apart: bool) -> Edges:
    """Return a random tree of degree at most 3; with `apart`, no two sites of degree 3 are neighbours, as on heavy-hex."""
    rng, degree = np.random.default_rng(seed), np.zeros(sites, dtype=int)
    edges: Edges = []
    for site in range(1, sites):
        beside = {u: [b if a == u else a for a, b in edges if u in (a, b)] for u in range(site)}
        free = [u for u in range(site) if degree[u] < (3 if not apart or all(degree[v] < 3 for v in beside[u]) else 2)]
        parent = int(rng.choice(free[-5:]))
        edges.append((parent, site))
        degree[[parent, site]] += 1
    return edges


def random_graph(sites: int, seed: int) -> Edges:
    """Return a random connected graph of degree at most 3."""
    rng, edges = np.random.default_rng(seed), tree(sites, seed, apart=False)
    for _ in range(200):
        a, b = sorted(rng.choice(sites, 2, replace=False).tolist())
        degree = np.bincount(np.ravel(edges), minlength=sites)
        if max(degree[a], degree[b]) < 3 and (a, b) not in edges and len(edges) < sites + 1:
            edges.append((a, b))
    return edges


NETWORKS: Networks = {
    "chain of 8": (8, "chain", 7),
    "chain of 20": (20, "chain", 10),
    "chain of 50": (50, "chain", 25),
    "ring of 12": (12, "ring", 6),
    "ring of 20": (20, "ring", 10),
    "heavy-hex of 21": (21, heavy_hex(1, 2), 4),
    "heavy-hex of 32": (32, heavy_hex(2, 2), 13),
    "tree of 16": (16, tree(16, 3, apart=True), 5),
    "tree of 10, degree 3 side by side": (10, tree(10, 5, apart=False), 4),
    "random graph of 8, degree ≤ 3": (8, random_graph(8, 2), 4),
}
"""Sites, edges and output of every network."""
QUICK: Networks = {
    "chain of 5": (5, "chain", 4),
    "chain of 6": (6, "chain", 3),
    "tree of 6": (6, tree(6, 2, apart=True), 2),
}


def planned(sites: int, edges: str | Edges, output: int, device: SimulatedDevice) -> Plan:
    """Return the plan of a gradient with two layers of the Hamiltonian ansatz, at random weights."""
    network = qep.ising(sites=sites, edges=edges, outputs=[output])
    problem = qep.Problem(network, network.initial_weights(seed=3), cost=qep.SquaredError([1.0]).observable())
    simulation = "light_cones" if sites > 14 else "auto"
    preparer = qep.VQE(layers=2, simulation=simulation, starts=1)
    return plan(problem, Settings(preparer=preparer, stencil=qep.symmetric(0.3), device=device, seed=1))


def rows(networks: Networks, snapshots: Sequence[str]) -> Iterator[Row]:
    """Compute a row per snapshot and network."""
    for snapshot in snapshots:
        device = qep.device_named(snapshot)
        assert isinstance(device, SimulatedDevice)
        others = TranspilersChoice(**{entry.name: getattr(device, entry.name) for entry in fields(SimulatedDevice)})
        for name, (sites, edges, output) in networks.items():
            first = planned(sites, edges, output, device)
            exact = reduce(first, *execute_all([first], qep.statevector())).values
            errors = []
            for where in (device, others):
                values = reduce(first, *execute_all([first], where)).values
                errors.append(float(np.linalg.norm(values - exact) / np.linalg.norm(exact)))
            device.cache.__init__()  # type: ignore[misc]  # so that the time is that of a first choice
            clock = time.process_time()
            layout = compile_round([first], device).layout
            seconds = time.process_time() - clock
            assert layout is not None
            chosen, usual = errors
            yield Row(snapshot, name, layout.chosen.swaps, layout.chosen.error(), chosen, usual, seconds)


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    quick = "--quick" in arguments
    snapshots = [word for word in arguments if not word.startswith("-")] or (["fake_guadalupe"] if quick else SNAPSHOTS)
    head = ("snapshot", "network", "SWAPs", "transpiler's qubits", "chosen qubits", "predicted", "ratio", "CPU time")
    print(table(head, (), "lllrrrrr"))
    ratios = []
    for row in rows(QUICK if quick else NETWORKS, snapshots):
        print(row, flush=True)
        ratios.append(row.ratio)
    print(f"\nRatio of the errors: median {np.median(ratios):.2f}, largest {max(ratios):.2f}.")


if __name__ == "__main__":
    main(sys.argv[1:])
