"""The error budget: from the exact gradient to the measured one, one cause of error a rung."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from qiskit.circuit import QuantumCircuit

from qep_qiskit.budget import KINDS, Budget, Rung
from qep_qiskit.budget.deviation import Vector
from qep_qiskit.checks import seed_of
from qep_qiskit.devices.device import Device, check_shots
from qep_qiskit.devices.named import as_device
from qep_qiskit.devices.simulated.device import adds_no_noise
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.equilibrium.execution import Outcomes, execute
from qep_qiskit.equilibrium.plan import Plan, check_options, measured_with, plan, refuse_without_qubits
from qep_qiskit.equilibrium.reduction import reduce
from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import finish
from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.forecasting.settlement import settle
from qep_qiskit.measurement.mitigation.mitigation import parse
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.preparation.exact import MOST_QUBITS, Exact, reference_state
from qep_qiskit.preparation.mean_field import MeanField
from qep_qiskit.preparation.mps import MPS
from qep_qiskit.preparation.preparer import Prepared, Preparer, Progress, silent
from qep_qiskit.problem import Problem
from qep_qiskit.provenance import versions
from qep_qiskit.reference import exact_gradient, variational_gradient
from qep_qiskit.stencils import AdaptiveStencil, AnyStencil, AutoStencil, Stencil


def compare(
    problem: Problem,
    *,
    preparer: Preparer | None = None,
    stencil: AnyStencil | None = None,
    device: object = None,
    shots: int | Split | OptimalShots | None = None,
    mitigation: str = "none",
    calibration_shots: int | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> Budget:
    """Climb the error budget of a gradient.

    Parameters
    ----------
    problem, preparer, stencil, device, shots, mitigation, calibration_shots, seed, progress
        As of :func:`gradient`.

    Returns
    -------
    Budget
        Rungs: exact (β → 0), finite β, prepared state without noise, device noise at infinite shots, device with raw shots,
        device mitigated. A rung that does not fit or was not asked for has no values and says why. With ``Exact(level=k)`` and
        ``Thermal(T)`` exact means that level's or that temperature's. Beside them `mean_field`, the classical network's gradient.
    """
    climb = Climb(
        problem,
        preparer=preparer,
        stencil=stencil,
        device=device,
        shots=shots,
        mitigation=mitigation,
        calibration_shots=calibration_shots,
        seed=seed,
        progress=progress,
    )
    for _ in climb.rungs():
        pass
    return climb.budget()


class Climb:
    """The rungs of an error budget one after another, so that a stopped comparison keeps those it has.

    Parameters
    ----------
    problem, preparer, stencil, device, shots, mitigation, calibration_shots, seed, progress
        As of :func:`gradient`.
    measured : tuple of Plan and Outcomes, optional
        Counts that are there already: the device is not asked.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        preparer: Preparer | None = None,
        stencil: AnyStencil | None = None,
        device: object = None,
        shots: int | Split | OptimalShots | None = None,
        mitigation: str = "none",
        calibration_shots: int | None = None,
        seed: int | None = None,
        measured: tuple[Plan, Outcomes] | None = None,
        progress: Progress = silent,
    ) -> None:
        check_options(problem, Exact(), AdaptiveStencil().at(0.1))
        self._problem = problem
        self._device: Device = as_device(device)
        self._preparer: Preparer = Exact() if preparer is None else preparer
        self._progress = progress
        chosen = parse(mitigation)
        chosen.require()
        self._mitigation = str(chosen)
        self._shares = chosen.calibrated and not chosen.twirled
        self._seed = self._device.seed if seed is None else seed_of(seed)
        self._started, self._clock = datetime.now(UTC), time.perf_counter()
        self._planned: Mapping[str, object] | None = None
        if isinstance(stencil, AutoStencil) or isinstance(shots, OptimalShots):
            settled = settle(
                problem,
                preparer=preparer,
                stencil=stencil,
                device=self._device,
                shots=shots,
                mitigation=mitigation,
                calibration_shots=calibration_shots,
                seed=seed,
                progress=progress,
            )
            stencil, shots, calibration_shots = settled.stencil, settled.shots, settled.calibration_shots
            self._planned = settled.record
        assert not isinstance(stencil, AutoStencil)
        self._asked: Stencil | AdaptiveStencil = AdaptiveStencil() if stencil is None else stencil
        self._chosen: Stencil | None = self._asked if isinstance(self._asked, Stencil) else None
        self._free: Prepared | None = None
        self._shots = shots if isinstance(shots, Split) else check_shots("shots", shots)
        refuse_without_qubits(problem, self._preparer, self._shots)
        self._calibration_shots = check_shots("calibration_shots", calibration_shots)
        self._rungs: list[Rung] = []
        self._last: Gradient | None = None
        self._plan: Plan | None = None
        self._gap: float | None = None
        self._reference = reference_state(self._preparer)
        self._mean_field: Rung | None = None
        self._measured_before = measured
        self._first_round: Outcomes | None = None

    def rungs(self) -> Iterator[Rung]:
        """Compute the rungs in order."""
        yield self._add("exact", self._exact)
        self._mean_field = self._computed("mean_field", self._classical, None)
        yield self._add("finite_beta", lambda: self._noiseless(self._large() or self._reference))
        yield self._add("prepared", self._prepared)
        yield self._add("device", self._infinite_shots)
        yield self._add("shots", lambda: self._measured("none"))
        yield self._add("mitigated", lambda: self._measured(self._mitigation))

    @property
    def circuit(self) -> QuantumCircuit | None:
        """The circuit that prepares the states, without measurement; None where no circuit was made."""
        if self._plan is None or (self._preparer == self._reference and not self._device.needs_circuits):
            return None
        try:
            structures = self._plan.prepared.circuits()
        except InputError:
            return None
        return structures[0].circuit

    def _stencil(self) -> Stencil:
        """Return one stencil for all rungs: that of the asked-for preparation and shots."""
        if self._chosen is not None:
            return self._chosen
        options = {"stencil": self._asked, "shots": self._shots, "seed": self._seed, "progress": self._progress}
        chosen = plan(self._problem, preparer=self._preparer, **options)  # type: ignore[arg-type]
        self._free, self._chosen = chosen.prepared, chosen.stencil
        return chosen.stencil

    def _described_stencil(self) -> dict[str, object]:
        """Return kind and β; an adaptive β that an interrupted comparison has not chosen yet is None."""
        described: dict[str, object] = {"kind": self._asked.kind, "beta": None if self._chosen is None else self._chosen.beta}
        return described if isinstance(self._asked, Stencil) else {**described, "chosen": "adaptive"}

    def budget(self) -> Budget:
        """Return the rungs that there are so far."""
        last = self._last
        settings = {
            "network": dict(self._problem.network.description),
            "weights": dict(zip(self._problem.network.names, self._problem.weights.tolist(), strict=True)),
            "x": self._problem.x.tolist(),
            "cost": type(self._problem.cost).__name__,
            "preparer": self._preparer.describe(),
            "stencil": self._described_stencil(),
            "device": self._device.describe(),
            "shots": [list(row) for row in self._shots.shots] if isinstance(self._shots, Split) else self._shots,
            "mitigation": self._mitigation,
            "calibration_shots": self._calibration_shots,
            "seed": self._seed,
        }
        provenance = {
            **({} if last is None else last.provenance),
            **({} if self._planned is None else {"planned": self._planned}),
            "versions": versions(),
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._clock, 3),
        }
        diagnostics = Diagnostics() if last is None else last.diagnostics
        if diagnostics.gap is None:
            diagnostics = replace(diagnostics, gap=self._gap)
        return Budget(self._problem.network.names, tuple(self._rungs), self._mean_field, diagnostics, settings, provenance)

    def _add(self, name: str, measure: Callable[[], Gradient]) -> Rung:
        before = [rung.values for rung in self._rungs if rung.values is not None]
        rung = self._computed(name, measure, before[-1] if before else None)
        self._rungs.append(rung)
        return rung

    def _computed(self, name: str, measure: Callable[[], Gradient], before: Vector | None) -> Rung:
        """Return a gradient as a rung, or the rung that says why there is none."""
        clock, title = time.perf_counter(), KINDS[name].title
        self._progress(title, None)
        try:
            gradient = measure()
        except _Skipped as reason:
            return Rung(name, title, None, note=str(reason), seconds=time.perf_counter() - clock)
        exact = self._rungs[0].values if self._rungs else gradient.values
        if exact is None:
            raise InputError("compare: the exact gradient is missing")
        return replace(Rung.measured(name, gradient).against(exact, before), seconds=time.perf_counter() - clock)

    def _exact(self) -> Gradient:
        gradient = exact_gradient(self._problem, preparer=self._reference, seed=self._seed)
        self._gap = gradient.diagnostics.gap
        return gradient

    def _classical(self) -> Gradient:
        try:
            return variational_gradient(self._problem, MeanField(), seed=self._seed)
        except (InputError, PreparationError) as reason:
            raise _Skipped(str(reason)) from None

    def _noiseless(self, preparer: Preparer) -> Gradient:
        stencil = self._stencil()
        warm_start = self._free if preparer is self._preparer else None
        first = plan(
            self._problem, preparer=preparer, stencil=stencil, warm_start=warm_start, seed=self._seed, progress=self._progress
        )
        self._plan = first
        done, outcomes = finish(first, lambda part, earlier: execute(part, None, earlier=earlier), self._progress)
        self._last = reduce(done, outcomes)
        return self._last

    def _prepared(self) -> Gradient:
        try:
            return self._noiseless(self._preparer)
        except InputError as error:
            if self._problem.network.num_qubits <= MOST_QUBITS:
                raise
            raise _Skipped(str(error)) from None

    def _large(self) -> Preparer | None:
        """Return what prepares ground states beyond diagonalisation, where it is needed."""
        large = self._problem.network.num_qubits > MOST_QUBITS and self._reference == Exact()
        return MPS() if large else None

    def _infinite_shots(self) -> Gradient:
        if self._measured_before is not None:
            raise _Skipped("what the device would give with infinitely many shots is not known")
        if adds_no_noise(self._device):
            raise _Skipped(f"{self._device.name} adds no noise")
        try:
            return self._on_device(None, "none")
        except InputError as error:
            raise _Skipped(str(error)) from None

    def _measured(self, mitigation: str) -> Gradient:
        if self._shots is None:
            raise _Skipped("no shots were asked for")
        if mitigation == "none" and self._rungs[-1].name == "shots":
            raise _Skipped("no mitigation was asked for")
        if self._measured_before is not None:
            self._last = reduce(*self._measured_before, mitigation=mitigation)
        else:
            self._last = self._on_device(self._shots, mitigation)
        return self._last

    def _on_device(self, shots: int | Split | None, mitigation: str) -> Gradient:
        """Run the prepared plan on the device; the free phase is prepared once for all rungs."""
        assert self._plan is not None
        first = measured_with(self._plan, shots, mitigation, self._calibration_shots)
        done, outcomes = finish(first, self._executed, self._progress)
        return reduce(done, outcomes)

    def _executed(self, part: Plan, earlier: Outcomes | None) -> Outcomes:
        """Run one round; the first round's counts, where they can be read with and without mitigation, only once."""
        if part.round > 0 or part.shots is None or not self._shares:
            return execute(part, self._device, earlier=earlier, progress=self._progress)
        if self._first_round is None:
            self._first_round = execute(replace(part, mitigation=self._mitigation), self._device, progress=self._progress)
        return self._first_round


class _Skipped(Exception):
    """A rung that does not fit or was not asked for."""
