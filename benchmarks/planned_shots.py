"""Shots to a given loss: planned again while training, beside a fixed number and beside `adaptive_shots`.

Three tasks: antiferromagnetic order, XOR and moons; the last two also with one sample per step. Every rule is scanned over the
same base rules and learning rates; fixed shots also over their number and β, `adaptive_shots` over β and the constant c in
L = c/η. Planned shots begin with two per circuit and the program's own β. All points of a scan train from five seeds, the best
twelve from fifteen, and the best four from thirty; the best of these, by its geometric mean, then trains from thirty other seeds,
the same for all rules. A training of a scan is stopped at six times the mean of the best point so far, and counts as that. A
training reaches the target where the exact loss of all samples is at or below it after three steps in a row; the shots of these
steps count. A training that does not reach it counts as 200,000 shots. Of the tasks with one sample per step, not all rows were
measured.

    python -m benchmarks.planned_shots FOLDER            scan and measure; what is already in FOLDER/runs.jsonl is not run again
    python -m benchmarks.planned_shots FOLDER XOR "fixed, best β"      these tasks and rows alone
    python -m benchmarks.planned_shots FOLDER --draw     only draw what is there
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import make_moons

import qep_qiskit as qep
from examples.antiferromagnet import network as atoms
from qep_qiskit.errors import DegenerateGroundStateError
from qep_qiskit.training import SGD, Adam, AdaptiveShots, Momentum, Optimizer, PlannedShots

Array = NDArray[np.float64]
SEEDS = range(30)
EDGES = [(i, j) for i in range(6) for j in range(max(i + 1, 2), 6)]
SPINS = qep.ising(sites=6, edges=EDGES, inputs=[0, 1], outputs=[5], clamp=True)
CORNERS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
BASES: dict[str, Optimizer] = {"adam": Adam(), "sgd": SGD(), "momentum": Momentum()}
LIMIT = 6.0
"""A training of a scan stops at this many times the shots of the best point so far."""
ROUNDS = ((5, 12), (15, 4), (30, 1))
"""The seeds of a scan's rounds, and the points that are left after each."""
SCAN_SEEDS = range(100, 130)
IN_A_ROW = 3


class Reached(Exception):
    """The target is reached, or too many shots are spent."""


@dataclass(frozen=True)
class Task:
    """A task: the network, samples for a seed, the loss to reach, and the grid that all rules share."""

    network: qep.Network
    samples: Callable[[int], tuple[Array | None, Array]]
    options: dict[str, Any]
    target: float
    rates: Mapping[str, tuple[float, ...]]
    most_steps: int
    start: Any = None

    def loss(self, weights: Array, X: Array | None, Y: Array) -> float:
        """Return the mean squared error of the exact ground states."""
        x = np.zeros((1, 0)) if X is None else X
        zero = np.zeros(x.shape[1])
        still = self.network.hamiltonian(weights, zero).to_matrix().real
        slopes = [self.network.hamiltonian(weights, e).to_matrix().real - still for e in np.eye(len(zero))]
        matrices = still + (np.einsum("sf,fij->sij", x, slopes) if len(slopes) else np.zeros((1, 1, 1)))
        states = np.linalg.eigh(matrices)[1][:, :, 0]
        output = np.diag(_output(self.network)).real
        return float(np.mean((states**2 @ output - Y) ** 2))


_OUTPUTS: dict[int, Array] = {}


def _output(network: qep.Network) -> Array:
    if id(network) not in _OUTPUTS:
        problem = qep.Problem(network, network.initial_weights(0), x=np.zeros(network.num_inputs), cost=qep.SquaredError([1.0]))
        frame = problem.frame
        from qiskit.quantum_info import SparsePauliOp

        _OUTPUTS[id(network)] = SparsePauliOp(frame.paulis, problem.output_rows[0]).to_matrix()
    return _OUTPUTS[id(network)]


def _xor(seed: int) -> tuple[Array, Array]:
    return CORNERS, np.array([-1.0, 1.0, 1.0, -1.0])


def _moons(seed: int) -> tuple[Array, Array]:
    X, y = make_moons(300, noise=0.2, random_state=seed)
    X = 2 * (X - X[:150].mean(axis=0)) / X[:150].std(axis=0)
    return X[:150], 2.0 * y[:150] - 1.0


