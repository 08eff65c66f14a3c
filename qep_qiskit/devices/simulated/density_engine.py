"""An engine for shots of noisy circuits that are too large for exact states; it uses matrix product density operators."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit_aer.noise import NoiseModel

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Compiled, Work
from qep_qiskit.devices.gate_set import basis_change
from qep_qiskit.devices.simulated.programs import matrices_of, program_of
from qep_qiskit.errors import InputError
from qep_qiskit.samples import Samples, distinct
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.density.shots import EntangledError, NoisyShots
from qep_qiskit.simulation.noise.aer_model import Unsuited, state_of
from qep_qiskit.simulation.threads import cores

NAME = "qep-qiskit (matrix product density operators)"
TRAJECTORY_WIRES = 14
"""Up to this many wires, circuits that are too entangled for this engine are left to Aer's trajectories."""

Bits = NDArray[np.bool_]
Result = TypeVar("Result")
Share = Callable[[int, int], object]
"""A callback with the number of states from which shots have been drawn, and the number of all states."""


def silent(done: int, total: int) -> None:
    """Report nothing."""


def suits(compiled: Compiled, model: NoiseModel, cache: Cache) -> None:
    """Raise Unsuited if this engine cannot run a circuit; also if Aer can, and the circuit at random angles is too entangled."""
    program = _program_of(compiled, model, cache)
    if compiled.circuit.num_qubits > TRAJECTORY_WIRES:
        return

    def attempt() -> str:
        rng = np.random.default_rng(0)
        angles = rng.uniform(-np.pi, np.pi, (1, compiled.circuit.num_parameters))
        try:
            program.check(angles, "Z" * len(compiled.wires), compiled.wires)
        except EntangledError as reason:
            return str(reason)
        return ""

    refusal = cache.kept(("entangled", compiled.digest, state_of(model)), attempt, anchor=model)
    if refusal:
        raise Unsuited(refusal)


def run(
    work: Sequence[Work],
    models: Sequence[NoiseModel | None],
    cache: Cache,
    *,
    shots: int,
    seed: int,
    done: Share = silent,
) -> list[list[Samples]]:
    """Return samples of every row of every item, computed on all cores. The samples do not depend on the number of cores.

    Raises
    ------
    InputError
        If a circuit is too entangled.
    """
    items = [
        Rows(
            _program_of(item.compiled, model, cache),
            item.values,
            item.axes,
            item.compiled.wires,
            [stream(seed, "density operators", number, row) for row in range(len(item.values))],
        )
        for number, (item, model) in enumerate(zip(work, models, strict=True))
    ]
    return drawn(items, shots, distinct, done)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of values of one circuit, with a random generator for each row."""

    program: NoisyShots
    values: NDArray[np.float64]
    axes: str
    wires: Sequence[int]
    generators: Sequence[np.random.Generator]

    @functools.cached_property
    def groups(self) -> list[list[int]]:
        """The numbers of the rows that share a state."""
        return self.program.groups(self.values)


def drawn(items: Sequence[Rows], shots: int, form: Callable[[Bits], Result], done: Share = silent) -> list[list[Result]]:
    """Return `form` of the outcomes, shape (shots, measured wires), for every row of every item.

    Raises
    ------
    InputError
        If a circuit is too entangled.
    """
    states = [(number, rows) for number, item in enumerate(items) for rows in item.groups]

    def draw(number: int, rows: list[int]) -> list[Result]:
        item = items[number]
        generators = [item.generators[row] for row in rows]
        return [form(outcomes) for outcomes in item.program.draw(item.values[rows], item.axes, item.wires, shots, generators)]

    results: list[dict[int, Result]] = [{} for _ in items]
    with ThreadPoolExecutor(max(1, min(cores(), len(states)))) as pool:
        waiting = [pool.submit(draw, *state) for state in states]
        try:
            for count, ((number, rows), each) in enumerate(zip(states, waiting, strict=True)):
                results[number].update(zip(rows, each.result(), strict=True))
                done(count + 1, len(states))
        except EntangledError as reason:
            raise InputError(f"shots: {reason}; take fewer layers or less entangling circuits") from None
        finally:
            for each in waiting:
                each.cancel()
    return [[part[row] for row in range(len(part))] for part in results]


def _program_of(compiled: Compiled, model: NoiseModel | None, cache: Cache) -> NoisyShots:
    assert model is not None

    def make() -> NoisyShots:
        return NoisyShots(compiled.circuit, matrices_of(model, cache), functools.partial(basis_change, gates=compiled.gates))

    return program_of("density", compiled, model, cache, make)


def without_measurements(circuit: QuantumCircuit) -> tuple[QuantumCircuit, dict[int, int]]:
    """Return a circuit without its final measurements, and the wire that each classical bit reads.

    Raises
    ------
    Unsuited
        If anything follows a measurement, or if a gate depends on an outcome.
    """
    wire = {qubit: i for i, qubit in enumerate(circuit.qubits)}
    bit = {clbit: i for i, clbit in enumerate(circuit.clbits)}
    rest = QuantumCircuit(circuit.num_qubits)
    read: dict[int, int] = {}
    ended: set[int] = set()
    for item in circuit.data:
        wires = [wire[qubit] for qubit in item.qubits]
        if item.operation.name == "barrier":
            continue
        if not ended.isdisjoint(wires) and item.operation.name != "delay":
            raise Unsuited("an operation after a measurement")
        if item.operation.name == "measure":
            read[bit[item.clbits[0]]] = wires[0]
            ended.add(wires[0])
        elif item.clbits:
            raise Unsuited(f"the instruction {item.operation.name!r}")
        elif ended.isdisjoint(wires):
            rest.append(item.operation, wires)
    return rest, read
