"""The choice of a circuit's device qubits by the predicted damping of the Pauli strings that are read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from qep_qiskit.devices.calibrated_errors import Errors, errors_of
from qep_qiskit.devices.compilation import SEED, compile_with
from qep_qiskit.devices.device import Compiled
from qep_qiskit.devices.gate_set import gate_set
from qep_qiskit.devices.layout.embedding import Weighing, embeddings
from qep_qiskit.devices.layout.exposure import Exposure, Reading, exposure_of
from qep_qiskit.display import counted

Real = NDArray[np.float64]
OTHER_SEEDS = (SEED + 1, SEED + 2, SEED + 3)
MOVED = 4
"""How many other places are tried for a circuit with SWAPs."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The device qubits of a circuit, and what the device's errors will do to the strings that are read.

    Attributes
    ----------
    qubits : tuple of int
        The device qubit that holds each logical qubit at the beginning.
    error : float
        The predicted relative error that damping leaves in the numbers that are read, with readout errors as they were weighed.
    usual : tuple of int
        The qubits that the transpiler would choose.
    usual_error : float
        The same prediction for them.
    labels : tuple of str
        The strings; the last letter is that of qubit 0.
    gates, readout : ndarray of shape (K,)
        The predicted factors by which the errors of gates and those of readout multiply each string's expectation.
    swaps : bool
        Whether the circuit needs SWAPs on these qubits.
    given : bool
        Whether the user chose the qubits.
    notes : tuple of str
        What is wrong with these qubits, one line each.
    """

    qubits: tuple[int, ...]
    error: float
    usual: tuple[int, ...]
    usual_error: float
    labels: tuple[str, ...]
    gates: Real
    readout: Real
    swaps: bool = False
    given: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Candidate:
    qubits: tuple[int, ...]
    error: float
    gates: Real
    readouts: Real
    swaps: bool


def choose_layout(
    backend: BackendV2,
    circuit: QuantumCircuit,
    readings: Sequence[Reading],
    *,
    readout: float = 1.0,
    qubits: Sequence[int] | None = None,
) -> Layout | None:
    """Return the layout with the least predicted error; None if the backend or the circuit allows no prediction.

    Without SWAPs, layouts are found by :func:`~qep_qiskit.devices.layout.embedding.embeddings`, and the transpiler's own is one
    more. If every circuit needs SWAPs, those are compared that the transpiler finds from a few seeds, and the best of them in
    other places.

    Parameters
    ----------
    circuit : QuantumCircuit
        The circuit that is compiled.
    readings : sequence of Reading
        The strings that are read from it, or from it without the gates that a basis does not see.
    readout : float
        The weight of readout errors: 1 if they damp, less if they are corrected.
    qubits : sequence of int, optional
        The user's own choice, which is only judged.
    """
    target = backend.target
    if target is None or not target.num_qubits or target.build_coupling_map() is None:
        return None
    gates = gate_set(target.operation_names)
    exposure = exposure_of(readings, gates)
    if exposure is None:
        return None
    weighing = Weighing(exposure, errors_of(target), readout)
    judge = _Judge(backend, circuit, weighing, gates)
    usual = judge.compiled(compile_with(backend, circuit, None))
    best = judge.best(usual) if qubits is None else judge.compiled(compile_with(backend, circuit, qubits))
    return Layout(
        best.qubits,
        best.error,
        usual.qubits,
        usual.error,
        exposure.labels,
        np.exp(-best.gates),
        np.exp(-best.readouts),
        best.swaps,
        qubits is not None,
        tuple(judge.notes(best, given=qubits is not None)),
    )


@dataclass(frozen=True, eq=False)
class _Judge:
    """The comparison of one circuit's layouts on one backend."""

    backend: BackendV2
    circuit: QuantumCircuit
    weighing: Weighing
    own_gates: tuple[str, ...]

    @property
    def _errors(self) -> Errors:
        return self.weighing.errors

    def best(self, usual: _Candidate) -> _Candidate:
        found = embeddings(self.weighing, self._errors.working)
        if len(found):
            best = self._embedded(tuple(found[0].tolist()))
            return usual if not usual.swaps and usual.error < best.error else best
        others = [compile_with(self.backend, self.circuit, None, seed=seed) for seed in OTHER_SEEDS]
        starts = {usual.qubits, *(other.start for other in others)}
        routed = [usual, *(self.compiled(compile_with(self.backend, self.circuit, start)) for start in starts - {usual.qubits})]
        best = min(routed, key=lambda each: each.error)
        moved = [self.compiled(compile_with(self.backend, self.circuit, start)) for start in self._elsewhere(best.qubits)]
        return min([best, *moved], key=lambda each: each.error)

    def _embedded(self, qubits: tuple[int, ...]) -> _Candidate:
        layout = np.array(qubits)
        gates, readouts = self.weighing.gates(layout), self.weighing.readouts(layout)
        return _Candidate(qubits, self.weighing.error(layout), gates, readouts, False)

    def compiled(self, compiled: Compiled) -> _Candidate:
        """Return a compiled circuit as a candidate, judged by its own gates if it has SWAPs or broken couplings."""
        pairs = self.weighing.exposure.pairs
        if compiled.start == compiled.qubits and all(
            self._errors.working[compiled.start[a], compiled.start[b]] for a, b in pairs
        ):
            return self._embedded(compiled.start)
        weighing = self._routed(compiled)
        layout = np.arange(compiled.circuit.num_qubits)
        gates, readouts = weighing.gates(layout), weighing.readouts(layout)
        return _Candidate(compiled.start, weighing.error(layout), gates, readouts, True)

    def _routed(self, compiled: Compiled) -> Weighing:
        """Return the weighing of the strings as they are read from a compiled circuit, on its wires."""
        exposure = self.weighing.exposure
        labels = [_moved(label, compiled.wires, compiled.circuit.num_qubits) for label in exposure.labels]
        exposed = exposure_of([Reading(compiled.circuit, labels, exposure.sizes)], self.own_gates)
        assert exposed is not None
        return Weighing(exposed, self._errors, self.weighing.readout)

    def _elsewhere(self, qubits: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the qubits on which the compiled circuit, with its SWAPs, would have less predicted error."""
        compiled = compile_with(self.backend, self.circuit, qubits)
        weighing = self._routed(compiled)
        active = sorted({*compiled.start, *compiled.wires, *(q for pair in weighing.exposure.pairs for q in pair)})
        place = {qubit: number for number, qubit in enumerate(active)}
        exposure = weighing.exposure
        pairs = tuple((place[a], place[b]) for a, b in exposure.pairs)
        small = Exposure(
            pairs, exposure.coupling, exposure.single[:, active], exposure.readout[:, active], exposure.sizes, exposure.labels
        )
        found = embeddings(Weighing(small, self._errors, weighing.readout), self._errors.working)
        starts = (tuple(int(row[place[q]]) for q in qubits) for row in found)
        return [start for start in dict.fromkeys(starts) if start != qubits][:MOVED]

    def notes(self, best: _Candidate, *, given: bool) -> list[str]:
        """Return one line if broken qubits or couplings are in the way."""
        errors, pairs, name = self._errors, self.weighing.exposure.pairs, self.backend.name
        layout = best.qubits if given else None
        broken = sorted(set(errors.broken_qubits) & set(best.qubits))
        if broken:
            what = f"{counted(len(broken), 'qubit')} of {name} {'is' if len(broken) == 1 else 'are'} broken: {_listed(broken)}"
            return [f"{what}; {'give other network.qubits' if given else 'take fewer sites'}, or another device"]
        if layout is None and best.swaps and errors.broken_couplings:
            found = embeddings(self.weighing, errors.couplings)
            layout = tuple(found[0].tolist()) if len(found) else None
        if layout is None:
            return []
        used = {(min(layout[a], layout[b]), max(layout[a], layout[b])) for a, b in pairs}
        faulty = [f"{a}–{b}" for a, b in errors.broken_couplings if (a, b) in used]
        if not faulty:
            return []
        what = f"{counted(len(faulty), 'coupling')} of {name} {'is' if len(faulty) == 1 else 'are'} broken: {_listed(faulty)}"
        if given:
            return [f"{what}; the network needs them on these qubits, so leave network.qubits out or give others"]
        return [f'{what}; no place was found for the network without them, so it gets SWAPs; take network.edges = "native"']


def _moved(label: str, wires: Sequence[int], size: int) -> str:
    letters = ["I"] * size
    for letter, wire in zip(reversed(label), wires, strict=True):
        letters[wire] = letter
    return "".join(reversed(letters))


def _listed(things: Sequence[object]) -> str:
    return ", ".join(map(str, things[:3])) + (", …" if len(things) > 3 else "")
