"""Running plans on a device: the only step of the EP layer that touches one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.devices.qiskit_objects import as_device
from qep_qiskit.equilibrium.planned import Plan
from qep_qiskit.measurement.readout import CalibrationSamples
from qep_qiskit.measurement.samples import Samples
from qep_qiskit.preparation.preparer import Prepared, Progress, silent
from qep_qiskit.seeds import integer

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """What a device gave for one round of a plan.

    Attributes
    ----------
    samples : mapping of (phase, basis) to Samples
    qubits : mapping of phase to tuple of int
        The device qubit of each logical qubit.
    expectations : mapping of phase to ndarray of shape (L,)
        Instead of samples, where the device is exact and no shots were asked for.
    calibrations : tuple of CalibrationSamples
    circuits : tuple of mapping
        Depth and gate counts of every compiled structure.
    start : tuple of int or None
        The layout that was chosen, for the next round to keep.
    device : mapping
    """

    samples: Mapping[tuple[int, int], Samples] = field(default_factory=dict)
    qubits: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    expectations: Mapping[int, Vector] = field(default_factory=dict)
    calibrations: tuple[CalibrationSamples, ...] = ()
    circuits: tuple[Mapping[str, object], ...] = ()
    start: tuple[int, ...] | None = None
    device: Mapping[str, object] = field(default_factory=dict)

    def followed_by(self, later: Outcomes) -> Outcomes:
        """Return the outcomes of both rounds."""
        known = {str(c) for c in self.circuits}
        return Outcomes(
            {**self.samples, **later.samples},
            {**self.qubits, **later.qubits},
            {**self.expectations, **later.expectations},
            self.calibrations + later.calibrations,
            self.circuits + tuple(c for c in later.circuits if str(c) not in known),
            self.start,
            self.device,
        )


def execute(plan: Plan, device: object = None, *, earlier: Outcomes | None = None, progress: Progress = silent) -> Outcomes:
    """Run one round of a plan and return its outcomes (this round's only).

    Parameters
    ----------
    plan : Plan
    device : Device, str, BackendV2 or BaseSamplerV2
    earlier : Outcomes, optional
        Of the first round: its layout is kept and its calibration serves.
    """
    return execute_all([plan], device, earlier=None if earlier is None else [earlier], progress=progress)[0]


def execute_all(
    plans: Sequence[Plan],
    device: object = None,
    *,
    earlier: Sequence[Outcomes] | None = None,
    progress: Progress = silent,
) -> list[Outcomes]:
    """Run one round of many plans together: circuits of one structure and basis share one pub, all pubs one job.

    The plans must agree in shots, mitigation and seed, as those of a batch of samples do.
    """
    chosen = as_device(device)
    first = plans[0]
    if first.shots is None and chosen.exact:
        return [_exact(plan, chosen) for plan in plans]
    before = list(earlier) if earlier is not None else [Outcomes()] * len(plans)
    progress("compiling circuits", None)
    bench = Bench(chosen, before[0].start)
    for number, plan in enumerate(plans):
        bench.add_plan(number, plan)
    missing: tuple[int, ...] = ()
    if first.mitigation != "none":
        calibrated = {q for outcomes in before for c in outcomes.calibrations for q in c.qubits}
        missing = tuple(q for q in bench.all_qubits if q not in calibrated)
    progress(f"running {len(bench.keys)} circuits on {chosen.name}", None)
    results = bench.run(first.shots, integer(first.seed, "samples", first.round))
    calibrations: tuple[CalibrationSamples, ...] = ()
    if missing:
        progress(f"calibrating the readout of {len(missing)} qubits", None)
        calibrations = (_calibration(chosen, missing, first.calibration_shots, integer(first.seed, "calibration", first.round)),)
    return [
        Outcomes(
            samples={(p, b): s for (plan, p, b), s in results.items() if plan == number},
            qubits={p: q for (plan, p), q in bench.qubits.items() if plan == number},
            calibrations=calibrations,
            circuits=tuple(bench.summaries),
            start=bench.start,
            device=chosen.describe(),
        )
        for number in range(len(plans))
    ]


def _exact(plan: Plan, device: Device) -> Outcomes:
    expectations = plan.prepared.expectations(plan.problem.frame.strings)
    return Outcomes(expectations={p: expectations[i] for i, p in enumerate(plan.phases)}, device=device.describe())


def _calibration(device: Device, qubits: tuple[int, ...], shots: int | None, seed: int) -> CalibrationSamples:
    n = len(qubits)
    zeros, ones = QuantumCircuit(n, name="all 0"), QuantumCircuit(n, name="all 1")
    ones.x(range(n))
    work = [Work(device.compile(c, qubits=qubits), "Z" * n, np.zeros((1, 0)), _basis_state(c)) for c in (zeros, ones)]
    got = device.distribution(work) if shots is None else device.sample(work, shots=shots, seed=seed)
    return CalibrationSamples(qubits, got[0][0], got[1][0])


def _basis_state(circuit: QuantumCircuit) -> Callable[[], NDArray[np.complex128]]:
    def states() -> NDArray[np.complex128]:
        state = np.zeros((1, 2**circuit.num_qubits), dtype=complex)
        state[0, -1 if circuit.data else 0] = 1.0
        return state

    return states


class Bench:
    """Collects the rows of values of many plans by compiled circuit and basis, runs them, and deals the samples out."""

    def __init__(self, device: Device, start: tuple[int, ...] | None) -> None:
        self._device = device
        self.start = start
        self._compiled: dict[int, Compiled] = {}
        self._by_circuit: dict[int, tuple[QuantumCircuit, Compiled]] = {}  # the circuit is kept so that its id stays its own
        self._empty: dict[int, QuantumCircuit] = {}
        self._rows: dict[tuple[int, str], list[NDArray[np.float64]]] = {}
        self._states: dict[tuple[int, str], list[tuple[Prepared, list[int]]]] = {}
        self.keys: dict[tuple[int, str], list[tuple[int, int, int]]] = {}
        self.qubits: dict[tuple[int, int], tuple[int, ...]] = {}
        self.summaries: list[dict[str, object]] = []

    @property
    def all_qubits(self) -> tuple[int, ...]:
        """Every measured device qubit, sorted."""
        return tuple(sorted({q for qubits in self.qubits.values() for q in qubits}))

    def add_plan(self, number: int, plan: Plan) -> None:
        """Compile the circuits of a plan, which is known by this number."""
        if not self._device.needs_circuits:
            empty = self._empty.setdefault(plan.problem.network.num_qubits, QuantumCircuit(plan.problem.network.num_qubits))
            for index, phase in enumerate(plan.phases):
                self._add(number, plan, phase, self._compile(empty), np.zeros(0), index)
            return
        for structure in plan.prepared.circuits():
            compiled = self._compile(structure.circuit)
            for index, values in zip(structure.phases, structure.values, strict=True):
                self._add(number, plan, plan.phases[index], compiled, values, index)

    def _compile(self, circuit: QuantumCircuit) -> Compiled:
        if id(circuit) not in self._by_circuit:
            self._by_circuit[id(circuit)] = (circuit, self._device.compile(circuit, qubits=self.start))
        compiled = self._by_circuit[id(circuit)][1]
        if self.start is None:
            self.start = compiled.start
        if id(compiled) not in self._compiled:
            self._compiled[id(compiled)] = compiled
            if self._device.needs_circuits:
                self.summaries.append(compiled.summary())
        return compiled

    def _add(self, number: int, plan: Plan, phase: int, compiled: Compiled, values: Vector, index: int) -> None:
        self.qubits[number, phase] = compiled.qubits
        for b, basis in enumerate(plan.bases):
            if plan.wanted[phase, b]:
                key = (id(compiled), basis.axes)
                self._rows.setdefault(key, []).append(values)
                self._states.setdefault(key, []).append((plan.prepared, [index]))
                self.keys.setdefault(key, []).append((number, phase, b))

    def work(self) -> list[tuple[Work, list[tuple[int, int, int]]]]:
        """Return what is to be run, and for each row of its values the (plan, phase, basis) that it belongs to."""
        found = []
        for key, rows in self._rows.items():
            compiled, sources = self._compiled[key[0]], self._states[key]

            def states(sources: list[tuple[Prepared, list[int]]] = sources) -> NDArray[np.complex128]:
                return np.concatenate([prepared.states()[indices] for prepared, indices in sources])

            values = np.array(rows).reshape(len(rows), compiled.circuit.num_parameters)
            drawn = tuple(
                functools.partial(prepared.draw, index) for prepared, indices in sources if prepared.draw for index in indices
            )
            item = Work(compiled, key[1], values, states, drawn if len(drawn) == len(rows) else None)
            found.append((item, self.keys[key]))
        return found

    def run(self, shots: int | None, seed: int) -> dict[tuple[int, int, int], Samples]:
        """Run everything as one job and deal the samples out."""
        found = self.work()
        work = [item for item, _ in found]
        got = self._device.distribution(work) if shots is None else self._device.sample(work, shots=shots, seed=seed)
        return {
            where: samples
            for (_, wheres), batch in zip(found, got, strict=True)
            for where, samples in zip(wheres, batch, strict=True)
        }
