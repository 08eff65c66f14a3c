"""The choice of a circuit's device qubits by the predicted damping of the measured Pauli strings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from qep_qiskit.devices.calibrated_errors import Errors, errors_of
from qep_qiskit.devices.compilation import SEED, compile_with
from qep_qiskit.devices.device import Compiled
from qep_qiskit.devices.gate_set import gate_set
from qep_qiskit.devices.layout.embedding import READOUT, Weighing, embeddings
from qep_qiskit.devices.layout.exposure import Exposure, Reading, exposure_of
from qep_qiskit.display import counted
from qep_qiskit.values import Value

Real = NDArray[np.float64]
OTHER_SEEDS = (SEED + 1, SEED + 2, SEED + 3)
MOVED = 4
"""The number of other placements that are tried for a circuit with SWAPs."""
CLEARLY = 0.75
"""With SWAPs the prediction is less certain. The transpiler's placement is replaced only if the error falls below this share."""


@dataclass(frozen=True, eq=False)
class Placement(Value):
    """A circuit on some qubits of a device, with the predicted damping of the strings that are read there.

    Attributes
    ----------
    qubits : tuple of int
        The device qubit that holds each logical qubit at the beginning.
    sizes : ndarray of shape (K,)
        The importance of each string.
    gates, readout : ndarray of shape (K,)
        The predicted factors by which gate errors and readout errors multiply each string's expectation.
    swaps : bool
        Whether the circuit needs SWAPs or broken couplings on these qubits.
    """

    qubits: tuple[int, ...]
    sizes: Real
    gates: Real
    readout: Real
    swaps: bool
    exposure: Exposure | None = field(default=None, repr=False)  # on the wires of the compiled circuits, if there are SWAPs

    def error(self, readout: float = 1.0) -> float:
        """Return the relative error due to damping, √Σ s² (1 − λ)² / √Σ s².

        Parameters
        ----------
        readout : float
            The weight of readout errors: 1 if they are not corrected, 0 if they are corrected.
        """
        lost = self.sizes * (1.0 - self.gates * self.readout**readout)
        return float(np.linalg.norm(lost)) / max(float(np.linalg.norm(self.sizes)), 1e-300)


@dataclass(frozen=True, eq=False)
class Layout(Value):
    """The choice of a circuit's device qubits.

    Attributes
    ----------
    chosen : Placement
    usual : Placement
        The placement by the transpiler, for comparison.
    labels : tuple of str of length K
        The strings; the last letter is that of qubit 0.
    given : bool
        Whether the user chose the qubits.
    notes : tuple of str
        Problems of these qubits, one line each.
    """

    chosen: Placement
    usual: Placement
    labels: tuple[str, ...]
    given: bool = False
    notes: tuple[str, ...] = ()

    @property
    def qubits(self) -> tuple[int, ...]:
        """The device qubit that holds each logical qubit at the beginning."""
        return self.chosen.qubits

    @property
    def left_to_transpiler(self) -> bool:
        """Whether the transpiler's own qubits and SWAPs are used, since no better placement is known."""
        return self.chosen.swaps and self.chosen.qubits == self.usual.qubits


def choose_layout(
    backend: BackendV2,
    circuit: QuantumCircuit,
    readings: Sequence[Reading],
    *,
    qubits: Sequence[int] | None = None,
) -> Layout | None:
    """Return the layout with the least predicted error; None if the backend or the circuit allows no prediction.

    The candidates without SWAPs come from :func:`~qep_qiskit.devices.layout.embedding.embeddings` and from the transpiler. If all
    placements need SWAPs, the candidates are the transpiler's results for a few seeds, and the best of these moved to other
    qubits.

    Parameters
    ----------
    circuit : QuantumCircuit
        The circuit to compile.
    readings : sequence of Reading
        The strings that are read from the circuit, or from the circuit without the gates that a basis does not see.
    qubits : sequence of int, optional
        The user's own choice, for which only the damping is predicted.
    """
    target = backend.target
    if target is None or not target.num_qubits or target.build_coupling_map() is None:
        return None
    gates = gate_set(target.operation_names)
    exposure = exposure_of(readings, gates)
    if exposure is None:
        return None
    judge = _Judge(backend, circuit, readings, Weighing(exposure, errors_of(target)), gates)
    usual = judge.compiled(None)
    best = judge.best(usual) if qubits is None else judge.compiled(qubits)
    notes = judge.notes(best, given=qubits is not None)
    return Layout(best, usual, exposure.labels, qubits is not None, tuple(notes))


