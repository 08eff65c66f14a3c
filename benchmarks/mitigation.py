"""Mitigations compared at infinitely many shots, and the shots that each needs: ``python -m benchmarks.mitigation``.

Expectations under noise come from causal cones, exact at any size; those without noise from the same circuits. The error is
|g − g₀| / |g₀| with g₀ the noise-free gradient of the same circuits at the same β, so that finite β and the ansatz are not part
of it. The variance per shot sums over weights, each read from one string.

    choose      networks of 10 to 50 sites under five kinds of noise
    budget      a 50-site network on fake_torino: bias, cosine and shots at equal error
    forecast    errors of that network predicted by the planner, from the exact gradient, with a million shots, and simulated ones
    measure     predicted errors from the exact gradient, and those of 20 simulated gradients each, at equal totals of shots

Noise: the snapshots fake_torino and fake_fez as Aer models them; "coherent" adds exp(−i ZZ/100) after each CZ of fake_torino, and
"twirled" its average over Pauli twirls; "drift" makes the errors of fake_torino's CZs a fifth larger after the calibration.

Methods: "raw"; "readout" with readout errors undone (trex, or tensored to the same order); "clifford"; "zne 1,3" and "zne 1,3,5"
linear in two-qubit foldings, with readout undone; "inverse" is a perfectly known Pauli noise model inverted on every string's
causal cone, without bias, whose variance grows by the square of the cone's one-norm. Any learned model is worse.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import RZZGate
from qiskit.quantum_info import Operator, PauliList, SuperOp, average_gate_fidelity
from qiskit_aer.noise import NoiseModel, QuantumError, coherent_unitary_error, depolarizing_error, pauli_error

import qep_qiskit as qep
from benchmarks.noisy_strings import NoisyCones
from benchmarks.problems import REGIMES, drawn, with_fields_of_one
from benchmarks.tables import line, table
from qep_qiskit.devices.device import Compiled
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.equilibrium.calibration import left_over
from qep_qiskit.equilibrium.compiled_round import compile_round
from qep_qiskit.equilibrium.execution import execute
from qep_qiskit.equilibrium.plan import plan
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.errors import NudgeWarning
from qep_qiskit.measurement.mitigation.clifford_angles import clifford_angles
from qep_qiskit.measurement.mitigation.folding import folded
from qep_qiskit.measurement.mitigation.mitigation import parse
from qep_qiskit.measurement.visible import visible
from qep_qiskit.settings import Settings
from qep_qiskit.simulation.noise.aer_model import NoiseMatrices

Array = NDArray[np.float64]
ANGLE = 0.02
"""The coherent error: the angle of an RZZ after every two-qubit gate, in radians."""
DRIFT = 0.2
INTERVALS = {**REGIMES, "disorder": REGIMES["strong disorder"]}
CASES = (
    ("native", 10, "paramagnet"),
    ("native", 10, "ordered"),
    ("chain", 20, "paramagnet"),
    ("native", 50, "paramagnet"),
    ("native", 50, "disorder"),
)
NOISES = ("torino", "fez", "torino, coherent", "torino, twirled", "torino, drift")
WANTED = 0.1
"""The error at which shots are compared."""
MEASURED = {"none": 5, "tensored": 7, "trex": 6, "clifford": 7, "zne:1,3+trex": 11}
"""The mitigations whose predictions are compared with simulated gradients, and their circuits with calibration."""
MEASURED_CASES = (
    ("native", 8, "paramagnet", "torino"),
    ("native", 8, "ordered", "torino"),
    ("chain", 8, "disorder", "fez"),
)
STRENGTHS = {"zne 1,3": (1, 3), "zne 1,3,5": (1, 3, 5)}


def problem_of(kind: str, sites: int, regime: str, device: SimulatedDevice) -> qep.Problem:
    """Return a random network: a chain, or the couplings of good qubits of the device."""
    where = {"edges": "chain"} if kind == "chain" else {"edges": "native", "device": device}
    network = qep.ising(sites=sites, inputs=[0, 1], outputs=[sites // 2 if kind == "chain" else sites // 3], **where)
    weights = drawn(network, INTERVALS[regime], np.random.default_rng(5))
    return qep.Problem(network, weights, x=[0.5, -0.5], cost=qep.SquaredError([1.0]).observable())


def changed(model: NoiseModel, change: Callable[[QuantumError], QuantumError], gates: int) -> NoiseModel:
    """Return a noise model with the errors of all gates on at least this many qubits changed."""
    new = NoiseModel(basis_gates=model.basis_gates)
    for name, errors in model._local_quantum_errors.items():
        for wires, error in errors.items():
            new.add_quantum_error(change(error) if len(wires) >= gates else error, name, list(wires))
    for wires, error in model._local_readout_errors.items():
        new.add_readout_error(error, list(wires))
    return new


def models(noise: str, model: NoiseModel) -> tuple[NoiseModel, NoiseModel]:
    """Return the noise of the data and that of the calibration."""
    chance = np.sin(ANGLE / 2) ** 2
    if noise.endswith("coherent"):
        extra = coherent_unitary_error(Operator(RZZGate(ANGLE)).data)
        model = changed(model, lambda error: error.compose(extra), 2)
    elif noise.endswith("twirled"):
        extra = pauli_error([("II", 1 - chance), ("ZZ", chance)])
        model = changed(model, lambda error: error.compose(extra), 2)
    elif noise.endswith("drift"):
        return changed(model, stronger, 2), model
    return model, model


def stronger(error: QuantumError) -> QuantumError:
    """Return an error that is larger by the share `DRIFT`, by adding depolarisation."""
    size = 2**error.num_qubits
    chance = DRIFT * (1.0 - average_gate_fidelity(SuperOp(error))) * size / (size - 1)
    return error.compose(depolarizing_error(chance, error.num_qubits))


@dataclass(frozen=True)
class Result:
    """The relative error at infinitely many shots, the cosine, and the relative variance per shot of every circuit."""

    bias: float
    cosine: float
    variance: float
    circuits: int

    def error(self, shots: float) -> float:
        """Return the total error for this total of shots over all circuits."""
        return float(np.hypot(self.bias, np.sqrt(self.variance * self.circuits / shots)))

    @property
    def shots(self) -> float:
        """The total of shots at which the error is `WANTED`."""
        left = WANTED**2 - self.bias**2
        return self.circuits * self.variance / left if left > 0 else np.inf


class Strings:
    """The expectations of a basis's strings under several noise models."""

    def __init__(self, compiled: Compiled, labels: Sequence[str]) -> None:
        self.compiled, self._paulis = compiled, PauliList(list(labels))

    def under(self, model: NoiseModel, values: Array, *, readout: bool, factor: int = 1) -> Array:
        """Return the expectations (R, L)."""
        compiled = folded(self.compiled, factor, "two_qubit")
        change = functools.partial(basis_change, gates=compiled.gates)
        cones = NoisyCones(compiled.circuit, model, self._paulis, wires=compiled.wires, basis_change=change, readout=readout)
        return cones.expectations(values)

    def norms(self, model: NoiseModel) -> Array:
        """Return the one-norm of the inverse of all twirled errors in the causal cone of each string."""
        matrices, circuit = NoiseMatrices(model), self.compiled.circuit
        costs = [(wires_of(circuit, item), one_norm(matrices, circuit, item)) for item in circuit.data]
        norms = []
        for pauli in self._paulis:
            cone = {self.compiled.wires[q] for q in np.flatnonzero(pauli.x | pauli.z).tolist()}
            norm = 1.0
            for wires, cost in reversed(costs):
                if cone.intersection(wires):
                    cone |= set(wires)
                    norm *= cost
            norms.append(norm)
        return np.array(norms)


