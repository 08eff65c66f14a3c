"""Tasks on one process, on several local ones, or on the workers of a dask scheduler.

A task is a function of what all tasks share and of one item; what it returns depends on these alone (its seeds are among
them), so the results are the same for any number of workers, and a worker that is lost costs the time of its tasks only.
"""

from __future__ import annotations

import functools
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from qep_qiskit.errors import InputError

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")

RETRIES = 3
"""How many workers may die over one task before it is given up."""
UNWATCHED = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "1s",
}
"""Local workers do not look at themselves a hundred times a second: it took a tenth of the time of two on two cores."""
ADDRESS = re.compile(r"(tcp|tls|ws|wss)://[^/\s]+:\d+")


class Pool(Protocol):
    """Something that runs tasks."""

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


@dataclass(frozen=True)
class Dask:
    """Runs tasks on the workers of a dask client.

    Attributes
    ----------
    client : distributed.Client
    """

    client: Any

    def results(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield (number of the item, function(shared, item)), each as it is done.

        A task whose worker died is run again on another. What is shared goes with every task, so that no worker holds the
        only copy, and is unpacked once by each.
        """
        import cloudpickle
        from distributed import as_completed

        packed = cloudpickle.dumps((function, shared))
        futures = self.client.map(functools.partial(_task, packed), list(items), pure=False, retries=RETRIES)
        number = {future.key: k for k, future in enumerate(futures)}
        try:
            for future in as_completed(futures):  # type: ignore[no-untyped-call]
                yield number[future.key], future.result()
        finally:
            self.client.cancel(futures)


def _task(packed: bytes, item: Any) -> Any:
    function, shared = _unpacked(packed)
    return function(shared, item)


@functools.lru_cache(maxsize=4)
def _unpacked(packed: bytes) -> tuple[Callable[[Any, Any], Any], Any]:
    import cloudpickle

    function, shared = cloudpickle.loads(packed)
    return function, shared


def mapped(pool: Pool, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]) -> list[Result]:
    """Return function(shared, item) of all items, in their order."""
    found = dict(pool.results(function, shared, items))
    return [found[number] for number in range(len(items))]


@contextmanager
def pool(workers: int | None = None, scheduler: str | None = None) -> Iterator[Pool]:
    """Open a pool and close it at the end.

    Parameters
    ----------
    workers : int, optional
        Local processes of one thread each. None: no other process.
    scheduler : str, optional
        The address of a dask scheduler, ``"tcp://10.0.0.1:8786"``, instead. Its workers must have this package installed;
        tasks travel by pickle between processes of the user's own, so the scheduler must be one that he trusts.

    Raises
    ------
    InputError
        For both at once, a number below 1, an address that is none or does not answer, and a missing package.

    Examples
    --------
    >>> with pool() as serial:
    ...     mapped(serial, pow, 2, [3, 4])
    [8, 16]
    """
    if workers is None and scheduler is None:
        yield Serial()
        return
    if workers is not None and scheduler is not None:
        raise InputError("workers: local workers and a scheduler do not go together; give --workers or --scheduler")
    if scheduler is None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise InputError(f"workers: {workers!r} is not allowed; give a whole number of at least 1")
    if scheduler is not None and not ADDRESS.fullmatch(scheduler):
        raise InputError(f"scheduler: {scheduler!r} is no address; give one such as tcp://127.0.0.1:8786")
    try:
        import dask.config
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError("workers: dask.distributed is not installed; pip install 'qep-qiskit[distributed]'") from None
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10)  # type: ignore[no-untyped-call]
        except (OSError, TimeoutError) as error:
            line = " ".join(str(error).split())[:120]
            raise InputError(f"scheduler: {scheduler} does not answer ({line}); start one by `dask scheduler`") from None
        with client:
            yield Dask(client)
        return
    with (
        one_thread_each(),
        dask.config.set(UNWATCHED),
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=logging.ERROR
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        yield Dask(client)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let the processes that start meanwhile use one BLAS thread: workers share the cores."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
