"""All rounds of a gradient compiled for a device before anything is measured, and their price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qep_qiskit.devices.device import Device
from qep_qiskit.devices.price import Price
from qep_qiskit.equilibrium.compiled_round import CompiledRound, compile_round
from qep_qiskit.equilibrium.plan import Plan
from qep_qiskit.equilibrium.second_round import advance
from qep_qiskit.progress import Progress, silent


def compile_rounds(rounds: Sequence[Plan], device: Device, *, shared: bool = False) -> list[CompiledRound]:
    """Compile the rounds of one gradient; the second round uses the layout of the first."""
    first, *later = rounds
    compiled = [compile_round([first], device, shared=shared)]
    for plan in later:
        deal = compiled[0].deal
        compiled.append(compile_round([plan], device, start=deal.start, calibrated={*deal.calibrated, *deal.own}))
    return compiled


def rounds_of(first: Plan, progress: Progress = silent) -> list[Plan]:
    """Return the plans of all rounds of a gradient before anything is measured.

    The second round has placeholder values. Its circuits are the right ones, since they do not depend on measured outcomes.
    """
    if first.complete:
        return [first]
    return [first, advance(first, np.zeros(len(first.problem.cost_rows)), progress=progress)]


def price_of_rounds(rounds: Sequence[Plan], device: Device, *, samples: int = 1, shared: bool = False) -> Price:
    """Return the price of the rounds of a gradient.

    Parameters
    ----------
    rounds : sequence of Plan
    device : Device
    samples : int
        The number of samples of a batch, all with circuits like these.
    shared : bool
        Passed to :func:`compile_round`.
    """
    return sum((compiled.price(device, samples=samples) for compiled in compile_rounds(rounds, device, shared=shared)), Price())
