"""qiskit-aer as the engine of a simulated device: shots of parameterised circuits, and exact distributions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qiskit_aer import AerError, AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_aer.primitives import SamplerV2

from qep_qiskit.devices.compilation import Cache
from qep_qiskit.devices.device import Work
from qep_qiskit.devices.noise import confused, confusion_of
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.samples import Samples, from_bit_array, from_probabilities

NAME = "qiskit-aer"


def run(
    work: Sequence[Work], models: Sequence[NoiseModel | None], cache: Cache, *, method: str, shots: int | None, seed: int
) -> list[list[Samples]]:
    """Return samples of every row of every item, or their exact distributions where shots is None.

    Raises
    ------
    InputError
        If Aer's method cannot run a circuit, or a state does not fit into memory.
    """
    if shots is None:
        return [_distributions(item, model, method) for item, model in zip(work, models, strict=True)]
    return _sampled(work, models, cache, method, shots, seed)


def _sampled(
    work: Sequence[Work], models: Sequence[NoiseModel | None], cache: Cache, method: str, shots: int, seed: int
) -> list[list[Samples]]:
    """Run one job for each noise model, with Aer's run-time parameter binding."""
    groups: dict[int, list[int]] = {}
    for index, model in enumerate(models):
        groups.setdefault(id(model), []).append(index)
    results: list[list[Samples]] = [[] for _ in work]
    for number, members in enumerate(groups.values()):
        sampler = SamplerV2(
            seed=(seed + 104729 * number) % 2**31,
            options={
                "backend_options": {"noise_model": models[members[0]], "method": method},
                "run_options": {"runtime_parameter_bind_enable": True},
            },
        )
        pubs = [(cache.measured(work[i].compiled, work[i].axes), work[i].values) for i in members]
        try:
            outcome = sampler.run(pubs, shots=shots).result()
        except AerError as error:
            raise _refused(method, error) from None
        for i, result in zip(members, outcome, strict=True):
            results[i] = from_bit_array(result.data.outcome)
    return results


def _distributions(item: Work, model: NoiseModel | None, method: str) -> list[Samples]:
    circuit = item.compiled.rotated(item.axes)
    circuit.save_probabilities(list(item.compiled.wires), label="outcome")
    if model is not None and model._noise_instructions:
        method = "density_matrix"
    elif method in ("automatic", "density_matrix"):
        method = "statevector"
    simulator = AerSimulator(method=method, noise_model=model)
    # Aer skips save instructions' noise, so readout errors are applied to the distribution afterwards
    parameters = circuit.parameters
    bound = [circuit.assign_parameters(dict(zip(parameters, row, strict=True))) for row in item.values]
    matrices = confusion_of(model, item.compiled.wires)
    try:
        result = simulator.run(bound, shots=1).result()
    except AerError as error:
        raise _refused(method, error) from None
    if not result.success:
        reasons = [str(part.status) for part in result.results if not part.success] or [str(result.status)]
        raise InputError(
            f"shots: Aer cannot compute the exact distribution of {circuit.num_qubits} qubits ({reasons[0][:160]}); "
            "give measurement shots"
        )
    n = len(item.compiled.wires)
    return [from_probabilities(confused(np.asarray(result.data(i)["outcome"]), matrices), n) for i in range(len(bound))]


def _refused(method: str, error: AerError) -> InputError:
    return InputError(f"device: Aer's method {method!r} cannot run this circuit ({str(error).splitlines()[0][:160]})")
