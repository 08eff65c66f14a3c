"""Expectations of large noisy circuits at infinitely many shots, string by string, where no distribution fits in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qep_qiskit.devices.device import Device
from qep_qiskit.devices.simulated import light_cones
from qep_qiskit.devices.simulated.device import SimulatedDevice
from qep_qiskit.devices.simulated.noise_notes import ran_on
from qep_qiskit.equilibrium.compiled_round import CompiledRound
from qep_qiskit.equilibrium.outcomes import Outcomes
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.errors import InputError
from qep_qiskit.measurement.mitigation.mitigation import Mitigation
from qep_qiskit.simulation.noise.program import MOST_WIRES

MOST_DENSE = 14
"""Up to this many wires Aer's density matrix, which takes 4.3 GB, stands in for light cones that are too large."""


def local_outcomes(plans: Sequence[Plan], compiled: CompiledRound, device: Device) -> list[Outcomes] | None:
    """Return the outcomes of a round as expectations, or None if distributions serve.

    Expectations are computed string by string at infinitely many shots of simulated noisy circuits on more than 12 wires, unless
    a mitigation needs the distribution of outcomes. Those of strings that a phase does not measure are 0.

    Raises
    ------
    InputError
        If a string depends on too large a part of a circuit.
    """
    wires = max(item.work.compiled.circuit.num_qubits for item in compiled.measurements)
    noisy = isinstance(device, SimulatedDevice) and not device.noise_free
    if plans[0].shots is not None or plans[0].mitigation != Mitigation() or not noisy or wires <= MOST_WIRES:
        return None
    assert isinstance(device, SimulatedDevice)
    try:
        return _outcomes(plans, compiled, device)
    except InputError:
        if wires > MOST_DENSE:
            raise
        return None


def _outcomes(plans: Sequence[Plan], compiled: CompiledRound, device: SimulatedDevice) -> list[Outcomes]:
    frames = [plan.problem.frame for plan in plans]
    values = [{phase: np.where(frame.busy, 0.0, 1.0) for phase in plan.phases} for plan, frame in zip(plans, frames, strict=True)]
    for item in compiled.data:
        groups: dict[tuple[str, ...], list[int]] = {}
        for index, row in enumerate(item.rows):
            strings = plans[row.plan].bases[row.basis].strings
            groups.setdefault(tuple(frames[row.plan].labels[k] for k in strings), []).append(index)
        for labels, indices in groups.items():
            means = device.expectations(item.work.compiled, item.work.values[indices], labels)
            for index, mean in zip(indices, means, strict=True):
                row = item.rows[index]
                values[row.plan][row.phase][list(plans[row.plan].bases[row.basis].strings)] = mean
    deal = compiled.deal
    used = ran_on(device, [(item.work.compiled, item.work.axes) for item in compiled.measurements])
    ran = replace(used, simulators=frozenset((light_cones.NAME,)))
    return [
        Outcomes(
            expectations=each,
            qubits={phase: qubits for (plan, phase), qubits in deal.qubits.items() if plan == number},
            circuits=deal.summaries,
            start=deal.start,
            device=device.describe(),
            ran=ran,
        )
        for number, each in enumerate(values)
    ]