def wires_of(circuit: QuantumCircuit, item: object) -> tuple[int, ...]:
    return tuple(circuit.find_bit(qubit).index for qubit in item.qubits)  # type: ignore[attr-defined]


def one_norm(matrices: NoiseMatrices, circuit: QuantumCircuit, item: object) -> float:
    """Return Σ|c_P| of the inverse Σ c_P P·P of an error's Pauli twirl."""
    wires = wires_of(circuit, item)
    error = matrices.after(item.operation.name, wires)  # type: ignore[attr-defined]
    if error is None:
        return 1.0
    one = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], dtype=float)
    signs = functools.reduce(np.kron, [one] * len(wires))
    return float(np.abs(signs @ (1.0 / np.diag(error)) / len(error)).sum())


def results(
    case: tuple[str, int, str], noise: str, *, beta: float = 0.3, problem: qep.Problem | None = None
) -> dict[str, Result]:
    """Return the result of every method on one network under one noise."""
    device = qep.fake(noise.split(",")[0])
    problem = problem_of(*case, device) if problem is None else problem
    preparer = qep.VQE(layers=2, simulation="light_cones", starts=1)
    first = plan(problem, Settings(preparer=preparer, stencil=qep.symmetric(beta), device=device, shots=1000, seed=3))
    structure, labels, factors = first.prepared.circuits()[0].circuit, problem.frame.labels, np.array(first.stencil.phase_factors)
    shape = (len(first.phases), len(labels))
    names = ("ideal", "raw", "readout", "own", "attenuation", "norm", *(f"folded {f}" for f in (3, 5)))
    tables = {name: np.ones(shape) for name in names}
    compiled = compile_round([first], device)
    for item in compiled.data:
        data, calibration = models(noise, device._noise_for(item.work.compiled) or NoiseModel())
        members = list(first.bases[item.rows[0].basis].strings)
        strings, rows = Strings(item.work.compiled, [labels[k] for k in members]), [row.phase for row in item.rows]
        at = np.ix_(rows, members)
        sent = visible(structure, item.work.axes)
        angles = clifford_angles(sent, item.work.axes)
        assert angles is not None
        certain = left_over(angles.values, sent, item.work.compiled.circuit)[None]
        own, gates = (np.abs(strings.under(calibration, certain, readout=readout)[0]) for readout in (True, False))
        values = item.work.values
        tables["ideal"][at] = strings.under(NoiseModel(basis_gates=data.basis_gates), values, readout=False)
        tables["raw"][at] = strings.under(data, values, readout=True)
        tables["readout"][at] = strings.under(data, values, readout=False)
        tables["own"][at], tables["attenuation"][at], tables["norm"][at] = gates, own / gates, strings.norms(data)
        for factor in (3, 5):
            tables[f"folded {factor}"][at] = strings.under(data, values, readout=False, factor=factor)
    truth = problem.derivative_rows @ (factors @ tables["ideal"])
    circuits = compiled.circuits

    def result(values: Array, scale: Array, count: int) -> Result:
        estimate = problem.derivative_rows @ (factors @ values)
        scatter = (factors**2) @ ((1.0 - (tables["readout"] * tables["attenuation"]) ** 2) * scale**2)
        size = np.linalg.norm(truth)
        return Result(
            float(np.linalg.norm(estimate - truth) / size),
            float(estimate @ truth / np.linalg.norm(estimate) / size),
            float((problem.derivative_rows**2 @ scatter).sum() / size**2),
            count,
        )

    undone = 1.0 / tables["attenuation"]
    by_method = {
        "raw": result(tables["raw"], np.ones(shape), circuits),
        "readout": result(tables["readout"], undone, circuits + 2),
        "clifford": result(tables["readout"] / tables["own"], undone / tables["own"], circuits + 2),
        "inverse": result(tables["ideal"], undone * tables["norm"], circuits + 2),
    }
    for name, strengths in STRENGTHS.items():
        weights = np.linalg.pinv(np.vander(np.array(strengths, dtype=float), 2))[1]
        at_strengths = [tables["readout" if f == 1 else f"folded {f}"] for f in strengths]
        values = np.tensordot(weights, np.array(at_strengths), axes=1)
        by_method[name] = result(values, undone * np.sqrt(np.sum(weights**2)), circuits * len(strengths) + 2)
    return by_method


