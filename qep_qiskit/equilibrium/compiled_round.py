"""Rounds of circuits compiled for a device, with their jobs, their calibration and their price."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from qep_qiskit.devices.appraisal import backend_of
from qep_qiskit.devices.device import Compiled, Device, Work
from qep_qiskit.devices.layout.choice import Layout
from qep_qiskit.devices.limits import Limits
from qep_qiskit.devices.price import Price, price_of
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.equilibrium.calibration import (
    DataCircuit,
    Measurement,
    calibration_circuits,
    calibrations_at_clifford_angles,
    left_over,
)
from qep_qiskit.equilibrium.importance import layout_for
from qep_qiskit.equilibrium.outcomes import Deal, Row
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.fingerprints import of_or_none, read_once
from qep_qiskit.local_samples import Support
from qep_qiskit.measurement.bases import title_of
from qep_qiskit.measurement.mitigation import twirling, zne
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.measurement.mitigation.twirling import (
    flipped_draw,
    flipped_state,
    random_flips,
    shots_each,
    twirled_values,
)
from qep_qiskit.measurement.visible import visible
from qep_qiskit.preparation.preparer import Prepared, StateCircuit
from qep_qiskit.samples import Samples
from qep_qiskit.seeds import integer

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class RoundJob:
    """Measurements with the same number of shots, which are sent together.

    Attributes
    ----------
    purpose : str
        ``"data"`` or ``"calibration"``; ``"data-500"`` if circuits differ in their shots.
    shots : int or None
        The shots of each row.
    seed : int
    numbers : tuple of int
        Indices into :attr:`CompiledRound.measurements`.
    """

    purpose: str
    shots: int | None
    seed: int
    numbers: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class CompiledRound:
    """One round of one or many plans, compiled for a device.

    Attributes
    ----------
    data, calibration : tuple of Measurement
    deal : Deal
    seed, number : int
        The seed of the plans, and the number of the round: 0 for the first, 1 for the second.
    layout : Layout or None
        The choice of the qubits with the predicted damping; None if an earlier round chose the qubits, or if the device or the
        circuit allows no prediction.
    """

    data: tuple[Measurement, ...]
    calibration: tuple[Measurement, ...]
    deal: Deal
    seed: int
    number: int
    layout: Layout | None = None

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """The data measurements, followed by the calibration measurements."""
        return self.data + self.calibration

    @property
    def circuits(self) -> int:
        """The number of executions of data circuits."""
        return sum(len(item.rows) for item in self.data)

    def jobs(self, *, together: bool = True) -> list[RoundJob]:
        """Return the jobs of the round, one for each number of shots, the fewest first.

        Parameters
        ----------
        together : bool
            Whether calibration circuits join the job of data circuits with the same number of shots. Otherwise they form a
            separate job, the last.
        """
        apart = range(len(self.data), len(self.measurements))
        by_shots: dict[int | None, list[int]] = {}
        for place, item in enumerate(self.measurements):
            if together or place not in apart:
                by_shots.setdefault(item.shots, []).append(place)
        counts = sorted(by_shots, key=lambda n: -1 if n is None else n)
        seed, kinds = integer(self.seed, "samples", self.number), len({item.shots for item in self.data})
        jobs = []
        for each in counts:
            purpose = "calibration" if by_shots[each][0] in apart else "data" if kinds == 1 else f"data-{each}"
            of_its_own = seed if len(counts) == 1 or each is None else integer(seed, "shots", each)
            jobs.append(RoundJob(purpose, each, of_its_own, tuple(by_shots[each])))
        if self.calibration and not together:
            seed = integer(self.seed, "calibration", self.number)
            jobs.append(RoundJob("calibration", self.calibration[0].shots, seed, tuple(apart)))
        return jobs

    def price(self, device: Device, *, samples: int = 1) -> Price:
        """Return the price of the round's jobs on a device.

        Parameters
        ----------
        device : Device
        samples : int
            The number of samples in a batch whose data circuits are like these.
        """
        many = [samples] * len(self.data) + [1] * len(self.calibration)
        executions = [len(item.rows) * times for item, times in zip(self.measurements, many, strict=True)]
        limits = getattr(device, "limits", Limits())
        circuits = [item.work.compiled.measured(item.work.axes) for item in self.measurements]
        jobs, sent = 0, []
        for job in self.jobs():
            jobs += len(limits.parts(sum(executions[n] for n in job.numbers), job.shots or 0))
            shares = [part.shots for part in limits.parts(1, job.shots or 0)]
            sent += [(circuits[n], executions[n], share) for n in job.numbers for share in shares]
        return price_of(jobs, sent, device)


@read_once()
def compile_round(
    plans: Sequence[Plan],
    device: Device,
    *,
    start: tuple[int, ...] | None = None,
    calibrated: Collection[int | str] = (),
    shared: bool = False,
) -> CompiledRound:
    """Compile a round of plans with equal shots, mitigation and seed, such as the plans of a batch.

    Parameters
    ----------
    plans : sequence of Plan
    device : Device
    start : tuple of int, optional
        The layout of an earlier round, which is used again.
    calibrated : collection of int or str
        The device qubits, or the names of circuits, that an earlier round calibrated.
    shared : bool
        Whether rounds of other samples, or of later steps of a training, will be measured on the same qubits.
    """
    first = plans[0]
    mitigation = first.mitigation
    circuits = _Circuits(device, mitigation, start, shared or len(plans) > 1, exact=first.shots is None)
    for number, plan in enumerate(plans):
        circuits.add(number, plan)
    missing: tuple[int, ...] = ()
    calibrating = [item for name, item in circuits.own.items() if name not in calibrated]
    if mitigation.calibrated and not mitigation.on_circuits and not (first.shots is None and device.exact):
        missing = tuple(sorted({q for qubits in circuits.qubits.values() for q in qubits} - set(calibrated)))
    if missing:
        supports = circuits.device_supports(plans)
        calibration = calibration_circuits(device, missing, first, supports)
    else:
        calibration = calibrations_at_clifford_angles(device, calibrating, first)
    named = {item.name: item.compiled.qubits for item in calibrating}
    deal = Deal(circuits.qubits, missing, tuple(circuits.summaries), circuits.start, named, circuits.names)
    return CompiledRound(circuits.measurements(), calibration, deal, first.seed, first.round, circuits.layout)


@dataclass
class _Group:
    """Rows of one compiled circuit in one basis, with the same number of shots each."""

    compiled: Compiled
    axes: str
    shots: int | None
    values: list[Vector] = field(default_factory=list)
    sources: list[tuple[Prepared, int]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    supports: set[Support] = field(default_factory=set)

    def measurement(self) -> Measurement:
        values = np.array(self.values).reshape(len(self.rows), self.compiled.circuit.num_parameters)
        sources = zip(self.sources, self.rows, strict=True)
        drawn = tuple(_drawing(prepared, index, row) for (prepared, index), row in sources if prepared.draw)
        draw = drawn if len(drawn) == len(self.rows) else None
        tables = tuple(
            functools.partial(prepared.probabilities, index)
            for (prepared, index), row in zip(self.sources, self.rows, strict=True)
            if prepared.probabilities is not None and row.flips is None
        )
        joint = tables if len(tables) == len(self.rows) else None
        work = Work(self.compiled, self.axes, values, self._states, draw, tuple(sorted(self.supports)), joint)
        return Measurement(work, self.shots, tuple(self.rows))

    def _states(self) -> NDArray[np.complex128]:
        vectors = {id(prepared): prepared.states() for prepared in {id(p): p for p, _ in self.sources}.values()}
        states = [vectors[id(prepared)][index] for prepared, index in self.sources]
        pairs = zip(states, self.rows, strict=True)
        return np.array([s if row.flips is None else flipped_state(s, self.axes, row.flips) for s, row in pairs])


@dataclass
class _Circuits:
    """Collector of the rows of plans, grouped by compiled circuit, basis, shots and folding. Twirling multiplies the rows.

    Gates that a basis cannot see are left out of its circuit, unless the compiler moves the shorter circuit to other qubits.
    """

    device: Device
    mitigation: Mitigation
    start: tuple[int, ...] | None
    shared: bool = False
    exact: bool = False
    layout: Layout | None = None
    qubits: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    own: dict[str, DataCircuit] = field(default_factory=dict)  # the circuits to calibrate
    names: dict[tuple[int, int, int], str] = field(default_factory=dict)  # of the circuit for a plan, phase and basis
    _sent: dict[tuple[str, str], str] = field(default_factory=dict)  # for a circuit and axes: the circuit that they see
    _written: dict[str, QuantumCircuit] = field(default_factory=dict)  # the circuits before compilation
    _compiled: dict[str, Compiled] = field(default_factory=dict)
    _folded: dict[str, dict[int, Compiled]] = field(default_factory=dict)
    _groups: dict[tuple[str, str, int | None, int], _Group] = field(default_factory=dict)

    @property
    def summaries(self) -> list[dict[str, object]]:
        """The depth and gate counts of every circuit that is sent."""
        digests = dict.fromkeys(digest for digest, *_ in self._groups)
        return [self._compiled[digest].summary() for digest in digests] if self.device.needs_circuits else []

    def measurements(self) -> tuple[Measurement, ...]:
        return tuple(group.measurement() for group in self._groups.values())

    def device_supports(self, plans: Sequence[Plan]) -> set[Support]:
        """Return the sets of device qubits on which the strings of all plans act."""
        return {
            tuple(qubits[q] for q in support)
            for (number, _), qubits in self.qubits.items()
            for supports in plans[number].supports
            for support in supports
        }

    def add(self, number: int, plan: Plan) -> None:
        for structure in plan.prepared.circuits() if self.device.needs_circuits else self._no_circuits(plan):
            digest = self._digest(structure.circuit)
            if self.start is None and self.device.needs_circuits:
                self._lay_out(plan, structure.circuit, digest)
            self._compile(structure.circuit, digest)
            for index, values in zip(structure.phases, structure.values, strict=True):
                self._add_phase(number, plan, plan.phases[index], (structure.circuit, digest), values, index)

    def _no_circuits(self, plan: Plan) -> tuple[StateCircuit, ...]:
        """Return an empty circuit for all phases, for a device that takes states."""
        phases = tuple(range(len(plan.phases)))
        return (StateCircuit(QuantumCircuit(plan.problem.network.num_qubits), phases, np.zeros((len(phases), 0))),)

    def _lay_out(self, plan: Plan, circuit: QuantumCircuit, digest: str) -> None:
        self.layout, given = layout_for(plan, circuit, digest, self.device, shared=self.shared), plan.problem.network.layout
        if given is not None:
            self.start = None if backend_of(self.device) is None else given
        elif self.layout is not None and not self.layout.left_to_transpiler:
            self.start = self.layout.qubits
        record = getattr(self.device, "placed", None)
        if record is not None and given is None:
            self.start = record(circuit, self.start)

    def _digest(self, circuit: QuantumCircuit) -> str:
        if not self.device.needs_circuits:
            return f"{circuit.num_qubits} qubits"
        digest = of_or_none(circuit) or f"object {id(circuit)}"
        self._written.setdefault(digest, circuit)
        return digest

    def _compile(self, circuit: QuantumCircuit, digest: str) -> str:
        if digest not in self._compiled:
            compiled = self.device.compile(circuit, qubits=self.start)
            if self.exact and isinstance(self.device, SimulatedDevice):
                compiled = self.device.for_distributions(compiled)
            self._compiled[digest] = compiled
            self.start = compiled.start if self.start is None else self.start
        return digest

    def _seen(self, circuit: QuantumCircuit, digest: str, axes: str) -> str:
        """Return the digest of the circuit with the gates that the axes see."""
        if (digest, axes) not in self._sent:
            shorter = visible(circuit, axes)
            sent = digest if shorter is circuit else self._compile(shorter, self._digest(shorter))
            same_qubits = self._compiled[sent].qubits == self._compiled[digest].qubits
            self._sent[digest, axes] = sent if same_qubits else digest
        return self._sent[digest, axes]

    def _add_phase(
        self, number: int, plan: Plan, phase: int, whole: tuple[QuantumCircuit, str], values: Vector, index: int
    ) -> None:
        circuit, digest = whole
        self.qubits[number, phase] = self._compiled[digest].qubits
        for basis in np.flatnonzero(plan.measured[phase]).tolist():
            sent = self._seen(circuit, digest, plan.bases[basis].axes)
            left = left_over(values, circuit, self._compiled[sent].circuit)
            if self.mitigation.on_circuits:
                self._calibrate((number, phase, basis), sent, plan.bases[basis].axes, plan.supports[basis])
            for factor in self.mitigation.factors:
                self._add_rows(Row(number, phase, basis, factor=factor), plan, sent, left, index)

    def _calibrate(self, where: tuple[int, int, int], digest: str, axes: str, supports: Collection[Support]) -> None:
        name = f"{digest} {title_of(axes)}"
        circuit = self._written.get(digest, QuantumCircuit())
        self.own.setdefault(name, DataCircuit(name, circuit, self._compiled[digest], axes, set())).supports.update(supports)
        self.names[where] = name

    def _add_rows(self, row: Row, plan: Plan, digest: str, values: Vector, index: int) -> None:
        axes, shots, compiled = plan.bases[row.basis].axes, plan.shots_of(row.phase, row.basis), self._compiled[digest]
        folds = () if row.factor == 1 else (row.factor,)
        where = (row.plan, row.phase, row.basis, *folds)
        flips = random_flips(len(axes), plan.seed, "flips", *where) if self.mitigation.twirled else None
        each = shots if flips is None else shots_each(shots, len(flips))
        key = (digest, axes, each, row.factor)
        if key not in self._groups:
            self._groups[key] = _Group(self._variant(digest, axes, row.factor), axes, each)
        group = self._groups[key]
        group.supports |= plan.supports[row.basis]
        rows, twirled = [row], [values]
        if flips is not None:
            rows, twirled = [replace(row, flips=flip_set) for flip_set in flips], [values] * len(flips)
            if self.device.needs_circuits:
                twirled = list(twirled_values(compiled, group.compiled, values, flips))
        group.values += twirled
        group.rows += rows
        group.sources += [(plan.prepared, index)] * len(rows)

    def _variant(self, digest: str, axes: str, factor: int) -> Compiled:
        """Return a compiled circuit with the folding and the flips that the mitigation requires."""
        compiled = self._compiled[digest]
        if not self.device.needs_circuits:
            return compiled
        if self.mitigation.zne is not None:
            if digest not in self._folded:
                self._folded[digest] = zne.construct(compiled, self.mitigation.zne)
            compiled = self._folded[digest][factor]
        return twirling.construct(compiled, axes) if self.mitigation.twirled else compiled


def _drawing(prepared: Prepared, index: int, row: Row) -> Callable[[str, int, np.random.Generator], Samples]:
    assert prepared.draw is not None
    draw = functools.partial(prepared.draw, index)
    return draw if row.flips is None else flipped_draw(draw, row.flips)
