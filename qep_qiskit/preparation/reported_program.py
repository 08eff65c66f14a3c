"""A circuit program that reports the progress of a long search every second."""

from __future__ import annotations

import time
from typing import Any

from qep_qiskit.preparation.preparer import Progress

EVERY = 1.0
"""The number of seconds between two reports."""


class ReportedProgram:
    """A circuit program that counts its evaluations and reports them during a search.

    Parameters
    ----------
    program : CircuitProgram
    progress : callable
    """

    def __init__(self, program: Any, progress: Progress) -> None:
        self._program, self._progress = program, progress
        self._stage, self._share = "VQE", 0.0
        self._count, self._at = 0, time.monotonic()

    def stage(self, stage: str, share: float | None = None) -> None:
        """Report a new stage."""
        self._stage, self._share = stage, share or 0.0
        self._progress(stage, share)

    def energy_and_gradient(self, *arguments: Any) -> Any:
        """Evaluate the program's energy and gradient."""
        self._report()
        return self._program.energy_and_gradient(*arguments)

    def energy(self, *arguments: Any) -> Any:
        """Evaluate the program's energy."""
        self._report()
        return self._program.energy(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._program, name)

    def _report(self) -> None:
        self._count += 1
        now = time.monotonic()
        if now - self._at >= EVERY:
            self._at = now
            self._progress(f"{self._stage}, {self._count:,} evaluations so far", self._share)