BOUNDS = {"bounds": {"g": (0.3, 2.0)}}
OF_XOR = {"adam": (0.1, 0.2, 0.4, 0.8, 1.6), "sgd": (0.8, 1.6, 3.2), "momentum": (0.1, 0.2, 0.4)}
OF_MOONS = {"adam": (0.05, 0.1, 0.2, 0.4, 0.8), "sgd": (0.2, 0.4, 0.8, 1.6), "momentum": (0.025, 0.05, 0.1)}
TASKS = {
    "AFM": Task(
        atoms,
        lambda seed: (None, np.ones(1)),
        {"batch_size": 1},
        0.0025,
        {"adam": (0.05, 0.1, 0.2, 0.4), "sgd": (0.1, 0.3, 1.0), "momentum": (0.02, 0.05, 0.1)},
        600,
        {"Omega": 0.5, "Delta": 1.5},
    ),
    "XOR": Task(SPINS, _xor, {"batch_size": 4, **BOUNDS}, 0.05, OF_XOR, 300),
    "moons": Task(SPINS, _moons, {"batch_size": 10, **BOUNDS}, 0.42, OF_MOONS, 400),
    "XOR, one by one": Task(SPINS, _xor, {"batch_size": 1, **BOUNDS}, 0.05, OF_XOR, 1200),
    "moons, one by one": Task(SPINS, _moons, {"batch_size": 1, **BOUNDS}, 0.42, OF_MOONS, 4000),
}


@dataclass(frozen=True)
class Point:
    """A rule with its options."""

    task: str
    rule: str
    base: str
    rate: float
    shots: int
    beta: float
    constant: float = 1.0

    def optimizer(self) -> Any:
        """Return the update rule."""
        base = BASES[self.base]
        if self.rule == "adaptive":
            return AdaptiveShots(base=base, minimum=2, lipschitz=self.constant / self.rate)
        return base if self.rule == "fixed" else PlannedShots(base=base)


def points(name: str, group: Group) -> Iterator[Point]:
    """Yield the scan of a rule."""
    for beta in group.betas:
        for number in group.shots:
            for constant in group.constants:
                for base, rates in TASKS[name].rates.items():
                    for rate in rates:
                        yield Point(name, group.rule, base, rate, number, beta, constant)


