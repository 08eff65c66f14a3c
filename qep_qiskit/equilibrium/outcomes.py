"""Outcomes of a round: the device's samples, assigned to the plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.devices.simulated.noise_notes import Ran
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.local_samples import Approximation, LocalSamples
from qep_qiskit.measurement.mitigation import twirling
from qep_qiskit.measurement.mitigation.readout import CalibrationSamples
from qep_qiskit.measurement.mitigation.twirling import Flips
from qep_qiskit.samples import Samples
from qep_qiskit.values import Value

Vector = NDArray[np.float64]
CALIBRATION = -1
"""The phase of a calibration circuit, whose basis is 0 (all |0⟩) or 1 (all |1⟩)."""


@dataclass(frozen=True, eq=False, repr=False)
class Outcomes(Value):
    """The results that a device returned for one round of a plan.

    Attributes
    ----------
    samples : mapping of (phase, basis) to Samples
    qubits : mapping of phase to tuple of int
        The device qubit of each logical qubit.
    expectations : mapping of phase to ndarray of shape (L,)
        Used instead of samples if the device is exact and no shots are requested.
    calibrations : tuple of CalibrationSamples
    names : mapping of (phase, basis) to str
        The name of each circuit, if every circuit has its own calibration.
    circuits : tuple of mapping
        Depth and gate counts of every compiled structure.
    start : tuple of int or None
        The layout, which the next round reuses.
    device : mapping
    amplified : mapping of (phase, basis, factor) to Samples
        Samples with the noise amplified by folding, for zero-noise extrapolation.
    ran : Ran
        Which simulators ran, and which parts of a noise model acted.
    plan : Plan or None
        The plan of the last round that :func:`qep_qiskit.execute` ran.
    """

    samples: Mapping[tuple[int, int], Samples] = field(default_factory=dict)
    qubits: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    expectations: Mapping[int, Vector] = field(default_factory=dict)
    calibrations: tuple[CalibrationSamples, ...] = ()
    circuits: tuple[Mapping[str, object], ...] = ()
    start: tuple[int, ...] | None = None
    device: Mapping[str, object] = field(default_factory=dict)
    amplified: Mapping[tuple[int, int, int], Samples] = field(default_factory=dict)
    ran: Ran = field(default_factory=Ran)
    plan: Plan | None = field(default=None, compare=False, repr=False)
    names: Mapping[tuple[int, int], str] = field(default_factory=dict)

    def __repr__(self) -> str:
        what = f"{len(self.samples)} circuits" if self.samples else f"exact expectations of {len(self.expectations)} phases"
        return f"Outcomes({what} on {self.device.get('name', 'a device')})"

    @property
    def approximations(self) -> list[Approximation]:
        """The approximations of the distributions, one per circuit and basis; empty if all are exact."""
        calibrations = [samples for c in self.calibrations for samples in (c.zeros, c.ones)]
        every = [*self.samples.values(), *self.amplified.values(), *calibrations]
        distinct = {id(each.approximation): each.approximation for each in every if isinstance(each, LocalSamples)}
        return [each for each in distinct.values() if each is not None]

    @property
    def coarse(self) -> Outcomes:
        """The same outcomes with coarser approximations, by which the error of these is estimated."""
        return replace(
            self,
            samples={where: _coarse(samples) for where, samples in self.samples.items()},
            amplified={where: _coarse(samples) for where, samples in self.amplified.items()},
            calibrations=tuple(
                replace(c, zeros=_coarse(c.zeros), ones=None if c.ones is None else _coarse(c.ones)) for c in self.calibrations
            ),
        )

    def followed_by(self, later: Outcomes) -> Outcomes:
        """Return the outcomes of this round and a later one together."""
        summaries = {str(summary) for summary in self.circuits}
        return Outcomes(
            {**self.samples, **later.samples},
            {**self.qubits, **later.qubits},
            {**self.expectations, **later.expectations},
            self.calibrations + later.calibrations,
            self.circuits + tuple(summary for summary in later.circuits if str(summary) not in summaries),
            self.start,
            self.device,
            {**self.amplified, **later.amplified},
            self.ran.joined(later.ran),
            names={**self.names, **later.names},
        )


def _coarse(samples: Samples) -> Samples:
    return samples.coarse if isinstance(samples, LocalSamples) else samples


@dataclass(frozen=True, eq=False)
class Row:
    """The purpose of a row of values.

    Attributes
    ----------
    plan, phase, basis : int
    flips : ndarray of bool, shape (n,), or None
        The qubits that are flipped before the measurement.
    factor : int
        The factor by which folding amplifies the noise.
    """

    plan: int
    phase: int
    basis: int
    flips: Flips | None = None
    factor: int = 1


@dataclass(frozen=True)
class Deal:
    """The placement of a round's circuits on the device, and the assignment of its samples to the plans.

    Attributes
    ----------
    qubits : mapping of (plan, phase) to tuple of int
        The device qubit of each logical qubit.
    calibrated : tuple of int
        The device qubits of the calibration circuits.
    summaries : tuple of mapping
        Depth and gate counts of every compiled structure.
    start : tuple of int or None
        The layout.
    own : mapping of str to tuple of int
        The data circuits that were calibrated at Clifford angles, with their device qubits, in the order of the rows' `basis`.
    names : mapping of (plan, phase, basis) to str
        The name of each plan's circuits, if they are calibrated at Clifford angles.
    """

    qubits: Mapping[tuple[int, int], tuple[int, ...]]
    calibrated: tuple[int, ...]
    summaries: tuple[Mapping[str, object], ...]
    start: tuple[int, ...] | None
    own: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    names: Mapping[tuple[int, int, int], str] = field(default_factory=dict)

    def outcomes(
        self, answers: Iterable[tuple[Row, Samples]], device: Mapping[str, object], ran: Ran | None = None
    ) -> list[Outcomes]:
        """Return the outcomes of every plan, with flips undone, folded circuits kept separate, and the calibration shared.

        Parameters
        ----------
        answers : iterable of (Row, Samples)
        device : mapping
            The device's description.
        ran : Ran, optional
        """
        parts: dict[tuple[int, int, int, int], list[tuple[Row, Samples]]] = {}
        for row, samples in answers:
            parts.setdefault((row.plan, row.phase, row.basis, row.factor), []).append((row, samples))
        whole = {key: _whole(rows) for key, rows in parts.items()}
        states = {basis: samples for (_, phase, basis, _), samples in whole.items() if phase == CALIBRATION}
        calibrations = [CalibrationSamples(self.calibrated, states[0], states.get(1))] if self.calibrated and states else []
        if states:
            calibrations += [CalibrationSamples(q, states[k], circuit=name) for k, (name, q) in enumerate(self.own.items())]
        return [
            Outcomes(
                samples={(p, b): s for (plan, p, b, factor), s in whole.items() if plan == number and p >= 0 and factor == 1},
                amplified={(p, b, f): s for (plan, p, b, f), s in whole.items() if plan == number and f > 1},
                qubits={phase: qubits for (plan, phase), qubits in self.qubits.items() if plan == number},
                calibrations=tuple(calibrations),
                circuits=self.summaries,
                start=self.start,
                device=device,
                ran=Ran() if ran is None else ran,
                names={(p, b): name for (plan, p, b), name in self.names.items() if plan == number},
            )
            for number in sorted({plan for plan, _ in self.qubits})
        ]


def _whole(rows: list[tuple[Row, Samples]]) -> Samples:
    flips = [row.flips for row, _ in rows if row.flips is not None]
    return twirling.combine([samples for _, samples in rows], np.array(flips)) if flips else rows[-1][1]
