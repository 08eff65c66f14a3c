"""The interface of pools, and the pool that runs tasks in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from qep_qiskit.errors import DeviceError

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")
RETRIES = 3
"""Number of times that a task is run again after its worker died."""


class PoolLostError(DeviceError):
    """The workers or their scheduler are gone; results stored before remain. Exit code 1."""


def to_stderr(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


class Pool(Protocol):
    """An object that runs tasks."""

    def results(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield (number of the item, function(shared, item)), each as it is done."""
        ...


@dataclass(frozen=True)
class Serial:
    """Runs tasks here, one after the other."""

    def results(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield (number of the item, function(shared, item)), in order."""
        for number, item in enumerate(items):
            yield number, function(shared, item)


def mapped(pool: Pool, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]) -> list[Result]:
    """Return function(shared, item) of all items, in their order."""
    results = dict(pool.results(function, shared, items))
    return [results[number] for number in range(len(items))]