def choose() -> Iterator[str]:
    """Yield the lines of the table of all networks, noises and methods."""
    methods = ("raw", "readout", "clifford", *STRENGTHS, "inverse")
    yield table(("network", "noise", *methods), (), "ll" + "r" * len(methods))
    for case in CASES:
        for noise in NOISES:
            by_method = results(case, noise)
            yield line((f"{case[0]} {case[1]}, {case[2]}", noise, *(cell(by_method[name]) for name in methods)))


def cell(result: Result) -> str:
    shots = "–" if np.isinf(result.shots) else f"{result.shots / 1e6:.2g} M"
    return f"{100 * result.bias:.2g} % ({shots})"


def fifty() -> qep.Problem:
    """Return the network of the 50-site spec on fifty good qubits of fake_torino, without broken couplings."""
    network = qep.ising(sites=50, edges="native", device="fake_torino", inputs=[0, 10], outputs=[25])
    return with_fields_of_one(network)


def budget() -> Iterator[str]:
    """Yield the lines of the budget of the 50-site network."""
    by_method = results(("native", 50, "spec"), "torino", problem=fifty())
    totals = (1e5, 1e6, 1e7)
    head = ("method", "error at ∞ shots", "cosine", "shots for 10 %", *(f"error with {total:.0e}" for total in totals))
    yield table(head, (), "lrrr" + "r" * len(totals))
    for name, result in by_method.items():
        shots = "–" if np.isinf(result.shots) else f"{result.shots:.2g}"
        errors = (f"{100 * result.error(total):.2g} %" for total in totals)
        yield line((name, f"{100 * result.bias:.2g} %", f"{result.cosine:.5f}", shots, *errors))