@dataclass(frozen=True, eq=False)
class _Judge:
    """The comparison of one circuit's layouts on one backend."""

    backend: BackendV2
    circuit: QuantumCircuit
    readings: Sequence[Reading]
    weighing: Weighing
    own_gates: tuple[str, ...]

    @property
    def _errors(self) -> Errors:
        return self.weighing.errors

    def best(self, usual: Placement) -> Placement:
        places = embeddings(self.weighing, self._errors.working)
        if len(places):
            best = self._embedded(tuple(places[0].tolist()))
            return usual if not usual.swaps and usual.error(READOUT) < best.error(READOUT) else best
        others = [compile_with(self.backend, self.circuit, None, seed=seed).start for seed in OTHER_SEEDS]
        routed = [usual, *map(self.compiled, dict.fromkeys(start for start in others if start != usual.qubits))]
        best = min(routed, key=lambda each: each.error(READOUT))
        if not best.swaps:  # the transpiler found a placement that the search missed
            return best
        best = min([best, *map(self.compiled, self._elsewhere(best))], key=lambda each: each.error(READOUT))
        return best if best.error(READOUT) < CLEARLY * usual.error(READOUT) else usual

    def _embedded(self, qubits: tuple[int, ...]) -> Placement:
        return _placement(qubits, self.weighing, np.array(qubits))

    def compiled(self, qubits: Sequence[int] | None) -> Placement:
        """Return the placement of the compiled circuit on these qubits or the transpiler's. With SWAPs, its own gates count."""
        compiled, working = compile_with(self.backend, self.circuit, qubits), self._errors.working
        start = compiled.start
        if start == compiled.qubits and all(working[start[a], start[b]] for a, b in self.weighing.exposure.pairs):
            return self._embedded(start)
        exposure = self._routed(compiled)
        layout = np.arange(compiled.circuit.num_qubits)
        return replace(_placement(start, Weighing(exposure, self._errors), layout), swaps=True, exposure=exposure)

    def _routed(self, compiled: Compiled) -> Exposure:
        """Return the exposure of the strings on the wires of the compiled circuits."""
        placed = []
        for reading in self.readings:
            sent = compiled
            if reading.circuit is not self.circuit:
                shorter = compile_with(self.backend, reading.circuit, compiled.start)
                sent = shorter if shorter.qubits == compiled.qubits else compiled
            labels = [_moved(label, sent.wires, sent.circuit.num_qubits) for label in reading.labels]
            placed.append(Reading(sent.circuit, labels, reading.sizes))
        exposure = exposure_of(placed, self.own_gates)
        assert exposure is not None
        return exposure

    def _elsewhere(self, routed: Placement) -> list[tuple[int, ...]]:
        """Return other qubits for a circuit with SWAPs, with the least predicted error first, if its gates stay the same."""
        exposure = routed.exposure
        assert exposure is not None
        active = sorted({*routed.qubits, *(qubit for pair in exposure.pairs for qubit in pair)})
        place = {qubit: number for number, qubit in enumerate(active)}
        pairs = tuple((place[a], place[b]) for a, b in exposure.pairs)
        small = replace(exposure, pairs=pairs, single=exposure.single[:, active], readout=exposure.readout[:, active])
        places = embeddings(Weighing(small, self._errors), self._errors.working)
        starts = (tuple(int(row[place[q]]) for q in routed.qubits) for row in places)
        return [start for start in dict.fromkeys(starts) if start != routed.qubits][:MOVED]

    def notes(self, best: Placement, *, given: bool) -> list[str]:
        """Return a note if the placement uses, or has to avoid, broken qubits or couplings."""
        errors, pairs, name = self._errors, self.weighing.exposure.pairs, self.backend.name
        broken = sorted(set(errors.broken_qubits) & set(best.qubits))
        if broken:
            what = f"{counted(len(broken), 'qubit')} of {name} {'is' if len(broken) == 1 else 'are'} broken: {_listed(broken)}"
            return [f"{what}; {'give other network.qubits' if given else 'take fewer sites'}, or another device"]
        layout = best.qubits if given else None
        if not given and best.swaps and errors.broken_couplings:
            places = embeddings(self.weighing, errors.couplings)
            layout = tuple(places[0].tolist()) if len(places) else None
        if layout is None:
            return []
        used = {(min(layout[a], layout[b]), max(layout[a], layout[b])) for a, b in pairs}
        faulty = [f"{a}–{b}" for a, b in errors.broken_couplings if (a, b) in used]
        if not faulty:
            return []
        what = f"{counted(len(faulty), 'coupling')} of {name} {'is' if len(faulty) == 1 else 'are'} broken: {_listed(faulty)}"
        if given:
            return [f"{what}; the network needs them on these qubits, so leave network.qubits out or give others"]
        return [f'{what}; no layout of the network avoids them without SWAPs; use network.edges = "native"']


def _placement(qubits: tuple[int, ...], weighing: Weighing, layout: NDArray[np.int64]) -> Placement:
    gates, readout = np.exp(-weighing.gates(layout)), np.exp(-weighing.readouts(layout))
    return Placement(qubits, weighing.exposure.sizes, gates, readout, False)


def _moved(label: str, wires: Sequence[int], size: int) -> str:
    letters = ["I"] * size
    for letter, wire in zip(reversed(label), wires, strict=True):
        letters[wire] = letter
    return "".join(reversed(letters))


def _listed(things: Sequence[object]) -> str:
    return ", ".join(map(str, things[:3])) + (", …" if len(things) > 3 else "")
