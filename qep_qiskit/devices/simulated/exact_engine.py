"""The package's own exact simulation of circuits: each state is computed once for all bases and any number of shots."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled, Work, distinct_rows
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated.programs import matrices_of, program_of
from qep_qiskit.devices.statevector import rotated
from qep_qiskit.errors import InputError
from qep_qiskit.samples import Samples, draw, from_probabilities
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.adjoint.program import CircuitProgram
from qep_qiskit.simulation.noise.aer_model import Unsuited
from qep_qiskit.simulation.noise.program import NoisyProgram

NAME = "qep-qiskit"
GATES = ["rx", "ry", "rz", "rzz", "rxx", "ryy", "h", "x", "sx", "sxdg", "s", "sdg", "cx", "cz"]
"""The gates to which circuits without noise are compiled."""
FAST_QUBITS = 12
"""Up to this many qubits it is not slower than Aer, even for one row of values and an empty cache."""
FAST_NOISY_WIRES = 11
"""Up to this many wires it is faster than Aer with noise, for any number of shots. For 12 wires Aer is faster at few shots."""
MOST_QUBITS = 24
"""Largest number of qubits without noise: a state of 24 takes 0.27 GB, and twice that while a gate acts."""
_AMPLITUDES = 1 << 22
"""Up to this many amplitudes (64 MB), the states of several rows are computed together."""

Real = NDArray[np.float64]


def fast_wires(noise_free: bool) -> int:
    """Return the largest number of wires for which this engine is faster than Aer for any number of shots."""
    return FAST_QUBITS if noise_free else FAST_NOISY_WIRES


def suits(compiled: Compiled, model: NoiseModel | None, cache: Cache) -> bool:
    """Return whether this engine simulates a circuit faster than Aer.

    Raises
    ------
    Unsuited
        If this engine cannot treat the circuit or its noise exactly.
    """
    _program_of(compiled, model, cache)
    return compiled.circuit.num_qubits <= fast_wires(model is None)


def run(
    work: Sequence[Work], models: Sequence[NoiseModel | None], cache: Cache, *, shots: int | None, seed: int
) -> list[list[Samples]]:
    """Return samples of every row of every item, or their exact distributions if `shots` is None.

    Raises
    ------
    Unsuited
        If a circuit or its noise cannot be treated exactly.
    """
    programs = [_program_of(item.compiled, model, cache) for item, model in zip(work, models, strict=True)]
    results = []
    for number, (item, rows) in enumerate(zip(work, _distributions(work, programs), strict=True)):
        size, purpose = len(item.axes), "rows" if models[number] is None else "noisy rows"
        if shots is None:
            results.append([from_probabilities(p, size) for p in rows])
        else:
            results.append([draw(p, size, shots, stream(seed, purpose, number, row)) for row, p in enumerate(rows)])
    return results


@dataclass(frozen=True, eq=False)
class _NoiseFree:
    """A circuit without noise, with the `distributions` method of a `NoisyProgram`."""

    program: CircuitProgram

    def distributions(
        self, values: Real, axes: Sequence[str], wires: Sequence[int], wanted: Sequence[NDArray[np.bool_]]
    ) -> list[Real]:
        """Return the probabilities of all outcomes of all qubits; see :meth:`NoisyProgram.distributions`."""
        size = max(1, _AMPLITUDES >> self.program.num_qubits)
        parts: list[list[Real]] = [[] for _ in axes]
        for first in range(0, len(values), size):
            states = self.program.states(values[first : first + size])
            for letters, mask, rows in zip(axes, wanted, parts, strict=True):
                rows.append(np.abs(rotated(states[mask[first : first + size]], letters)) ** 2)
        return [np.concatenate(rows) for rows in parts]


_Program = _NoiseFree | NoisyProgram
_WITHOUT_NOISE = Cache()
"""Programs without noise depend on the circuit alone, so that new devices find those of earlier ones."""


def _program_of(compiled: Compiled, model: NoiseModel | None, cache: Cache) -> _Program:
    """Return the program of a compiled circuit under a noise model; raise Unsuited with the reason if there is none."""

    def make() -> _Program:
        if model is None:
            return _noise_free(compiled)
        return NoisyProgram(compiled.circuit, matrices_of(model, cache), functools.partial(basis_change, gates=compiled.gates))

    return program_of("program", compiled, model, cache if model is not None else _WITHOUT_NOISE, make)


def _noise_free(compiled: Compiled) -> _NoiseFree:
    circuit = compiled.circuit
    if circuit.num_qubits > MOST_QUBITS:
        raise Unsuited(f"{circuit.num_qubits} qubits (at most {MOST_QUBITS})")
    if circuit.num_clbits:
        raise Unsuited("a circuit with classical bits")
    try:
        return _NoiseFree(CircuitProgram.from_circuit(circuit))
    except InputError as error:
        raise Unsuited(f"this circuit ({error})") from None


def _distributions(work: Sequence[Work], programs: Sequence[_Program]) -> list[Real]:
    """Return the outcome probabilities of every item's rows. Each distinct row of a program is computed once for all bases."""
    members: dict[_Program, list[int]] = {}
    for number, program in enumerate(programs):
        members.setdefault(program, []).append(number)
    results: dict[int, Real] = {}
    for program, numbers in members.items():
        items = [work[i] for i in numbers]
        values, places = distinct_rows(items)
        axes = list(dict.fromkeys(item.axes for item in items))
        wanted = np.zeros((len(axes), len(values)), dtype=bool)
        for item, rows in zip(items, places, strict=True):
            wanted[axes.index(item.axes), rows] = True
        chances = program.distributions(values, axes, items[0].compiled.wires, list(wanted))
        order = np.cumsum(wanted, axis=1) - 1
        for i, item, rows in zip(numbers, items, places, strict=True):
            basis = axes.index(item.axes)
            results[i] = chances[basis][order[basis, rows]]
    return [results[number] for number in range(len(work))]
