"""A provider's device: any `BackendV2`, with the provider's prices."""

from __future__ import annotations

from typing import Annotated

from qiskit.providers.fake_provider import GenericBackendV2

from qep_qiskit.devices import Tariff
from qep_qiskit.kinds import Key


class Cloud(GenericBackendV2):
    """A backend with random errors on a line of qubits, which bills each circuit and each shot.

    `qep plan`, `submit` and all others print and record prices by its attribute `tariff`; without it they say that the price
    is not known.
    """

    tariff = Tariff("credits", circuit=0.3, shot=0.00035)


def cloud(*, qubits: Annotated[int, Key("the number of qubits", least=2)] = 5, seed: int = 0) -> Cloud:
    """Return the provider's device."""
    line = [[a, a + 1] for a in range(qubits - 1)]
    backend = Cloud(qubits, coupling_map=[*line, *([b, a] for a, b in line)], seed=seed)
    backend.name = "cloud"
    return backend
