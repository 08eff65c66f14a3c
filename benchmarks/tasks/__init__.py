"""All tasks by name."""

from __future__ import annotations

from typing import Any

from benchmarks.task import Task
from benchmarks.tasks.energy_gradient import ENERGY_GRADIENT, ENERGY_GRADIENT_SU2
from benchmarks.tasks.gradient import GRADIENT, LIMIT
from benchmarks.tasks.ground_state import GROUND_STATE

TASKS: dict[str, Task[Any]] = {task.name: task for task in (GRADIENT, LIMIT, GROUND_STATE, ENERGY_GRADIENT, ENERGY_GRADIENT_SU2)}
