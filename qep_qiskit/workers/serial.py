"""The interface of pools, and a pool that runs tasks in this process."""

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
"""The number of times that a task is repeated after its worker died."""


class PoolLostError(DeviceError):
    """The workers or their scheduler are lost; results stored before remain. Exit code 1."""


def to_stderr(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


class Pool(Protocol):
    """An interface for running tasks, here or on workers."""

    def results(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield (number of the item, function(shared, item)) for each item as it is completed."""
        ...


@dataclass(frozen=True)
class Serial:
    """A pool that runs tasks in this process, one after the other."""

    def results(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield (number of the item, function(shared, item)) for each item, in order."""
        for number, item in enumerate(items):
            yield number, function(shared, item)


def mapped(pool: Pool, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]) -> list[Result]:
    """Return function(shared, item) for all items, in order."""
    results = dict(pool.results(function, shared, items))
    return [results[number] for number in range(len(items))]
