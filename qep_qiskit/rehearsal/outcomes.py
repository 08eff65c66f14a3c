"""Outcomes of circuits on a device of the mock service.

Aer runs small circuits. Shots of large circuits are drawn from matrix product density operators, as for snapshots
(`qep_qiskit.devices.simulated`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit_aer.noise import NoiseModel
from qiskit_aer.primitives import SamplerV2

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.simulated.density_engine import Rows, drawn, without_measurements
from qep_qiskit.devices.simulated.noise import cut_to, seen_wires
from qep_qiskit.devices.simulated.programs import matrices_of
from qep_qiskit.fingerprints import fingerprint
from qep_qiskit.rehearsal.machine import Machine, noise_model
from qep_qiskit.seeds import integer, stream
from qep_qiskit.simulation.density.shots import NoisyShots
from qep_qiskit.simulation.noise.aer_model import Unsuited

MOST_DENSE, MOST_NOISY, MOST_VECTOR = 10, 14, 16
"""The largest numbers of qubits for Aer: with density matrices, with noisy trajectories (a fallback), and with state vectors."""

Bits = NDArray[np.bool_]
_programs = Cache(64)


def refusal(circuit: QuantumCircuit, machine: Machine) -> str | None:
    """Return the reason why a circuit cannot be run with gate noise, or None if it can."""
    wires = seen_wires(circuit)
    if machine.noise != "full" or len(wires) <= MOST_NOISY:
        return None
    try:
        without_measurements(cut_to(circuit, wires))
    except Unsuited as reason:
        return f"{reason} on one of {len(wires)} active qubits is not simulated with gate noise (at most {MOST_NOISY} qubits)"
    return None


def outcomes(
    items: Sequence[tuple[QuantumCircuit, NDArray[np.float64]]],
    shots: int,
    seed: int,
    machine: Machine,
    done: Callable[[int, int], object],
) -> list[dict[str, Bits]]:
    """Return, for each circuit with values of shape (..., P), one array of shape (..., shots, bits) per register.

    `done` is called with the number of finished states or circuits, and the number of all.
    """
    large = {number: each for number, (circuit, _) in enumerate(items) if (each := _large(circuit, machine)) is not None}
    small = [number for number in range(len(items)) if number not in large]
    rows = [each.rows(*items[number], functools.partial(stream, seed, "item", number)) for number, each in large.items()]
    total = len(small) + sum(len(each.groups) for each in rows)
    results = {}
    for count, number in enumerate(small):
        results[number] = _on_aer(*items[number], shots, integer(seed, "item", number), machine)
        done(count + 1, total)
    answers = drawn(rows, shots, lambda bits: bits, lambda count, _: done(len(small) + count, total))
    for (number, each), answer in zip(large.items(), answers, strict=True):
        circuit, values = items[number]
        whole = np.array(answer).reshape(*values.shape[:-1], shots, len(each.wires))
        results[number] = each.registers(circuit, whole)
    return [results[number] for number in range(len(items))]


@dataclass(frozen=True, eq=False)
class _Large:
    """A circuit without its measurements, its measured wires, and the classical bit of each measured wire."""

    program: NoisyShots
    names: tuple[str, ...]
    wires: tuple[int, ...]
    bits: tuple[int, ...]

    def rows(self, circuit: QuantumCircuit, values: NDArray[np.float64], generator: Callable[[int], np.random.Generator]) -> Rows:
        """Return the rows of values in the order of the remaining parameters, with the random generator of each row."""
        place = {parameter.name: i for i, parameter in enumerate(circuit.parameters)}
        count = math.prod(values.shape[:-1])
        ordered = values.reshape(count, -1)[:, [place[name] for name in self.names]]
        return Rows(self.program, ordered, "Z" * len(self.wires), self.wires, [generator(row) for row in range(count)])

    def registers(self, circuit: QuantumCircuit, outcomes: Bits) -> dict[str, Bits]:
        """Return outcomes of shape (..., wires) as one array per register. Bits without a measurement are 0."""
        whole = np.zeros((*outcomes.shape[:-1], circuit.num_clbits), dtype=bool)
        whole[..., list(self.bits)] = outcomes
        place = {bit: i for i, bit in enumerate(circuit.clbits)}
        return {register.name: whole[..., [place[bit] for bit in register]] for register in circuit.cregs}


def _large(circuit: QuantumCircuit, machine: Machine) -> _Large | None:
    """Return the circuit in the form for matrix product density operators, or None if Aer runs it."""
    wires = seen_wires(circuit)
    if len(wires) <= (MOST_DENSE if machine.noise == "full" else MOST_VECTOR):
        return None

    def make() -> _Large | None:
        model = noise_model(machine, tuple(wires)) or NoiseModel()
        try:
            rest, read = without_measurements(cut_to(circuit, wires))
            program = NoisyShots(rest, matrices_of(model, _programs), lambda letter: QuantumCircuit(1))
        except Unsuited:
            if machine.noise == "full" and len(wires) > MOST_NOISY:
                raise
            return None
        return _Large(program, tuple(p.name for p in rest.parameters), tuple(read.values()), tuple(read))

    large: _Large | None = _programs.kept((fingerprint(circuit), machine), make)
    return large


def _on_aer(circuit: QuantumCircuit, values: NDArray[np.float64], shots: int, seed: int, machine: Machine) -> dict[str, Bits]:
    wires = seen_wires(circuit)
    small = cut_to(circuit, wires)
    sampler = SamplerV2(
        seed=seed,
        options={
            "backend_options": {"noise_model": noise_model(machine, tuple(wires)), "method": _method(len(wires), machine)},
            "run_options": {"runtime_parameter_bind_enable": True},
        },
    )
    names = [p.name for p in circuit.parameters]
    shape = values.shape[:-1]
    rows = 1 if names else math.prod(shape)
    # bind by name, since the order of the parameters differs between the whole circuit and the one on active wires
    pub = (small, {tuple(names): values} if names else None, shots * rows)
    bits = dict(sampler.run([pub]).result()[0].data)
    arrays = {name: register.to_bool_array(order="little") for name, register in bits.items()}
    return {name: array.reshape(*shape, shots, array.shape[-1]) for name, array in arrays.items()}


def _method(qubits: int, machine: Machine) -> str:
    if machine.noise == "full":
        return "density_matrix" if qubits <= MOST_DENSE else "statevector"
    return "statevector" if qubits <= MOST_VECTOR else "matrix_product_state"