def forecast() -> Iterator[str]:
    """Yield the planner's error of each mitigation on the 50-site network, and that of one simulated gradient."""
    problem = fifty()
    head = ("mitigation", "predicted error", "shots", "device noise left", "error of a simulated gradient")
    yield table(head, (), "lrrrr")
    for word, count in MEASURED.items():
        settings = Settings(
            preparer=qep.VQE(layers=2, simulation="light_cones", starts=1),
            stencil=qep.symmetric(0.15),
            device=qep.fake("torino"),
            shots=10**6 // count,
            mitigation=parse(word),
            seed=3,
        )
        predicted, measured = qep.forecast(problem, **settings), qep.gradient(problem, **settings)
        exact = predicted.exact
        assert exact is not None
        error = float(np.linalg.norm(measured.values - exact) / np.linalg.norm(exact))
        shares = (predicted.relative_error, predicted.statistical_error, predicted.device_error, error)
        yield line((word, *(f"{100 * (share or np.nan):.3g} %" for share in shares)))


def measure() -> Iterator[str]:
    """Yield the predicted and the measured error of each mitigation, on networks whose shots Aer and our simulator can draw."""
    yield table(("network", "shots", *MEASURED), (), "lr" + "r" * len(MEASURED))
    for kind, sites, regime, name in MEASURED_CASES:
        device = qep.fake(name)
        problem = problem_of(kind, sites, regime, device)
        exact = qep.exact_gradient(problem).values
        for total in (10**5, 10**6):
            cells = []
            for word, count in MEASURED.items():
                settings = Settings(
                    preparer=qep.VQE(layers=2),
                    stencil=qep.symmetric(0.2),
                    device=device,
                    shots=total // count,
                    mitigation=parse(word),
                    seed=0,
                )
                first, errors = plan(problem, settings), []
                for seed in range(20):
                    seeded = replace(first, settings=replace(settings, seed=seed))
                    gradient = reduce(seeded, execute(seeded, device)).values
                    errors.append(np.linalg.norm(gradient - exact) / np.linalg.norm(exact))
                predicted = qep.forecast(problem, **settings).relative_error or np.nan
                cells.append(f"{100 * predicted:.3g} / {100 * np.sqrt(np.mean(np.square(errors))):.3g} %")
            yield line((f"{kind} {sites}, {regime}, {name}", f"{total:.0e}", *cells))


def main(argument: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NudgeWarning)
        for text in {"choose": choose, "budget": budget, "forecast": forecast, "measure": measure}[argument]():
            print(text, flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "choose")
