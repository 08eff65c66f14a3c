"""Devices in notebooks: their name, their key figures, and their couplings as a graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from qiskit.transpiler import Target

from qep_qiskit.devices.calibrated_errors import errors_of
from qep_qiskit.display import short
from qep_qiskit.drawing.card import card
from qep_qiskit.drawing.graph_svg import graph_svg
from qep_qiskit.drawing.sketch import Sketch
from qep_qiskit.estimates import percent

GATES = ("cx", "cz", "ecr", "rzz", "rz", "rx", "sx", "x", "id", "h", "u", "iswap")
"""The gates that are listed; control flow, delays and resets are not."""


def device_card(title: str, description: Mapping[str, object], target: Target | None = None) -> str:
    """Return a device as an HTML element.

    Parameters
    ----------
    description : mapping
        What the device says about itself, as in ``Device.describe``.
    target : Target, optional
        The qubits and gates with their errors.
    """
    rows = [(key.replace("_", " "), short(str(value))) for key, value in description.items() if value is not None]
    if target is None or not target.num_qubits:
        return card(title, headings=("", ""), rows=rows)
    errors = errors_of(target)
    pairs = np.argwhere(np.triu(errors.couplings)).tolist()
    rows += [
        ("qubits", str(target.num_qubits)),
        ("couplings", str(len(pairs))),
        ("gates", ", ".join(sorted({*target.operation_names} & {*GATES}))),
        ("two-qubit error, median", _median(errors.coupling[errors.couplings])),
        ("one-qubit error, median", _median(errors.single)),
        ("readout error, median", _median(errors.readout)),
    ]
    graph = ""
    if pairs and target.num_qubits <= 200:
        names = {(a, b): f"qubits {a} and {b}: error {percent(errors.coupling[a, b])}" for a, b in pairs}
        graph = graph_svg(Sketch(tuple(range(target.num_qubits)), names), height=300)
    return card(title, graph=graph, headings=("", ""), rows=rows)


def _median(errors: NDArray[np.float64]) -> str:
    return percent(float(np.median(errors))) if errors.size else "–"
