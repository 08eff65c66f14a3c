"""The circuits of many plans, dealt to a device by structure and basis, and its samples dealt back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.fingerprints import of_or_none
from qep_qiskit.measurement.mitigation import twirling, zne
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.measurement.mitigation.twirling import (
    Flips,
    design,
    flipped_draw,
    flipped_state,
    num_flips,
    shots_each,
    twirled_values,
)
from qep_qiskit.preparation.preparer import Prepared
from qep_qiskit.samples import Samples
from qep_qiskit.seeds import integer, stream

Key = tuple[int, int, int, int]
"""(plan, phase, basis, factor)"""


@dataclass(frozen=True)
class Row:
    """What a row of values is for.

    Attributes
    ----------
    plan, phase, basis : int
    flips : ndarray of bool, shape (n,), or None
        The flips before its measurement.
    factor : int
        How many times as strong its noise is made by folding.
    """

    plan: int
    phase: int
    basis: int
    flips: Flips | None = None
    factor: int = 1


@dataclass
class _Group:
    """Rows of one compiled circuit in one basis, of so many shots each."""

    compiled: Compiled
    axes: str
    shots: int | None
    values: list[NDArray[np.float64]]
    sources: list[tuple[Prepared, int]]
    rows: list[Row]


class Bench:
    """Collects the rows of values of many plans by compiled circuit and basis, runs them, and deals the samples out.

    Parameters
    ----------
    device : Device
    start : tuple of int or None
        The layout to be kept; the first circuit's own where None.
    mitigation : Mitigation
        Of all plans; a twirled one multiplies the rows.
    """

    def __init__(self, device: Device, start: tuple[int, ...] | None, mitigation: Mitigation | None = None) -> None:
        self._device = device
        self._mitigation = Mitigation() if mitigation is None else mitigation
        self.start = start
        self._seen: set[int] = set()
        self._contents: dict[int, tuple[QuantumCircuit, str]] = {}  # each is read once in the life of a bench, which is one call
        self._by_content: dict[str, Compiled] = {}
        self._empty: dict[int, QuantumCircuit] = {}
        self._groups: dict[tuple[int, str, int | None, int], _Group] = {}
        self._folded: dict[int, dict[int, Compiled]] = {}
        self._sets = 0
        self.qubits: dict[tuple[int, int], tuple[int, ...]] = {}
        self.summaries: list[dict[str, object]] = []

    @property
    def all_qubits(self) -> tuple[int, ...]:
        """Every measured device qubit, sorted."""
        return tuple(sorted({q for qubits in self.qubits.values() for q in qubits}))

    def shots(self) -> list[int | None]:
        """Return the shots of each row of each item of :meth:`work`; None for exact distributions."""
        return [group.shots for group in self._groups.values()]

    @property
    def measured(self) -> list[tuple[Compiled, str]]:
        """Every compiled circuit, and the axes in which it is measured."""
        return [(group.compiled, group.axes) for group in self._groups.values()]

    @property
    def circuits(self) -> int:
        """How many rows there are."""
        return sum(len(group.rows) for group in self._groups.values())

    def add_plans(self, plans: Iterable[Plan]) -> None:
        """Compile the circuits of plans, which are known by their numbers from 0 on."""
        plans = list(plans)
        if self._mitigation.twirled:
            self._sets = num_flips(max(plan.problem.network.num_qubits for plan in plans))
        for number, plan in enumerate(plans):
            self._add_plan(number, plan)

    def _add_plan(self, number: int, plan: Plan) -> None:
        if self.start is None and plan.problem.network.layout is not None and backend_of(self._device) is not None:
            self.start = plan.problem.network.layout
        if not self._device.needs_circuits:
            empty = self._empty.setdefault(plan.problem.network.num_qubits, QuantumCircuit(plan.problem.network.num_qubits))
            for index, phase in enumerate(plan.phases):
                self._add(number, plan, phase, self._compile(empty), np.zeros(0), index)
            return
        for structure in plan.prepared.circuits():
            compiled = self._compile(structure.circuit)
            for index, values in zip(structure.phases, structure.values, strict=True):
                self._add(number, plan, plan.phases[index], compiled, _kept(values, structure.circuit, compiled.circuit), index)

    def _compile(self, circuit: QuantumCircuit) -> Compiled:
        if id(circuit) not in self._contents:
            self._contents[id(circuit)] = (circuit, of_or_none(circuit) or f"object {id(circuit)}")
        content = self._contents[id(circuit)][1]
        if content not in self._by_content:
            self._by_content[content] = self._device.compile(circuit, qubits=self.start)
        compiled = self._by_content[content]
        if self.start is None:
            self.start = compiled.start
        if id(compiled) not in self._seen:
            self._seen.add(id(compiled))
            if self._device.needs_circuits:
                self.summaries.append(compiled.summary())
        return compiled

    def _add(self, number: int, plan: Plan, phase: int, compiled: Compiled, values: NDArray[np.float64], index: int) -> None:
        self.qubits[number, phase] = compiled.qubits
        for b in np.flatnonzero(plan.wanted[phase]).tolist():
            for factor in self._mitigation.factors:
                self._add_rows(Row(number, phase, b, factor=factor), plan, compiled, values, index)

    def _add_rows(self, row: Row, plan: Plan, compiled: Compiled, values: NDArray[np.float64], index: int) -> None:
        axes, shots, circuits = plan.bases[row.basis].axes, plan.shots_of(row.phase, row.basis), self._device.needs_circuits
        each = shots_each(shots, self._sets) if self._sets else shots
        key = (id(compiled), axes, each, row.factor)
        if key not in self._groups:
            variant = self._amplified(compiled, row.factor) if circuits else compiled
            variant = twirling.construct(variant, axes) if self._sets and circuits else variant
            self._groups[key] = _Group(variant, axes, each, [], [], [])
        group = self._groups[key]
        if not self._sets:
            group.values.append(values)
            group.rows.append(row)
            group.sources.append((plan.prepared, index))
            return
        again = () if row.factor == 1 else (row.factor,)
        flips = design(len(axes), self._sets, stream(plan.seed, "flips", row.plan, row.phase, row.basis, *again))
        group.values += list(twirled_values(compiled, group.compiled, values, flips) if circuits else [values] * len(flips))
        group.rows += [replace(row, flips=some) for some in flips]
        group.sources += [(plan.prepared, index)] * len(flips)

    def _amplified(self, compiled: Compiled, factor: int) -> Compiled:
        if self._mitigation.zne is None:
            return compiled
        if id(compiled) not in self._folded:
            self._folded[id(compiled)] = zne.construct(compiled, self._mitigation.zne)
        return self._folded[id(compiled)][factor]

    def work(self) -> list[tuple[Work, list[Row]]]:
        """Return what is to be run, and for each row of its values what it is for."""
        found = []
        for group in self._groups.values():
            values = np.array(group.values).reshape(len(group.rows), group.compiled.circuit.num_parameters)
            drawn = tuple(
                _drawing(prepared, index, row)
                for (prepared, index), row in zip(group.sources, group.rows, strict=True)
                if prepared.draw
            )
            states = functools.partial(_states, group)
            item = Work(group.compiled, group.axes, values, states, drawn if len(drawn) == len(group.rows) else None)
            found.append((item, group.rows))
        return found

    def run(self, seed: int, beside: Sequence[tuple[Work, int | None]] = ()) -> tuple[dict[Key, Samples], list[list[Samples]]]:
        """Run everything, one job for each number of shots, and deal the samples out.

        Parameters
        ----------
        seed : int
        beside : sequence of (Work, shots)
            What else goes with the same jobs.

        Returns
        -------
        samples, beside
            Those of the plans by key, and those of each other piece of work.
        """
        data = self.work()
        found = list(zip([work for work, _ in data], self.shots(), strict=True)) + list(beside)
        counts = sorted({each for _, each in found}, key=lambda n: -1 if n is None else n)
        got: dict[int, list[Samples]] = {}
        for each in counts:
            mine = [number for number, (_, own) in enumerate(found) if own == each]
            work = [found[number][0] for number in mine]
            if each is None:
                batches = self._device.distribution(work)
            else:
                own_seed = seed if len(counts) == 1 else integer(seed, "shots", each)
                batches = self._device.sample(work, shots=each, seed=own_seed)
            got.update(zip(mine, batches, strict=True))
        answers = [pair for number, (_, rows) in enumerate(data) for pair in zip(rows, got[number], strict=True)]
        return dealt(answers), [got[number] for number in range(len(data), len(found))]


def _kept(values: NDArray[np.float64], circuit: QuantumCircuit, compiled: QuantumCircuit) -> NDArray[np.float64]:
    """Return the values of those parameters that are left in the compiled circuit, in its order: a compiler may cancel some."""
    if circuit.num_parameters == compiled.num_parameters:
        return values
    place = {parameter.name: i for i, parameter in enumerate(circuit.parameters)}
    return np.asarray(values)[[place[parameter.name] for parameter in compiled.parameters]]


def dealt(found: Iterable[tuple[Row, Samples]]) -> dict[Key, Samples]:
    """Return the samples of every circuit of a plan, with flips undone, from those of its rows."""
    parts: dict[Key, list[tuple[Row, Samples]]] = {}
    for row, samples in found:
        parts.setdefault((row.plan, row.phase, row.basis, row.factor), []).append((row, samples))
    return {key: _whole(rows) for key, rows in parts.items()}


def _whole(rows: list[tuple[Row, Samples]]) -> Samples:
    flips = [row.flips for row, _ in rows if row.flips is not None]
    return twirling.combine([samples for _, samples in rows], np.array(flips)) if flips else rows[-1][1]


def _states(group: _Group) -> NDArray[np.complex128]:
    known = {id(prepared): prepared.states() for prepared in {id(p): p for p, _ in group.sources}.values()}
    found = np.array([known[id(prepared)][index] for prepared, index in group.sources])
    if group.rows[0].flips is None:
        return found
    return np.array(
        [
            flipped_state(state, group.axes, row.flips)
            for state, row in zip(found, group.rows, strict=True)
            if row.flips is not None
        ]
    )


def _drawing(prepared: Prepared, index: int, row: Row) -> Callable[[str, int, np.random.Generator], Samples]:
    assert prepared.draw is not None
    draw = functools.partial(prepared.draw, index)
    return draw if row.flips is None else flipped_draw(draw, row.flips)


@dataclass(frozen=True)
class CalibrationWork:
    """One calibration circuit: all qubits in |state⟩, behind these sets of flips where the method is twirled."""

    state: int
    work: Work
    flips: Flips | None


def calibration_work(device: Device, qubits: tuple[int, ...], mitigation: Mitigation, seed: int) -> list[CalibrationWork]:
    """Return the calibration circuits of a mitigation on these device qubits.

    Parameters
    ----------
    device : Device
    qubits : tuple of int
    mitigation : Mitigation
    seed : int
        Of the flips.
    """
    n = len(qubits)
    zeros, ones = QuantumCircuit(n, name="all 0"), QuantumCircuit(n, name="all 1")
    ones.x(range(n))
    axes = "Z" * n
    if not mitigation.twirled:
        return [
            CalibrationWork(state, Work(device.compile(c, qubits=qubits), axes, np.zeros((1, 0)), _basis_state(n, state)), None)
            for state, c in enumerate((zeros, ones))
        ]
    plain = device.compile(zeros, qubits=qubits)
    flips = design(n, num_flips(n), stream(seed, "calibration flips"))
    if not device.needs_circuits:
        return [CalibrationWork(0, Work(plain, axes, np.zeros((len(flips), 0)), _basis_state(n, 0, flips)), flips)]
    after = twirling.construct(plain, axes)
    return [CalibrationWork(0, Work(after, axes, twirled_values(plain, after, np.zeros(0), flips)), flips)]


def _basis_state(n: int, state: int, flips: Flips | None = None) -> Callable[[], NDArray[np.complex128]]:
    def states() -> NDArray[np.complex128]:
        found = np.zeros((1, 2**n), dtype=complex)
        found[0, -1 if state else 0] = 1.0
        return found if flips is None else np.array([flipped_state(found[0], "Z" * n, row) for row in flips])

    return states
