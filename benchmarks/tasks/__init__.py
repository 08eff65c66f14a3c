"""All tasks by name."""

from __future__ import annotations

from typing import Any

from benchmarks.task import Task
from benchmarks.tasks.batch import BATCH, BATCH_NOISE, BATCH_VQE, BATCH_VQE_NOISE
from benchmarks.tasks.batch_states import BATCH_STATES_1, BATCH_STATES_2
from benchmarks.tasks.batched import BATCHED, BATCHED_SU2
from benchmarks.tasks.energy_gradient import ENERGY_GRADIENT, ENERGY_GRADIENT_SU2
from benchmarks.tasks.gradient import GRADIENT, LIMIT
from benchmarks.tasks.ground_state import GROUND_STATE
from benchmarks.tasks.hundred import HEAVY_HEX, HUNDRED
from benchmarks.tasks.noise import NOISY
from benchmarks.tasks.noisy_cones import NOISY_CONES
from benchmarks.tasks.per_weight import PER_WEIGHT
from benchmarks.tasks.vqe import VQE, VQE_2

_ALL: tuple[Task[Any], ...] = (
    GRADIENT, LIMIT, GROUND_STATE, ENERGY_GRADIENT, ENERGY_GRADIENT_SU2, BATCHED, BATCHED_SU2, VQE_2, VQE, PER_WEIGHT,
    NOISY, NOISY_CONES, BATCH, BATCH_NOISE, BATCH_VQE, BATCH_VQE_NOISE, BATCH_STATES_1, BATCH_STATES_2,
    HUNDRED, HEAVY_HEX,
)  # fmt: skip
TASKS: dict[str, Task[Any]] = {task.name: task for task in _ALL}
