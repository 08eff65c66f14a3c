"""Computation of error budgets: from the exact gradient to the measured one, with one cause of error per rung."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Unpack

from qiskit.circuit import QuantumCircuit

from qep_qiskit.budget import Budget, Kept, Measured, Rung
from qep_qiskit.budget.deviation import Vector
from qep_qiskit.budget.rung_kind import rung
from qep_qiskit.devices.simulated.device import adds_no_noise
from qep_qiskit.devices.statevector import statevector
from qep_qiskit.equilibrium import Gradient, Outcomes, Plan, execute, plan, reduce
from qep_qiskit.equilibrium.diagnostics import Diagnostics
from qep_qiskit.equilibrium.plan import refuse_without_qubits
from qep_qiskit.equilibrium.rounds import finish
from qep_qiskit.errors import InputError, PreparationError
from qep_qiskit.fingerprints import of_or_none
from qep_qiskit.forecasting.planner import settle
from qep_qiskit.kinds import RUNGS
from qep_qiskit.measurement.mitigation.mitigation import Mitigation, readable
from qep_qiskit.measurement.split import Split
from qep_qiskit.networks.network import Network
from qep_qiskit.preparation import MeanField, Prepared
from qep_qiskit.preparation.exact import MOST_QUBITS, reference_state
from qep_qiskit.preparation.shortfall import without_shortfalls
from qep_qiskit.problem import Problem, check_problem
from qep_qiskit.progress import Progress, ProgressOption, showing, silent, steps_done
from qep_qiskit.provenance import versions
from qep_qiskit.reference import Reference, reference_gradient, variational_gradient
from qep_qiskit.reference.value import lower_energy
from qep_qiskit.settings import Options, Settings, settings_of, shows_options
from qep_qiskit.stencils import Stencil

MEAN_FIELD = "mean_field"
"""The rung of the classical network, on which no other rung builds."""
ENERGY, DOUBTS = "reference_energy", "reference_doubts"
"""Keys of the diagnostics from which a comparison resumes its reference. Only uncertain references have them."""


@shows_options()
def compare(
    problem: Problem,
    *,
    keep: str | os.PathLike[str] | None = None,
    progress: ProgressOption = "auto",
    **options: Unpack[Options],
) -> Budget:
    """Show where a gradient's error comes from.

    Parameters
    ----------
    problem : Problem
    preparer, stencil, device, shots, mitigation, calibration_shots, seed
        How the gradient is measured: see :class:`~qep_qiskit.settings.Settings`.
    keep : path, optional
        A folder in which every rung is saved as soon as it is computed, in ``budget.json``. An interrupted comparison resumes
        from it if the problem, the settings and the versions are the same.
    progress : {"auto", "off"} or callable
        See :func:`gradient`.

    Returns
    -------
    Budget
        The rungs: exact (β → 0), finite β, prepared state without noise, device noise at infinite shots without and with
        mitigation, device with raw shots, and device with mitigation. The exact gradient is computed for a network of any size
        (:func:`~qep_qiskit.reference.reference_gradient`), with its uncertainty. A rung that does not apply or was not
        requested has no values and says why. With ``Exact(level=k)`` or ``Thermal(T)``, exact means the gradient of that level
        or temperature. In addition there is `mean_field`, the classical network's gradient.
    """
    with showing(progress) as report:
        climb = Climb(problem, settings_of(compare, options), keep=keep, progress=report)
        list(climb.rungs())
        return climb.budget()


class Climb:
    """The rungs of an error budget, computed one after another.

    Parameters
    ----------
    problem : Problem
    settings : Settings
    measured : Measured, optional
        Counts measured earlier; the device is then not used.
    keep : path, optional
        The folder in which every rung is saved as soon as it is computed, so that an interrupted comparison resumes.
    extra : mapping, optional
        More entries of the file, which must match for a comparison to resume.
    progress : callable
    """

    def __init__(
        self,
        problem: Problem,
        settings: Settings,
        *,
        measured: Measured | None = None,
        keep: str | os.PathLike[str] | None = None,
        extra: Mapping[str, Any] | None = None,
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
        self._reference = reference_state(settings.preparer)
        self._mean_field: Rung | None = None
        self._measured_before = measured
        self._simulated = self._settings.device if measured is None else measured.noisy
        self._first_round: Outcomes | None = None
        extra = extra or {}
        question = of_or_none((problem, self._settings, versions(), dict(extra)))
        self._kept = None if keep is None else Kept(keep, question, extra)
        self._before = None if self._kept is None else self._kept.read()
        before = Diagnostics() if self._before is None else self._before.diagnostics
        self._gap = before.gap
        self._energy: float | None = before.more.get(ENERGY)
        self._doubts: list[str] = list(before.more.get(DOUBTS, ()))

    @property
    def resumed(self) -> int:
        """The number of rungs reused from an interrupted comparison."""
        return 0 if self._before is None else len(self._before.rungs)

    @property
    def kept(self) -> Path | None:
        """The file in which the rungs are kept; None if the comparison could not be resumed from it."""
        return None if self._kept is None or self._kept.question is None else self._kept.path

    def rungs(self) -> Iterator[Rung]:
        """Compute the rungs in order; save and yield each of them."""
        earlier = {} if self._before is None else {rung.name: rung for rung in self._before.rows}
        for number, name in enumerate(RUNGS):
            steps_done(self._progress, f"rung: {RUNGS[name].title}", number, len(list(RUNGS)))
            rung = earlier.get(name) or self._computed(name)
            if name == MEAN_FIELD:
                self._mean_field = rung
            else:
                self._rungs.append(rung)
            if self._kept is not None and name not in earlier:
                self._kept.write(self.budget(), complete=name == list(RUNGS)[-1])
            if name != MEAN_FIELD:
                yield rung

    @property
    def network(self) -> Network:
        """The network of the problem."""
        return self._problem.network

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
        if self._chosen is None and self._before is not None:
            return dict(self._before.settings["stencil"])
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
        if self._before is not None and last is None:
            provenance, diagnostics = {**self._before.provenance, **provenance}, self._before.diagnostics
        values = {rung.name for rung in self._rungs if rung.values is not None}
        if {"finite_beta", "prepared"} <= values and not self._doubts:
            diagnostics = replace(diagnostics, warnings=tuple(without_shortfalls(diagnostics.warnings)))
        if diagnostics.gap is None:
            diagnostics = replace(diagnostics, gap=self._gap)
        if self._energy is not None:
            diagnostics = replace(diagnostics, more={**diagnostics.more, ENERGY: self._energy})
        if self._doubts:
            diagnostics = replace(diagnostics, more={**diagnostics.more, DOUBTS: list(self._doubts)})
        diagnostics = diagnostics.with_warnings([text for text in self._doubts if text not in diagnostics.warnings], first=True)
        return Budget(self._problem.network.names, tuple(self._rungs), self._mean_field, diagnostics, settings, provenance)

    def _previous(self, name: str) -> Vector | None:
        """Return the gradient of the rung on which another one builds; None if there is none."""
        if name == MEAN_FIELD:
            return None
        before = [rung.values for rung in self._rungs if rung.values is not None and not RUNGS[rung.name].aside]
        return before[-1] if before else None

    def _computed(self, name: str) -> Rung:
        """Compute a gradient and return it as a rung; if it cannot be computed, the rung says why."""
        clock, kind = time.perf_counter(), RUNGS[name]
        try:
            gradient = kind.measure(self)
        except _Skipped as reason:
            return Rung(name, kind.title, None, note=str(reason), seconds=time.perf_counter() - clock)
        if (exact := self._rungs[0].values if self._rungs else gradient.values) is None:
            raise InputError("compare: the exact gradient is missing")
        rung = Rung.measured(name, kind.title, gradient)
        return replace(rung.against(exact, self._previous(name)), seconds=time.perf_counter() - clock)

    @rung("exact", "exact (β → 0)", "exact")
    def _exact(self) -> Gradient:
        """The gradient at the true ground state in the limit of no nudge; everything else is compared with it."""
        reference = self._true()
        self._gap, self._doubts = reference.gradient.diagnostics.gap, list(reference.warnings)
        self._energy = reference.energy if reference.uncertainty is not None else None
        return reference.gradient

    @rung(MEAN_FIELD, "mean field (classical)", "mean field")
    def _classical(self) -> Gradient:
        """The gradient of the same network without entanglement: product states (classical spins) in the limit β → 0."""
        try:
            return variational_gradient(self._problem, MeanField(), seed=self._settings.seed, progress=self._progress)
        except (InputError, PreparationError) as reason:
            raise _Skipped("a closed form has no spins" if self._problem.network.closed_form else str(reason)) from None

    @rung("finite_beta", "finite β", "finite β", subject="The gradient at finite β", cause="the finite β")
    def _nudged(self) -> Gradient:
        """True ground states, nudged with the β of the stencil: the error of a nudge that is not infinitely small."""
        return self._true(self._stencil()).gradient

    @rung(
        "prepared",
        "prepared state, no noise",
        "prepared",
        label="prepared, no noise",
        subject="The gradient of the prepared states",
        cause="the preparation",
    )
    def _prepared(self) -> Gradient:
        """The states that the circuits prepare, without noise: the error of the ansatz, the optimiser or the ramp."""
        try:
            gradient = self._noiseless()
        except InputError as error:
            if self._problem.network.num_qubits <= MOST_QUBITS:
                raise
            raise _Skipped(str(error)) from None
        if self._energy is not None and (doubt := lower_energy(gradient.diagnostics.phases[0].energy, self._energy)):
            self._doubts.append(doubt)
        return gradient

    @rung(
        "device",
        "device noise, infinite shots",
        "device, ∞ shots",
        label="device noise, infinite shots",
        subject="The gradient under device noise at infinite shots",
        cause="device noise",
    )
    def _infinite_shots(self) -> Gradient:
        """The same circuits under the noise of the device, including readout, with infinitely many shots."""
        return self._without_shots(Mitigation())

    @rung(
        "mitigated_limit",
        "mitigated, infinite shots",
        "mitigated, ∞ shots",
        subject="The mitigated gradient at infinite shots",
        aside=True,
    )
    def _mitigated_limit(self) -> Gradient:
        """The error that mitigation leaves, with infinitely many shots for the data and for the calibration."""
        if self._settings.mitigation == Mitigation():
            raise _Skipped("no mitigation was requested")
        return self._without_shots(self._settings.mitigation)

    @rung("shots", "device, raw shots", "raw", label="raw shots", subject="The raw gradient", cause="shot noise")
    def _raw(self) -> Gradient:
        """The counts as they were measured."""
        return self._measured(Mitigation())

    @rung("mitigated", "device, mitigated", "mitigated", label="mitigated shots", subject="The mitigated gradient")
    def _mitigated(self) -> Gradient:
        """The same counts after mitigation; the error bars include the uncertainty of the calibration."""
        return self._measured(self._settings.mitigation)

    def _true(self, stencil: Stencil | None = None) -> Reference:
        """Return the gradient of the exact states."""
        return reference_gradient(
            self._problem, stencil=stencil, preparer=self._reference, seed=self._settings.seed, progress=self._progress
        )

    def _noiseless(self) -> Gradient:
        first = self._prepared_plan()
        done, outcomes = finish(first, lambda part, earlier: execute(part, statevector(), earlier=earlier), self._progress)
        self._last = reduce(done, outcomes)
        return self._last

    def _prepared_plan(self) -> Plan:
        """Return the plan of the prepared states without noise or shots. The states are prepared once for all rungs."""
        if self._plan is None:
            settings = replace(
                self._settings,
                stencil=self._stencil(),
                device=statevector(),
                shots=None,
                mitigation=Mitigation(),
                calibration_shots=None,
            )
            self._plan = plan(self._problem, settings, warm_start=self._free, progress=self._progress)
        return self._plan

    def _without_shots(self, mitigation: Mitigation) -> Gradient:
        if isinstance(self._simulated, str):
            raise _Skipped(f"not known, because {self._simulated}")
        if adds_no_noise(self._simulated):
            raise _Skipped(f"{self._simulated.name} adds no noise")
        try:
            gradient = self._on_device(None, mitigation)
        except InputError as error:
            raise _Skipped(str(error)) from None
        how = {} if self._measured_before is None else {"simulated": self._measured_before.words}
        return replace(gradient, provenance={**gradient.provenance, **how})

    def _measured(self, mitigation: Mitigation) -> Gradient:
        if self._settings.shots is None:
            raise _Skipped("no shots were requested")
        if mitigation == Mitigation() and self._rungs[-1].name == "shots":
            raise _Skipped("no mitigation was requested")
        if (run := self._measured_before) is not None:
            self._last = reduce(run.plan, run.outcomes, mitigation=readable(run.plan.mitigation, mitigation))
        else:
            self._last = self._on_device(self._settings.shots, mitigation)
        return self._last

    def _on_device(self, shots: object, mitigation: Mitigation) -> Gradient:
        """Run the prepared plan on the device; the free phase is prepared once for all rungs."""
        first = self._prepared_plan()
        settings = replace(self._settings, stencil=first.stencil, shots=shots, mitigation=mitigation)  # type: ignore[arg-type]
        settings = replace(settings, calibration_shots=None) if shots is None else settings
        done, outcomes = finish(replace(first, settings=settings), self._executed, self._progress)
        return reduce(done, outcomes)

    def _executed(self, part: Plan, earlier: Outcomes | None) -> Outcomes:
        """Run one round. If the first round's counts serve with and without mitigation, they are measured only once."""
        device = self._settings.device
        if part.shots is None and not isinstance(self._simulated, str):
            earlier = earlier or (None if self._measured_before is None else self._measured_before.layout)
            return execute(part, self._simulated, earlier=earlier, progress=self._progress)
        if part.round > 0 or not self._shares:
            return execute(part, device, earlier=earlier, progress=self._progress)
        if self._first_round is None:
            part = replace(part, settings=replace(part.settings, mitigation=self._settings.mitigation))
            self._first_round = execute(part, device, progress=self._progress)
        return self._first_round


class _Skipped(Exception):
    """The reason why a rung was not computed: it does not apply or was not requested."""
