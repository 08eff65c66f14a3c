"""An engine for simulated devices that uses qiskit-aer for shots of parameterised circuits and exact distributions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import IGate
from qiskit.exceptions import QiskitError
from qiskit_aer import AerError, AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_aer.primitives import SamplerV2

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Work
from qep_qiskit.errors import InputError
from qep_qiskit.samples import Samples, from_bit_array, from_probabilities, require_shots
from qep_qiskit.simulation.circuit_shots import DROPPED, arranged
from qep_qiskit.simulation.noise.aer_model import confused, confusion_of

NAME = "qiskit-aer"
BYTES_PER_SHOT = 115
"""The bytes that Aer needs at least for one shot of one circuit, since it returns every outcome as a text."""
MOST_VECTOR_QUBITS = 28
"""Largest number of qubits for which the automatic method takes state vectors without noise, which Aer prefers at any size."""


def run(
    work: Sequence[Work], models: Sequence[NoiseModel | None], cache: Cache, *, method: str, shots: int | None, seed: int
) -> list[list[Samples]]:
    """Return samples of every row of every item, or their exact distributions if `shots` is None.

    Samples take one job per noise model, with Aer's run-time parameter binding.

    Raises
    ------
    InputError
        If Aer's method cannot run a circuit, or a state does not fit in memory.
    """
    if shots is None:
        return [_distributions(item, model, method) for item, model in zip(work, models, strict=True)]
    groups: dict[int, list[int]] = {}
    for index, model in enumerate(models):
        groups.setdefault(id(model), []).append(index)
    results: list[list[Samples]] = [[] for _ in work]
    for number, members in enumerate(groups.values()):
        model = models[members[0]]
        options = _options(method, model, max(work[i].compiled.circuit.num_qubits for i in members))
        circuits = [cache.measured(work[i].compiled, work[i].axes) for i in members]
        if model is None and options["method"] == "matrix_product_state":
            circuits = [arranged(circuit) for circuit in circuits]
        sampler = SamplerV2(
            seed=(seed + 104729 * number) % 2**31,
            options={
                "backend_options": {"noise_model": model, **options},
                "run_options": {"runtime_parameter_bind_enable": True},
            },
        )
        rows = sum(len(work[i].values) for i in members)
        require_shots(shots, BYTES_PER_SHOT * rows, "take fewer, or the device 'simulator'")
        pubs = [pub for i, circuit in zip(members, circuits, strict=True) for pub in _pubs(circuit, work[i].values)]
        try:
            outcome = sampler.run(pubs, shots=shots).result()
        except (AerError, QiskitError) as error:
            raise _refused(method, error) from None
        parts = iter(outcome)
        for i in members:
            while len(results[i]) < len(work[i].values):
                results[i] += from_bit_array(next(parts).data.outcome)
    return results


def _options(method: str, model: NoiseModel | None, qubits: int) -> dict[str, object]:
    """Return Aer's method and its options; noise-free states too large for a vector become matrix product states."""
    if method == "automatic" and model is None and qubits > MOST_VECTOR_QUBITS:
        return {"method": "matrix_product_state", "matrix_product_state_truncation_threshold": DROPPED}
    return {"method": method}


_BOUND_BY_AER = frozenset(("rx", "ry", "rz", "rxx", "ryy", "rzz", "rzx", "r", "p", "u", "u1", "u2", "u3"))
"""Gates whose free angles Aer binds correctly at run time. For cp and cu1 its results are wrong; other gates raise errors."""


def _pubs(circuit: QuantumCircuit, values: NDArray[np.float64]) -> list[tuple[QuantumCircuit, NDArray[np.float64]]]:
    """Return a circuit with its rows, or one bound circuit per row if Aer's run-time binding would not be reliable.

    The global phase is dropped, since Aer fails if it depends on a parameter. The rows of a circuit without parameters become
    separate circuits, since Aer runs only the first of several rows without parameters and returns 0 for the others.
    """
    plain = circuit.copy()
    plain.global_phase = 0
    free = {
        item.operation.name for item in plain.data if any(getattr(angle, "parameters", ()) for angle in item.operation.params)
    }
    if free and free <= _BOUND_BY_AER:
        parameters = set(plain.parameters)
        return [(plain, values[:, [parameter in parameters for parameter in circuit.parameters]])]
    return [(_bound(circuit, row), np.zeros((1, 0))) for row in values]


def _bound(circuit: QuantumCircuit, row: NDArray[np.float64]) -> QuantumCircuit:
    bound: QuantumCircuit = circuit.assign_parameters(dict(zip(circuit.parameters, row, strict=True)))
    bound.global_phase = 0
    return bound


def _distributions(item: Work, model: NoiseModel | None, method: str) -> list[Samples]:
    circuit = item.compiled.rotated(item.axes)
    if model is not None and "measure" in model._noise_instructions:
        for wire in item.compiled.wires:
            circuit.append(IGate(label="measure"), [wire])  # Aer finds errors by label; the errors of a measurement act before it
    circuit.save_probabilities(list(item.compiled.wires), label="outcome")
    if model is not None and model._noise_instructions:
        method = "density_matrix"
    elif method in ("automatic", "density_matrix"):
        method = "statevector"
    simulator = AerSimulator(method=method, noise_model=model)
    # Aer applies no readout errors to saved probabilities, so they are applied afterwards
    bound = [_bound(circuit, row) for row in item.values]
    matrices = confusion_of(model, item.compiled.wires)
    try:
        result = simulator.run(bound, shots=1).result()
    except (AerError, QiskitError) as error:
        raise _refused(method, error) from None
    if not result.success:
        reasons = [str(part.status) for part in result.results if not part.success] or [str(result.status)]
        raise InputError(
            f"shots: Aer cannot compute the exact distribution of {circuit.num_qubits} qubits ({reasons[0][:160]}); "
            "give measurement shots"
        )
    n = len(item.compiled.wires)
    return [from_probabilities(confused(np.asarray(result.data(i)["outcome"]), matrices), n) for i in range(len(bound))]


def _refused(method: str, error: Exception) -> InputError:
    words = " ".join(str(error).strip("'\"").split())
    return InputError(f"device: Aer's method {method!r} cannot run this circuit ({words[:200]})")
