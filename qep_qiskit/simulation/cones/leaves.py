"""The number of qubits that a template simulates for a cone: one for all leaves of the same string (`batched.dephasing`)."""

from __future__ import annotations

from functools import reduce
from operator import or_

from qep_qiskit.simulation.batched.dephasing import leaves_of
from qep_qiskit.simulation.cones.walk import Form, Moved, Phased, Turned


def simulated_qubits(form: Form, read: int) -> int:
    """Return the number of qubits of the states for a cone, given the mask of the wires that are read."""
    whole = (1 << form.qubits) - 1
    if len(form.steps) < 2 or any(isinstance(step, Moved) for step in form.steps):
        return form.qubits
    start, first, *others = form.steps
    if not isinstance(start, Turned) or start.wires != whole or not isinstance(first, Phased):
        return form.qubits
    used = [mask for step in others if isinstance(step, Phased) for mask in step.masks]
    used += [step.wires for step in others if isinstance(step, Turned)]
    leaves = leaves_of(first.masks, whole & ~reduce(or_, used, read))
    strings = {mask & ~leaves for mask in first.masks if mask & leaves and mask & ~leaves}
    return form.qubits - max(leaves.bit_count() - len(strings), 0)
