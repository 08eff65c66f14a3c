"""The study that predicts the choices: it varies one factor at a time around the best plan and computes shared parts once."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from copy import copy
from dataclasses import fields, is_dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.simulated.device import adds_no_noise
from qep_qiskit.display import counted
from qep_qiskit.equilibrium.bias import rounded
from qep_qiskit.errors import InputError, PreparationError, TooLargeError
from qep_qiskit.forecasting.accuracy import Accuracy, accuracy
from qep_qiskit.forecasting.causes import opposed
from qep_qiskit.forecasting.choice import Choice, Trial, UnreachableError, choose, settings_with
from qep_qiskit.forecasting.choices import EQUAL, Choices, Measure, named
from qep_qiskit.forecasting.prediction import Predictor, with_variances
from qep_qiskit.forecasting.sending import Sending, sending
from qep_qiskit.forecasting.truths import Truths
from qep_qiskit.kinds import MITIGATIONS, STENCILS
from qep_qiskit.measurement.mitigation.mitigation import Mitigation, parse
from qep_qiskit.measurement.split import OptimalShots, Split
from qep_qiskit.problem import Problem
from qep_qiskit.progress import Progress, silent, steps_done
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import Stencil, stencil

Vector = NDArray[np.float64]
LAYERS = (1, 2, 3)
RIVAL = 1.5
"""Numbers of layers with an error or price below this multiple of the best are tried with the best mitigation too."""
ROUNDS = 3
"""The largest number of predictions in a search for β that starts from an earlier prediction."""
REACH = 8.0
"""The largest factor by which one step of this search changes β."""


class Study:
    """A study of the choices around a plan.

    Parameters
    ----------
    problem : Problem
    settings : Settings
        The plan as given, with a chosen stencil.
    target : float or None
        The target error. Without one, all rows have the same total of shots.
    given : Choice
        The prediction of the plan as given.
    accuracy : Accuracy
        Its accuracy.
    sent : Sending
        Its circuits on the device.
    predictor : Predictor
        The predictor that made this prediction.
    truths : Truths
        The references of the problem.
    """

    def __init__(
        self,
        problem: Problem,
        settings: Settings,
        target: float | None,
        *,
        given: Choice,
        accuracy: Accuracy,
        sent: Sending,
        predictor: Predictor,
        truths: Truths,
        progress: Progress = silent,
    ) -> None:
        self._problem, self._target, self._truths, self._progress = problem, target, truths, progress
        self._settings = replace(settings, stencil=given.prediction.plan.stencil)
        self._given, self._accuracy, self._sent = given, accuracy, sent
        self._total = _executions(given, self._settings)
        self._predictors = {_key(self._settings): predictor}
        self._trials: dict[tuple[int | None, str, str, Stencil], Trial] = {}
        self._finite: dict[Stencil, Vector] = {}
        self._tried = 0

    def given(self) -> Measure:
        """Return the row of the plan as given, with its own shots."""
        trial = self._divided(settings_with(self._settings, self._given), self._given, self._accuracy)
        return self._measured("given", "as given", trial, self._sent)

    def choices(self) -> Choices:
        """Return the choices: first β and stencils, then layers and mitigations at the best of these, then combinations."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # large nudges of a search; the chosen plan is forecast again with its warnings
            rows = [self.given(), *self._layers()]
            around = self._best(rows).settings or self._settings
            depth, beta, mitigation = _depth(around), f"β = {around.fixed_stencil.beta:g}", named(str(around.mitigation))
            stencils = _within(self._stencils(around), depth, mitigation)
            mitigations = _within(self._mitigations(around), depth, beta)
            bests = [self._best([*rows, *group]) for group in (stencils, mitigations)]
            rows += [*stencils, *mitigations, *_within(self._qubits(around), depth, beta, mitigation)]
            if bests[1] in mitigations:
                rivals = [row for row in rows if row.factor == "layers" and self._value(row) < RIVAL * self._value(bests[1])]
                rivals += [bests[0]] if bests[0] in stencils else []
                rows += self._combined([row for row in rivals if row.settings is not around], bests[1].settings.mitigation)
        return Choices(tuple(rows), rows.index(self._best(rows)))

    def _combined(self, rows: Iterable[Measure], mitigation: Mitigation) -> Iterable[Measure]:
        """Yield the good rows again with this mitigation, each at its best β."""
        for row in rows:
            at, middle = row.settings, row.settings.stencil
            words = [_depth(at), middle.kind.replace("_", "-") if row.factor == "stencil" else "", named(str(mitigation))]
            joint = replace(at, mitigation=mitigation)
            yield from self._searched("all", joint, middle.kind, middle.beta, ", ".join(filter(None, words)), rounds=2)

    def _layers(self) -> Iterable[Measure]:
        """Yield 1, 2, 3 and the given number of layers, each at its best β; only the best β for a preparer without layers."""
        preparer, middle = self._settings.preparer, self._settings.fixed_stencil
        if not is_dataclass(preparer) or "layers" not in {entry.name for entry in fields(preparer)}:
            yield from self._searched("beta", self._settings, middle.kind, middle.beta)
            return
        for layers in sorted({*LAYERS, preparer.layers}):
            settings = replace(self._settings, preparer=replace(preparer, layers=layers))
            yield from self._searched("layers", settings, middle.kind, middle.beta, _depth(settings))

    def _stencils(self, around: Settings) -> Iterable[Measure]:
        """Yield half and twice the β, and the other stencils at their best β."""
        if self._total is None and self._target is None:
            return
        middle = around.fixed_stencil
        for beta in (middle.beta / 2, middle.beta * 2):
            at = stencil(middle.kind, rounded(beta))
            yield self._row("beta", f"β = {at.beta:g}", replace(around, stencil=at))
        for kind in STENCILS:
            if kind != middle.kind:
                yield from self._searched("stencil", around, kind, middle.beta, kind.replace("_", "-"))

    def _mitigations(self, around: Settings) -> Iterable[Measure]:
        """Yield no mitigation, each readout mitigation, and two forms of zero-noise extrapolation with the given readout."""
        if adds_no_noise(around.device):
            return
        readout = "trex" if around.mitigation.on_circuits else around.mitigation.readout
        words = ["none", *(name for name in MITIGATIONS if name != "m3" or readout == "m3")]
        for word in [*words, *(form if readout == "none" else f"{form}+{readout}" for form in ("zne", "zne:1,3"))]:
            yield self._row("mitigation", named(word), replace(around, mitigation=parse(word)))

    def _qubits(self, around: Settings) -> Iterable[Measure]:
        """Yield the transpiler's own qubits, if the layout chose others for the gradient."""
        layout = self._sent.layout
        if layout is None or layout.given or layout.qubits == layout.usual.qubits or layout.usual.swaps:
            return
        given = self._problem
        network = replace(given.network, layout=layout.usual.qubits)
        there = copy(self)
        there._problem = Problem(network, given.weights, x=given.x, cost=given.cost)
        there._trials, there._predictors = {}, {_key(around): Predictor(there._problem, around, self._predictor(around).free)}
        row = there._row("qubits", "qubits of the transpiler", around)
        yield replace(row, changes={**row.changes, "network.qubits": list(layout.usual.qubits)})

    def _row(self, factor: str, label: str, settings: Settings) -> Measure:
        """Return a row of the table; if it cannot be predicted, the row says why."""
        try:
            trial = self._predicted(settings) if self._target is None else self._computed(settings, self._target)
            sent = sending(trial.choice.prediction.plan, trial.settings.device, trial.choice.split)
            return self._measured(factor, label, trial, sent)
        except UnreachableError as error:
            return Measure(factor, label, self._changes(settings), own_error=error.floor, note="does not reach the target error")
        except (InputError, PreparationError) as error:
            limit = error.__cause__ if isinstance(error, TooLargeError) else None
            text = str(error) if limit is None else f"cannot be predicted exactly with {limit}"
            return Measure(factor, label, self._changes(settings), note=" ".join(text.split()))

    def _searched(
        self, factor: str, settings: Settings, kind: str, start: float, words: str = "", rounds: int = ROUNDS
    ) -> list[Measure]:
        """Return the row of a stencil at its best β, found in a few predictions.

        The finite-β bias grows as |β| to the power of the stencil's order and the variance falls as 1/β², so each prediction
        gives the β of the next one. Without shots, β stays as it is.
        """
        beta, found, failed = start, [], None
        for _ in range(rounds):
            at = replace(settings, stencil=stencil(kind, rounded(beta)))
            row = self._row(factor, ", ".join(filter(None, (words, f"β = {rounded(beta):g}"))), at)
            if row.note and not isinstance(row.own_error, float):
                failed = row
                break
            found.append(row)
            if self._total is None and self._target is None:
                break
            ratio = self._step(self._predicted(at))
            if abs(math.log(ratio)) < 0.07 or rounded(beta * ratio) in {r.settings.stencil.beta for r in found if r.settings}:
                break
            beta *= ratio
        return [self._best(found)] if found else [failed] if failed else []

    def _step(self, trial: Trial) -> float:
        """Return the factor by which β should change, from the scaling of the bias and the variance.

        The bias counts as if its causes did not cancel, unless they add up: a larger β does not repair the states.
        """
        order, size = trial.settings.fixed_stencil.order, trial.choice.size
        ratios = np.geomspace(1 / REACH, REACH, 241)
        bias, grows = trial.choice.bias, trial.finite_beta
        assert bias is not None
        biases = np.linalg.norm((bias - grows)[None] + np.multiply.outer(ratios**order, grows), axis=1) ** 2
        fixed = float(trial.prepared @ trial.prepared + trial.device @ trial.device)
        biases = np.maximum(biases, fixed + ratios ** (2 * order) * float(grows @ grows))
        variance = float(trial.choice.variances.sum()) / ratios**2
        if self._target is None:
            return float(ratios[np.argmin(biases + variance)])
        left = (self._target * size) ** 2 - biases
        if not (left > 0).any():
            return float(ratios[np.argmin(biases)])
        return float(ratios[np.argmin(np.where(left > 0, variance / np.where(left > 0, left, 1.0), np.inf))])

    def _predicted(self, settings: Settings) -> Trial:
        """Return a trial without a target. It always exists, since it has no error to reach."""
        key = (*_key(settings), settings.fixed_stencil)
        if key not in self._trials:
            self._trials[key] = self._computed(settings, None)
        return self._trials[key]

    def _computed(self, settings: Settings, target: float | None) -> Trial:
        steps_done(self._progress, f"choice {self._tried + 1}: {_words(settings)}", self._tried, None)
        self._tried += 1
        prediction = self._predictor(settings).at(settings.fixed_stencil)
        exact = self._truths.limit
        shots = replace(settings, shots=self._shots(settings, prediction.measured, prediction.calibration_circuits))
        choice = choose(prediction, exact.values, shots, target)
        expected = accuracy(exact.values, prediction.mean.values, self._covariance(choice), exact.uncertainty)
        return self._divided(settings_with(shots, choice), choice, expected)

    def _divided(self, settings: Settings, choice: Choice, expected: Accuracy) -> Trial:
        """Return a trial, with its bias divided by cause."""
        at, exact, mean = settings.fixed_stencil, self._truths.limit.values, choice.prediction.mean.values
        prepared = self._predictor(settings).noise_free(at, self._progress)
        finite = self._finite_beta(at)
        return Trial(settings, choice, expected, finite, prepared - exact - finite, mean - prepared)

    def _covariance(self, choice: Choice) -> NDArray[np.float64]:
        """Return the covariance of a choice. Correlations that are simulated are taken from the plan as given."""
        if not choice.prediction.local:
            return choice.covariance
        return with_variances(self._given.covariance, choice.variances)

    def _finite_beta(self, at: Stencil) -> Vector:
        """Return the finite-β bias of exact states, computed once.

        If the reference at this stencil would take long, the error of the given circuits is assumed not to depend on β.
        """
        if at not in self._finite:
            limit, given = self._truths.limit.values, self._settings.fixed_stencil
            if self._truths.quick or at == given:
                self._finite[at] = self._truths.at(at).values - limit
            else:
                there, here = (self._predictor(replace(self._settings, stencil=each)) for each in (at, given))
                error = here.noise_free(given, self._progress) - self._truths.at(given).values
                self._finite[at] = there.noise_free(at, self._progress) - limit - error
        return self._finite[at]

    def _predictor(self, settings: Settings) -> Predictor:
        key = _key(settings)
        if key not in self._predictors:
            free = next((p.free for (layers, *_), p in self._predictors.items() if layers == key[0] and p.free), None)
            self._predictors[key] = Predictor(self._problem, settings, free)
        return self._predictors[key]

    def _shots(self, settings: Settings, measured: NDArray[np.bool_], calibration: int) -> int | OptimalShots | Split | None:
        """Return the shots per circuit for which the total is the same as in the plan as given."""
        if self._total is None or self._target is not None:
            return self._settings.shots
        given = self._settings.shots
        if isinstance(given, Split) and settings.mitigation == self._settings.mitigation and given.table.shape == measured.shape:
            return given
        fixed = settings.calibration_shots
        circuits = int(measured.sum()) * len(settings.mitigation.factors) + (0 if fixed else calibration)
        mean = max(2, round((self._total - (fixed or 0) * calibration) / circuits))
        return mean if isinstance(given, int) else OptimalShots(mean)

    def _measured(self, factor: str, label: str, trial: Trial, sent: Sending) -> Measure:
        gates = [row.appraisal.two_qubit_gates for row in sent.rows if row.appraisal is not None]
        return Measure(
            factor,
            label,
            self._changes(trial.settings),
            relative_error=trial.accuracy.relative_error,
            spread=trial.accuracy.spread,
            own_error=trial.accuracy.own_error,
            parts={
                "finite_beta": _share(trial.finite_beta, trial.choice.size),
                "prepared": _share(trial.prepared, trial.choice.size),
                "device": _share(trial.device, trial.choice.size),
                "shots": _share(np.sqrt(trial.choice.variances), trial.choice.size),
            },
            ball=_share(trial.choice.prediction.mean.diagnostics.uncertainty, trial.choice.size) or 0.0,
            opposed=opposed({"finite_beta": trial.finite_beta, "prepared": trial.prepared, "device": trial.device}),
            seconds=sent.seconds,
            shots=sent.shots,
            two_qubit_gates=max(gates, default=None),
            settings=trial.settings,
        )

    def _changes(self, settings: Settings) -> dict[str, object]:
        given = self._settings
        changes: dict[str, object] = {}
        own, other = given.fixed_stencil, settings.fixed_stencil
        if other.kind != own.kind:
            changes["stencil.kind"] = other.kind
        if other.beta != own.beta:
            changes["stencil.beta"] = other.beta
        if settings.preparer != given.preparer:
            changes["preparation.layers"] = getattr(settings.preparer, "layers", None)
        if settings.mitigation != given.mitigation:
            changes["measurement.mitigation"] = str(settings.mitigation)
        return changes

    def _best(self, rows: list[Measure]) -> Measure:
        """Return the row with the least error or, with a target, the lowest price; of equal rows, the simplest and cheapest.

        With a target, rows whose causes cancel count only if no other reaches it.
        """
        value = self._value
        if self._target is not None:
            rows = [row for row in rows if not row.cancels and math.isfinite(value(row))] or rows
        least = min(map(value, rows))
        if math.isinf(least):
            return rows[0]
        equal = [row for row in rows if value(row) <= EQUAL * least]
        return min(equal, key=lambda row: (row.two_qubit_gates or 0, row.seconds or 0.0, value(row) if row.changes else 0.0))

    def _value(self, row: Measure) -> float:
        """Return the value to minimise: the error or, with a target, the price (infinite if the target is not reached)."""
        if row.relative_error is None or (self._target is not None and row.relative_error > 1.01 * self._target):
            return math.inf
        if self._target is None:
            return row.cautious_error or 0.0
        return row.seconds if row.seconds is not None else float(row.shots or 0)


