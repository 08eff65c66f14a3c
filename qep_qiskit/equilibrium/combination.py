"""Prepared states that cache their expectations, and the union of free and nudged phases prepared separately."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList

from qep_qiskit.preparation.preparer import Prepared, StateCircuit
from qep_qiskit.samples import Samples


def remembered(prepared: Prepared) -> Prepared:
    """Return the same states with the expectations of the last list of strings cached."""
    last: list[tuple[object, NDArray[np.float64]]] = []

    def expectations(paulis: PauliList) -> NDArray[np.float64]:
        if not last or last[0][0] is not paulis:
            last[:] = [(paulis, prepared.expectations(paulis))]
        return last[0][1]

    return replace(prepared, expectations=expectations)


def joined(free: Prepared, rest: Prepared) -> Prepared:
    """Join a free phase and nudged phases that were prepared separately into one result."""
    first = len(free.phases)

    def circuits() -> tuple[StateCircuit, ...]:
        before, after = list(free.circuits()), []
        for part in rest.circuits():
            moved = tuple(p + first for p in part.phases)
            same = next((k for k, structure in enumerate(before) if structure.circuit is part.circuit), None)
            if same is None:
                after.append(replace(part, phases=moved))
            else:
                first_part = before[same]
                rows = np.concatenate([first_part.values, part.values])
                before[same] = StateCircuit(first_part.circuit, first_part.phases + moved, rows)
        return (*before, *after)

    def draw(phase: int, axes: str, shots: int, rng: np.random.Generator) -> Samples:
        part, index = (free, phase) if phase < first else (rest, phase - first)
        assert part.draw is not None
        return part.draw(index, axes, shots, rng)

    def probabilities(phase: int, axes: str, qubits: tuple[int, ...]) -> NDArray[np.float64]:
        part, index = (free, phase) if phase < first else (rest, phase - first)
        assert part.probabilities is not None
        return part.probabilities(index, axes, qubits)

    def listed(part: Prepared) -> list[object]:
        warnings = part.details.get("warnings", ())
        return list(warnings) if isinstance(warnings, list | tuple) else []

    angles = None if free.angles is None or rest.angles is None else np.concatenate([free.angles, rest.angles])
    return Prepared(
        phases=free.phases + rest.phases,
        states=lambda: np.concatenate([free.states(), rest.states()]),
        circuits=circuits,
        expectations=lambda paulis: np.concatenate([free.expectations(paulis), rest.expectations(paulis)]),
        angles=angles,
        draw=None if free.draw is None or rest.draw is None else draw,
        probabilities=None if free.probabilities is None or rest.probabilities is None else probabilities,
        carried=free.carried,
        details={**rest.details, "warnings": list(dict.fromkeys([*listed(free), *listed(rest)]))},
        computable=free.computable and rest.computable,
        response=free.response,
        silence=free.silence,
        slopes=rest.slopes,
    )
