"""Limits of jobs stated by a backend, and the division of work into jobs within these limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit.providers import BackendV2

from qep_qiskit.errors import InputError


@dataclass(frozen=True)
class Limits:
    """The largest number of circuits in a job and of shots of a circuit; None if unlimited."""

    circuits: int | None = None
    shots: int | None = None

    def parts(self, circuits: int, shots: int) -> list[Part]:
        """Return the jobs needed for this many circuits with this many shots each; shots are divided evenly between jobs."""
        most = circuits if self.circuits is None else self.circuits
        pieces = 1 if self.shots is None else -(-shots // self.shots)
        each = [shots // pieces + (k < shots % pieces) for k in range(pieces)]
        starts = range(0, circuits, most)
        return [Part(slice(start, min(start + most, circuits)), count) for start in starts for count in each]


@dataclass(frozen=True)
class Part:
    """A job with some of the circuits and some of their shots."""

    circuits: slice
    shots: int


def limits_of(backend: BackendV2) -> Limits:
    """Return the limits that a backend states for a job.

    Raises
    ------
    InputError
        If the backend allows fewer than two shots per circuit, which are too few for an error bar.
    """
    shots = _number(_tried(lambda: backend.max_shots))
    if shots is None:
        shots = _number(_tried(lambda: backend.configuration().max_shots))
    if shots is None:
        bounds = _tried(lambda: backend.options.validator["shots"])
        shots = _number(bounds[1]) if isinstance(bounds, tuple) and len(bounds) == 2 else None
    if shots == 1:
        raise InputError(f"device: {backend.name} takes 1 shot of a circuit at once; at least 2 are needed")
    return Limits(_number(_tried(lambda: backend.max_circuits)), shots)


def _tried(question: Any) -> Any:
    try:
        return question()
    except Exception:  # a backend need not state its limit, and may raise anything
        return None


def _number(stated: object) -> int | None:
    if isinstance(stated, bool) or not isinstance(stated, int | float | np.integer) or not math.isfinite(stated) or stated < 1:
        return None
    return int(stated)
