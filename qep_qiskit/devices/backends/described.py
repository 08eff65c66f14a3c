"""A backend that only describes its qubits and gates, to compile circuits or to create a noise model."""

from __future__ import annotations

from typing import Any

from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target


class DescribedBackend(BackendV2):
    """A backend with a target that cannot run circuits."""

    def __init__(self, name: str, target: Target) -> None:
        super().__init__(name=name)
        self._target = target

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> Any:
        raise TypeError(f"the backend {self.name!r} only describes its qubits and gates")
