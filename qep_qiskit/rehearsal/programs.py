"""Quantum programs in the format of the client's Sampler, run with the noise of the qubits in use.

The wire formats are defined by ``ibm_quantum_schemas``, which the client uses itself.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import (
    ChunkPart,
    ChunkSpan,
    ItemMetadataModel,
    MetadataModel,
    ParamsModel,
    QuantumProgramResultItemModel,
    QuantumProgramResultModel,
)
from numpy.typing import NDArray
from pydantic import ValidationError
from qiskit.circuit import ParameterExpression, QuantumCircuit

from qep_qiskit.devices.appraisal import repetition_delay
from qep_qiskit.devices.price import qpu_seconds
from qep_qiskit.rehearsal.machine import Machine
from qep_qiskit.rehearsal.outcomes import outcomes, refusal
from qep_qiskit.seeds import integer, stream


class RefusedError(ValueError):
    """The error of a job that the service refuses."""


@dataclass(frozen=True)
class Item:
    """A circuit on all wires of the device, and its rows of values.

    Attributes
    ----------
    values : ndarray of shape (..., num_parameters)
        Values in the order of the circuit's own parameters.
    extra : mapping of str to ndarray
        Arrays returned with the outcomes: the flips of twirled measurements.
    """

    circuit: QuantumCircuit
    values: NDArray[np.float64]
    extra: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Program:
    """The circuits of a job, its shots per row of values, and data that is returned to the client unchanged.

    The seed is derived only from the server's seed, the circuits and the values.
    """

    items: tuple[Item, ...]
    shots: int
    seed: int
    echoed: Any
    role: str | None

    def seconds(self, machine: Machine) -> float:
        """Return the billed QPU seconds."""
        backend = machine.snapshot.backend
        delay, _ = repetition_delay(backend)
        circuits = [(item.circuit, self.shots * math.prod(item.values.shape[:-1])) for item in self.items]
        return round(qpu_seconds(1, circuits, target=backend.target, delay=delay), 3)


def read(params: Mapping[str, Any], machine: Machine, *, seed: int) -> Program:
    """Return the program in a request.

    Raises
    ------
    RefusedError
        If the program is malformed or does not fit the device.
    """
    if params.get("schema_version") != "v2.0":
        raise RefusedError(f"schema {params.get('schema_version')!r} is not served here; the client must send v2.0")
    try:
        model = ParamsModel.model_validate(params)
        circuits = model.quantum_program.circuits.to_python()
    except (ValidationError, ValueError) as error:
        raise RefusedError(f"the program cannot be read: {str(error).splitlines()[0]}") from None
    program = model.quantum_program
    wires = int(machine.configuration()["n_qubits"])
    items, digest = [], hashlib.sha256(str(program.shots).encode())
    for circuit in circuits:
        if circuit.num_qubits > wires:
            raise RefusedError(f"a circuit has {circuit.num_qubits} qubits; {machine.name} has {wires}")
        reason = refusal(circuit, machine)
        if reason is not None:
            raise RefusedError(f"{reason}; rehearse with --noise readout")
        digest.update(_spelled(circuit))
    for item in program.items:
        given = item.circuit_arguments if item.item_type == "circuit" else item.samplex_arguments.get("parameter_values")
        if isinstance(given, CompressedTensorModel):
            digest.update(np.round(given.to_numpy(), 6).tobytes())
    content = int.from_bytes(digest.digest()[:8], "big")
    for number, (circuit, item) in enumerate(zip(circuits, program.items, strict=True)):
        if item.item_type == "circuit":
            items.append(Item(circuit, item.circuit_arguments.to_numpy(), {}))
        else:
            items.append(_twirled(circuit, item, stream(seed, "rehearsal twirls", content, number)))
    job_seed = integer(seed, "rehearsal", content)
    return Program(tuple(items), program.shots, job_seed, program.passthrough_data, program.semantic_role)


def _spelled(circuit: QuantumCircuit) -> bytes:
    """Return the circuit as text that is the same in every process, unlike the identities of its parameters."""
    lines = [f"{circuit.num_qubits} {[p.name for p in circuit.parameters]}"]
    for item in circuit.data:
        angles = [str(p) if isinstance(p, ParameterExpression) else f"{float(p):.6f}" for p in item.operation.params]
        lines.append(f"{item.operation.name} {angles} {[circuit.find_bit(q).index for q in item.qubits]}")
    return "\n".join(lines).encode()


def _twirled(circuit: QuantumCircuit, item: Any, rng: np.random.Generator) -> Item:
    """Draw the random gates of a twirled circuit. The first axis counts randomizations, the others rows of values."""
    samplex = item.samplex.to_samplex().finalize()
    given = item.samplex_arguments.get("parameter_values")
    rows = np.zeros(0) if given is None else given.to_numpy()
    shape, inner = tuple(item.shape), rows.shape[:-1]
    if shape[1:] != inner:
        raise RefusedError(f"a twirled item of shape {shape} does not fit its values of shape {inner}")
    drawn: dict[str, list[NDArray[Any]]] = {}
    for index in np.ndindex(inner):
        inputs = {} if given is None else {"parameter_values": rows[index]}
        for name, value in dict(samplex.sample(inputs, num_randomizations=shape[0], rng=rng)).items():
            drawn.setdefault(name, []).append(np.asarray(value))
    whole = {name: np.stack(values, axis=1).reshape(*shape, *values[0].shape[1:]) for name, values in drawn.items()}
    return Item(circuit, whole.pop("parameter_values", np.zeros((*shape, 0))), whole)


def run(program: Program, machine: Machine, done: Callable[[int, int], object] = lambda count, total: None) -> str:
    """Run a program on a device and return the result in the service's format.

    `done` is called with the number of finished states or circuits, and the number of all.
    """
    started = datetime.now(UTC)
    arrays = outcomes([(item.circuit, item.values) for item in program.items], program.shots, program.seed, machine, done)
    data = [
        QuantumProgramResultItemModel(
            results={name: CompressedTensorModel.from_numpy(value) for name, value in {**each, **item.extra}.items()},
            metadata=ItemMetadataModel(),
        )
        for item, each in zip(program.items, arrays, strict=True)
    ]
    span = ChunkSpan(start=started, stop=datetime.now(UTC), parts=[_chunk(n, item) for n, item in enumerate(program.items)])
    result = QuantumProgramResultModel(
        data=data,
        metadata=MetadataModel(chunk_timing=[span]),
        passthrough_data=program.echoed,
        semantic_role=program.role,
    )
    return result.model_dump_json()


def _chunk(number: int, item: Item) -> ChunkPart:
    shape = item.values.shape[:-1]
    size = math.prod(shape)
    return ChunkPart(idx_item=number, size=size, permutation=list(range(len(shape))), element_range=(0, size, 1))
