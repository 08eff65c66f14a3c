"""Computation of error budgets: from the exact gradient to the measured one, with one cause of error per rung."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeAlias, Unpack

from qiskit.circuit import QuantumCircuit

from qep_qiskit.budget import Budget, Rung, RungKind
from qep_qiskit.budget.deviation import Vector
from qep_qiskit.devices.simulated.device import adds_no_noise
from qep_qiskit.devices.statevector import statevector
from qep_qiskit.equilibrium import Gradient, Outcomes, Plan, execute, plan, reduce
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.equilibrium.plan import refuse_without_qubits
from qep_qiskit.equilibrium.rounds import finish
from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.forecasting.settlement import settle
from qep_qiskit.kinds import RUNGS
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.measurement.split import Split
from qep_qiskit.preparation import MPS, Exact, MeanField, Prepared, Preparer, Progress, silent
from qep_qiskit.preparation.exact import MOST_QUBITS, reference_state
from qep_qiskit.problem import Problem, check_problem
from qep_qiskit.provenance import versions
from qep_qiskit.reference import exact_gradient, variational_gradient
from qep_qiskit.settings import Options, Settings, settings_of, shows_options
from qep_qiskit.stencils import Stencil

MEAN_FIELD = "mean_field"
"""The rung of the classical network, on which no other rung builds."""


@shows_options()
def compare(problem: Problem, *, progress: Progress = silent, **options: Unpack[Options]) -> Budget:
    """Show where a gradient's error comes from.

    Parameters
    ----------
    problem : Problem
    preparer, stencil, device, shots, mitigation, calibration_shots, seed
        How the gradient is measured: see :class:`~qep_qiskit.settings.Settings`.
    progress : callable, optional

    Returns
    -------
    Budget
        The rungs: exact (β → 0), finite β, prepared state without noise, device noise at infinite shots, device with raw shots,
        and device with mitigation. A rung that does not apply or was not requested has no values and says why. With
        ``Exact(level=k)`` or ``Thermal(T)``, exact means the gradient of that level or temperature. In addition there is
        `mean_field`, the classical network's gradient.
    """
    climb = Climb(problem, settings_of(compare, options), progress=progress)
    for _ in climb.rungs():
        pass
    return climb.budget()


Measure: TypeAlias = "Callable[[Climb], Gradient]"


def rung(name: str, title: str, short: str, **words: str) -> Callable[[Measure], Measure]:
    """Return a decorator that registers a method of `Climb`, with its meaning as docstring, as a kind of rung, in their order."""

    def registered(measure: Measure) -> Measure:
        RUNGS.register(name)(RungKind(measure, title, short, **words))
        return measure

    return registered


class Climb:
    """The rungs of an error budget, computed one after another, so that an interrupted comparison keeps those it has.

    With `measured`, the plan and outcomes of counts measured earlier, the device is not used.
    """

    def __init__(
        self,
        problem: Problem,
        settings: Settings,
        *,
        measured: tuple[Plan, Outcomes] | None = None,
        progress: Progress = silent,
    ) -> None:
        check_problem(problem)
        mitigation = settings.mitigation
        mitigation.require()
        self._started, self._clock = datetime.now(UTC), time.perf_counter()
        self._problem, self._progress = problem, progress
        self._settings, self._planned = settle(problem, settings, progress)
        refuse_without_qubits(problem, settings.preparer, self._settings.shots)
        self._shares = mitigation.calibrated and not mitigation.twirled
        stencil = self._settings.stencil
        self._chosen: Stencil | None = stencil if isinstance(stencil, Stencil) else None
        self._free: Prepared | None = None
        self._rungs: list[Rung] = []
        self._last: Gradient | None = None
        self._plan: Plan | None = None
        self._gap: float | None = None
        self._reference = reference_state(settings.preparer)
        self._mean_field: Rung | None = None
        self._measured_before = measured
        self._first_round: Outcomes | None = None

    def rungs(self) -> Iterator[Rung]:
        """Compute the rungs in order, and yield each of them."""
        for name in RUNGS:
            if name == MEAN_FIELD:
                self._mean_field = self._computed(name, None)
            else:
                before = [rung.values for rung in self._rungs if rung.values is not None]
                self._rungs.append(self._computed(name, before[-1] if before else None))
                yield self._rungs[-1]

    @property
    def circuit(self) -> QuantumCircuit | None:
        """The circuit that prepares the states, without measurement; None if there is no circuit."""
        if self._plan is None or (self._settings.preparer == self._reference and not self._settings.device.needs_circuits):
            return None
        try:
            structures = self._plan.prepared.circuits()
        except InputError:
            return None
        return structures[0].circuit

    def _stencil(self) -> Stencil:
        """Return the stencil for all rungs, chosen for the preparation and shots of this comparison."""
        if self._chosen is not None:
            return self._chosen
        first = plan(self._problem, self._settings, progress=self._progress)
        self._free, self._chosen = first.prepared, first.stencil
        return first.stencil

    def _described_stencil(self) -> dict[str, object]:
        """Return the stencil's kind and β; an adaptive β not yet chosen is None."""
        stencil = self._settings.stencil
        described: dict[str, object] = {"kind": stencil.kind, "beta": None if self._chosen is None else self._chosen.beta}
        return described if isinstance(stencil, Stencil) else {**described, "chosen": "adaptive"}

    def budget(self) -> Budget:
        """Return the rungs computed so far."""
        last, shots = self._last, self._settings.shots
        settings = {
            "network": dict(self._problem.network.description),
            "weights": dict(zip(self._problem.network.names, self._problem.weights.tolist(), strict=True)),
            "x": self._problem.x.tolist(),
            "cost": type(self._problem.cost).__name__,
            "preparer": self._settings.preparer.describe(),
            "stencil": self._described_stencil(),
            "device": self._settings.device.describe(),
            "shots": [list(row) for row in shots.shots] if isinstance(shots, Split) else shots,
            "mitigation": str(self._settings.mitigation),
            "calibration_shots": self._settings.calibration_shots,
            "seed": self._settings.seed,
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

    def _computed(self, name: str, before: Vector | None) -> Rung:
        """Compute a gradient and return it as a rung; if it cannot be computed, the rung says why."""
        clock, kind = time.perf_counter(), RUNGS[name]
        self._progress(kind.title, None)
        try:
            gradient = kind.measure(self)
        except _Skipped as reason:
            return Rung(name, kind.title, None, note=str(reason), seconds=time.perf_counter() - clock)
        exact = self._rungs[0].values if self._rungs else gradient.values
        if exact is None:
            raise InputError("compare: the exact gradient is missing")
        return replace(Rung.measured(name, kind.title, gradient).against(exact, before), seconds=time.perf_counter() - clock)

    @rung("exact", "exact (β → 0)", "exact")
    def _exact(self) -> Gradient:
        """The gradient at the true ground state in the limit of no nudge; everything else is compared with it."""
        gradient = exact_gradient(self._problem, preparer=self._reference, seed=self._settings.seed)
        self._gap = gradient.diagnostics.gap
        return gradient

    @rung(MEAN_FIELD, "mean field (classical)", "mean field")
    def _classical(self) -> Gradient:
        """The gradient of the same network without entanglement: product states (classical spins) in the limit β → 0."""
        try:
            return variational_gradient(self._problem, MeanField(), seed=self._settings.seed)
        except (InputError, PreparationError) as reason:
            raise _Skipped(str(reason)) from None

    @rung("finite_beta", "finite β", "finite β", subject="The gradient at finite β", cause="the finite β")
    def _nudged(self) -> Gradient:
        """True ground states at the stencil's own nudges: the difference is the finite-β bias."""
        return self._noiseless(self._large() or self._reference)

    @rung(
        "prepared",
        "prepared state, no noise",
        "prepared",
        label="prepared, no noise",
        subject="The gradient of the prepared states",
        cause="the preparation",
    )
    def _prepared(self) -> Gradient:
        """The prepared states without noise, measured exactly: the error of the ansatz, the optimiser or the ramp."""
        try:
            return self._noiseless(self._settings.preparer)
        except InputError as error:
            if self._problem.network.num_qubits <= MOST_QUBITS:
                raise
            raise _Skipped(str(error)) from None

    @rung(
        "device",
        "device noise, infinite shots",
        "device, ∞ shots",
        label="device noise, infinite shots",
        subject="The gradient under device noise at infinite shots",
        cause="device noise",
    )
    def _infinite_shots(self) -> Gradient:
        """The same circuits with the device's noise, including readout, averaged over infinitely many shots."""
        if self._measured_before is not None:
            raise _Skipped("the device's result at infinitely many shots is not known")
        if adds_no_noise(self._settings.device):
            raise _Skipped(f"{self._settings.device.name} adds no noise")
        try:
            return self._on_device(None, Mitigation())
        except InputError as error:
            raise _Skipped(str(error)) from None

    @rung("shots", "device, raw shots", "raw", label="raw shots", subject="The raw gradient", cause="shot noise")
    def _raw(self) -> Gradient:
        """The raw counts of the actual shots."""
        return self._measured(Mitigation())

    @rung("mitigated", "device, mitigated", "mitigated", label="mitigated shots", subject="The mitigated gradient")
    def _mitigated(self) -> Gradient:
        """The same shots after mitigation; the error bars include the calibration's own uncertainty."""
        return self._measured(self._settings.mitigation)

    def _noiseless(self, preparer: Preparer) -> Gradient:
        settings = replace(
            self._settings,
            preparer=preparer,
            stencil=self._stencil(),
            device=statevector(),
            shots=None,
            mitigation=Mitigation(),
            calibration_shots=None,
        )
        start = self._free if preparer is self._settings.preparer else None
        first = plan(self._problem, settings, warm_start=start, progress=self._progress)
        self._plan = first
        done, outcomes = finish(first, lambda part, earlier: execute(part, settings.device, earlier=earlier), self._progress)
        self._last = reduce(done, outcomes)
        return self._last

    def _large(self) -> Preparer | None:
        """Return the preparer for ground states too large for diagonalisation, or None if it is not needed."""
        large = self._problem.network.num_qubits > MOST_QUBITS and self._reference == Exact()
        return MPS() if large else None

    def _measured(self, mitigation: Mitigation) -> Gradient:
        if self._settings.shots is None:
            raise _Skipped("no shots were requested")
        if mitigation == Mitigation() and self._rungs[-1].name == "shots":
            raise _Skipped("no mitigation was requested")
        if self._measured_before is not None:
            self._last = reduce(*self._measured_before, mitigation=str(mitigation))
        else:
            self._last = self._on_device(self._settings.shots, mitigation)
        return self._last

    def _on_device(self, shots: object, mitigation: Mitigation) -> Gradient:
        """Run the prepared plan on the device; the free phase is prepared once for all rungs."""
        assert self._plan is not None
        settings = replace(self._settings, stencil=self._plan.stencil, shots=shots, mitigation=mitigation)  # type: ignore[arg-type]
        done, outcomes = finish(replace(self._plan, settings=settings), self._executed, self._progress)
        return reduce(done, outcomes)

    def _executed(self, part: Plan, earlier: Outcomes | None) -> Outcomes:
        """Run one round. If the first round's counts serve with and without mitigation, they are measured only once."""
        device = self._settings.device
        if part.round > 0 or part.shots is None or not self._shares:
            return execute(part, device, earlier=earlier, progress=self._progress)
        if self._first_round is None:
            part = replace(part, settings=replace(part.settings, mitigation=self._settings.mitigation))
            self._first_round = execute(part, device, progress=self._progress)
        return self._first_round


class _Skipped(Exception):
    """The reason why a rung was not computed: it does not apply or was not requested."""