def _executions(choice: Choice, settings: Settings) -> int | None:
    """Return the total shots of a choice, including calibration; None for exact expectations."""
    if choice.split is None:
        return None
    calibration = (choice.split.calibration or 0) * choice.prediction.calibration_circuits
    return choice.split.total * len(settings.mitigation.factors) + calibration


def _key(settings: Settings) -> tuple[int | None, str, str]:
    """Return a key of the settings that a predictor depends on and that vary: all except β.

    Preparers differ in their layers. The kind of stencil fixes the number of phases.
    """
    return getattr(settings.preparer, "layers", None), str(settings.mitigation), settings.fixed_stencil.kind


def _within(rows: Iterable[Measure], *shared: str) -> list[Measure]:
    """Return rows with the options that they share."""
    return [replace(row, shared=", ".join(filter(None, shared))) for row in rows]


def _depth(settings: Settings) -> str:
    layers = getattr(settings.preparer, "layers", None)
    return counted(layers, "layer") if layers else ""


def _share(vector: Vector | None, size: float) -> float | None:
    return float(np.linalg.norm(vector)) / size if size and vector is not None else None


def _words(settings: Settings) -> str:
    at = settings.fixed_stencil
    return ", ".join(filter(None, (_depth(settings), f"{at.kind} β = {at.beta:.3g}", named(str(settings.mitigation)))))
