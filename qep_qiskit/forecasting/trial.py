"""One prediction among those that a study compares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.forecasting.accuracy import Accuracy
from qep_qiskit.forecasting.choice import Choice
from qep_qiskit.settings import Settings

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One prediction of the study: its options, its shots, and the parts of its error as vectors."""

    settings: Settings
    choice: Choice
    accuracy: Accuracy
    finite_beta: Vector
    prepared: Vector
    device: Vector