def trained(point: Point, seed: int, most: float, record: list[Any] | None = None) -> float:
    """Return the shots to the target; infinity if it is not reached within `most` shots."""
    task = TASKS[point.task]
    X, Y = task.samples(seed)
    below, reached = 0, np.inf

    def watch(step: Any) -> None:
        nonlocal below, reached
        below = below + 1 if task.loss(step.state.weights, X, Y) <= task.target else 0
        if record is not None:
            record.append(step)
        if below == IN_A_ROW:
            reached = float(step.state.shots)
        if below == IN_A_ROW or step.state.shots > most:
            raise Reached

    count = len(Y)
    epochs = max(1, task.most_steps * int(task.options["batch_size"]) // count)
    with contextlib.suppress(Reached, DegenerateGroundStateError):
        qep.train(
            task.network,
            X,
            Y,
            weights=task.start,
            stencil=qep.symmetric(point.beta),
            shots=point.shots,
            optimizer=point.optimizer(),
            learning_rate=point.rate,
            epochs=epochs,
            compare_every=0,
            seed=seed,
            on_step=watch,
            **task.options,
        )
    return reached


@dataclass(frozen=True)
class Group:
    """A row of the comparison: a rule, with the β, the shots of the first step and the constants c in L = c/η of its scan."""

    rule: str
    betas: tuple[float, ...]
    shots: tuple[int, ...]
    constants: tuple[float, ...] = (1.0,)


GROUPS = {
    "planned": Group("planned", (0.1,), (2,)),
    "fixed, best β": Group("fixed", (1.0, 0.3, 3.0, 10.0), (2, 5)),
    "adaptive, best β": Group("adaptive", (1.0, 0.3, 3.0), (2,), (0.01, 0.1, 1.0)),
    "fixed": Group("fixed", (0.1,), (2, 10)),
}
"""The rows of the comparison. β = 0.1 is the program's own for a training of these tasks, from which the plan begins."""
MOST, MOST_OF_SCAN = 200_000.0, 20_000.0


class Runs:
    """The trainings that are done, one line of a file each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.is_file() else []
        self.done: dict[str, list[float]] = {}
        for line in lines:
            row = json.loads(line)
            self.done[row["key"]] = [float(row["shots"]), float(row["most"])]

    def shots(self, point: Point, seed: int, most: float) -> float:
        """Return the shots of a training to its target, from the file or by running it; `most` if it is not reached."""
        key = json.dumps([*vars(point).values(), seed])
        if key in self.done and (self.done[key][0] < self.done[key][1] or self.done[key][1] >= most):
            return min(self.done[key][0], most)
        spent = min(trained(point, seed, most), most)
        self.done[key] = [spent, most]
        with self.path.open("a") as file:
            file.write(json.dumps({"key": key, "shots": spent, "most": most}) + "\n")
        print(f"  {key}  {spent:,.0f}{'' if spent < most else ' or more'}", flush=True)
        return spent


def best_of(name: str, group: str, runs: Runs) -> Point | None:
    """Return the best point of a scan by its geometric mean; None if none reaches the target."""
    left, least = list(points(name, GROUPS[group])), MOST_OF_SCAN / LIMIT
    for seeds, best in ROUNDS:
        spent: dict[Point, Array] = {}
        for point in left:
            spent[point] = np.array([runs.shots(point, seed, LIMIT * least) for seed in SCAN_SEEDS[:seeds]])
            least = min(least, _mean(spent[point]))
        left = sorted(left, key=lambda point: _mean(np.minimum(spent[point], LIMIT * least)))[:best]
    return left[0] if spent[left[0]].min() < MOST_OF_SCAN else None


def _mean(shots: Array) -> float:
    return float(np.exp(np.log(shots).mean()))


def measure(folder: Path, names: Sequence[str], groups: Sequence[str]) -> None:
    """Scan, train from thirty seeds, and write what is known so far after every row."""
    folder.mkdir(parents=True, exist_ok=True)
    runs, results = Runs(folder / "runs.jsonl"), folder / "planned_shots.json"
    rows: dict[str, dict[str, Any]] = json.loads(results.read_text())["rows"] if results.is_file() else {}
    for name in names:
        for group in groups:
            point = best_of(name, group, runs)
            if point is None:
                print(f"{name:6s} {group:17s} no point of the scan reaches the target within {MOST:,.0f} shots", flush=True)
                continue
            spent = [runs.shots(point, seed, MOST) for seed in SEEDS]
            rows.setdefault(name, {})[group] = {"point": vars(point), "shots": spent}
            ordered = {n: {g: rows[n][g] for g in GROUPS if g in rows[n]} for n in TASKS if n in rows}
            results.write_text(json.dumps({"rows": ordered, "most": MOST}, indent=1))
            print(f"{name:6s} {group:17s} {_words(np.array(spent))}   {vars(point)}", flush=True)


def _words(shots: Array) -> str:
    middle, spread = _mean(shots), np.exp(np.log(shots).std(ddof=1))
    missed = int((shots >= MOST).sum())
    return f"{middle:9,.0f} ×/÷ {spread:.2f}, median {np.median(shots):9,.0f}" + (f", {missed} not reached" if missed else "")


def summary(rows: dict[str, dict[str, Any]]) -> str:
    """Return a Markdown table: geometric means with spreads, and the paired ratio to the planned shots with its error."""
    lines = [
        "| task | rule | β, base, rate, first shots | shots, geometric mean | ×/÷ | planned takes fewer by |",
        "|---|---|---|---:|---:|---:|",
    ]
    for name, groups in rows.items():
        planned = np.log(groups["planned"]["shots"]) if "planned" in groups else None
        for group, row in groups.items():
            point, logs = row["point"], np.log(row["shots"])
            ratio = ""
            if planned is not None and group != "planned":
                differences = logs - planned
                error = float(np.exp(differences.std(ddof=1) / np.sqrt(len(differences))))
                ratio = f"{np.exp(differences.mean()):.1f}, ×/÷ {error:.2f}"
            given = f"{point['beta']:g}, {point['base']}, {point['rate']:g}, {point['shots']}"
            lines.append(
                f"| {name} | {group} | {given} | {np.exp(logs.mean()):,.0f} | {np.exp(logs.std(ddof=1)):.2f} | {ratio} |"
            )
    return "\n".join(lines)


def draw(folder: Path) -> None:
    """Draw every training as a dot, and the geometric means; print the table."""
    rows = json.loads((folder / "planned_shots.json").read_text())["rows"]
    figure, axes = plt.subplots(1, len(rows), figsize=(3.3 * len(rows), 3.4), layout="constrained", squeeze=False)
    for panel, (name, groups) in zip(axes[0], rows.items(), strict=True):
        for place, (group, row) in enumerate(groups.items()):
            shots = np.array(row["shots"])
            colour = "C1" if group == "planned" else "C0" if "β" not in group else "C7"
            panel.plot(np.full(len(shots), place), shots, "o", color=colour, alpha=0.35, markeredgewidth=0, markersize=5)
            panel.plot(place, np.exp(np.log(shots).mean()), "_", color=colour, markersize=22, markeredgewidth=2.5)
        labels = ["fixed, β = 0.1" if group == "fixed" else group for group in groups]
        panel.set_xticks(range(len(groups)), [label.replace(", ", ",\n") for label in labels], rotation=45, fontsize=8)
        panel.set(xlim=(-0.6, len(groups) - 0.4), yscale="log", title=f"{name}, loss {TASKS[name].target:g}")
        panel.grid(axis="y", alpha=0.25)
    axes[0][0].set_ylabel("shots to the target loss")
    figure.savefig(folder / "planned_shots.png", dpi=150)
    plt.close(figure)
    print(summary(rows))


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if "--draw" not in sys.argv:
        wanted = sys.argv[2:]
        measure(where, [n for n in TASKS if n in wanted] or list(TASKS), [g for g in GROUPS if g in wanted] or list(GROUPS))
    draw(where)
