"""The workers of a dask scheduler. A scheduler that is lost or cannot be reached is reported in one line, within seconds."""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qep_qiskit.errors import InputError
from qep_qiskit.workers import messages
from qep_qiskit.workers.serial import RETRIES, Item, PoolLostError, Result, Shared, to_stderr

ADDRESS = re.compile(r"(tcp|tls|ws|wss)://(\[[0-9a-fA-F:]+\]|[^/\s:]+):(\d{1,5})")
GREETING_SECONDS = 3.0
ANSWER_SECONDS = 6.0
WORKERLESS_SECONDS = 8.0
"""Seconds to wait for workers, after a message, before a scheduler without workers is given up."""
LOOK_SECONDS = 0.5
_LARGEST_GREETING, _MOST_FRAMES = 1 << 20, 64


@dataclass(frozen=True)
class Dask:
    """A pool that runs tasks on the workers of a dask client."""

    client: Any
    say: Callable[[str], None] = to_stderr

    @property
    def address(self) -> str:
        """The scheduler's address."""
        return str(getattr(self.client.scheduler, "address", "the scheduler"))

    def results(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield (number of the item, function(shared, item)) for each item as it is completed.

        If a worker dies, its task is run again on another one. The shared data are sent with every task, so that no worker holds
        the only copy; each worker unpacks them once.

        Raises
        ------
        PoolLostError
            If the scheduler is lost, or has no workers for a while.
        """
        from distributed import as_completed

        common = messages.packed((function, shared))
        futures = self.client.map(functools.partial(run_task, common), list(items), pure=False, retries=RETRIES)
        number = {future.key: k for k, future in enumerate(futures)}
        coming: Any = as_completed(futures, loop=self.client.loop)  # type: ignore[no-untyped-call]
        left, pause = len(futures), 0.002
        watch = _Watch(self)
        try:
            while left:
                ready = coming.next_batch(block=False) if coming.has_ready() else ()
                for future in ready:
                    yield number[future.key], self._result(future)
                    left -= 1
                if not ready:
                    watch.look()
                    time.sleep(pause)
                pause = 0.002 if ready else min(1.5 * pause, 0.05)
        finally:
            if self.client.status == "running":
                with contextlib.suppress(Exception):
                    self.client.cancel(futures)

    def _result(self, future: Any) -> Any:
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        try:
            return future.result(timeout=ANSWER_SECONDS)
        except KilledWorker:
            raise PoolLostError(f"scheduler: a task ended its worker {RETRIES + 1} times; it may need more memory") from None
        except (CancelledError, TimeoutError, OSError) as error:
            if isinstance(error, OSError) and future.status == "error":
                raise
            raise self.gone() from None

    def gone(self) -> PoolLostError:
        """Return the error for a lost scheduler."""
        return PoolLostError(f"scheduler: {self.address} went away; start it again")


class _Watch:
    """A check of the scheduler and its workers while no result arrives."""

    def __init__(self, pool: Dask) -> None:
        self._pool, self._next, self._alone, self._said = pool, 0.0, 0.0, False

    def look(self) -> None:
        """Raise an error if no more results can arrive; report missing workers."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LOOK_SECONDS
        if self._pool.client.status != "running":
            raise self._pool.gone()
        if self._pool.client.scheduler_info()["workers"]:
            self._alone, self._said = 0.0, False
            return
        self._alone = self._alone or now
        if not self._said:
            self._pool.say(f"scheduler: {self._pool.address} has no workers left; waiting for {WORKERLESS_SECONDS:.0f} s")
            self._said = True
        if now - self._alone > WORKERLESS_SECONDS:
            raise PoolLostError(_no_workers(self._pool.address))


def run_task(common: bytes, item: Any) -> Any:
    """Run one task on a worker."""
    function, shared = messages.unpacked(common)
    return function(shared, item)


@contextlib.contextmanager
def connected(address: str, say: Callable[[str], None]) -> Iterator[Dask]:
    """Connect to a scheduler with workers for a ``with`` block; the scheduler keeps running afterwards."""
    parts = ADDRESS.fullmatch(address)
    if parts is None or not 0 < int(parts[3]) < 65536:
        raise InputError(f"scheduler: {address!r} is not an address; give one such as tcp://127.0.0.1:8786")
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise InputError("scheduler: dask.distributed is not installed; pip install 'qep-qiskit[distributed]'") from None
    greet(parts[1], parts[2].strip("[]"), int(parts[3]), address)
    with _quiet():
        client = _client(address)
        try:
            _wait_for_workers(client, address, say)
            yield Dask(client, say)
        finally:
            closing = threading.Thread(target=_close, args=(client,), daemon=True)
            closing.start()
            closing.join(2.0)


def greet(protocol: str, host: str, port: int, address: str) -> None:
    """Refuse an address without a scheduler; a scheduler sends the first message, in frames that state their length."""
    try:
        with socket.create_connection((host, port), timeout=GREETING_SECONDS) as line:
            if protocol != "tcp":
                return
            line.settimeout(GREETING_SECONDS)
            start = b""
            while len(start) < 16 and (part := line.recv(16 - len(start))):
                start += part
    except TimeoutError:
        raise InputError(f"scheduler: {address} does not answer as a dask scheduler does; {_START}") from None
    except OSError as error:
        raise InputError(f"scheduler: {address} cannot be reached ({error.strerror or error}); {_START}") from None
    if len(start) == 16:
        length, frames = struct.unpack("<QQ", start)
        if length <= _LARGEST_GREETING and 0 < frames <= _MOST_FRAMES:
            return
    what = "closes the connection" if not start else f"answers {start.decode('ascii', 'replace')!r}"
    raise InputError(f"scheduler: {address} {what}, which a dask scheduler does not; {_START}")


_START = "start one by `dask scheduler`, or give its address"


def _client(address: str) -> Any:
    """Return a dask client, created in a thread, since another kind of server could keep it waiting forever."""
    from distributed import Client

    outcome: list[Any] = []

    def make() -> None:
        try:
            outcome.append(Client(address, timeout=ANSWER_SECONDS - 1, set_as_default=False))  # type: ignore[no-untyped-call]
        except Exception as error:
            outcome.append(error)

    making = threading.Thread(target=make, daemon=True)
    making.start()
    making.join(ANSWER_SECONDS)
    if not outcome or isinstance(outcome[0], Exception):
        why = " ".join(str(outcome[0]).split())[:120] if outcome else "no answer"
        raise InputError(f"scheduler: {address} does not answer as a dask scheduler does ({why}); {_START}")
    return outcome[0]


def _wait_for_workers(client: Any, address: str, say: Callable[[str], None]) -> None:
    end, reported = time.monotonic() + WORKERLESS_SECONDS, False
    while not client.scheduler_info()["workers"]:
        if not reported:
            say(f"scheduler: {address} has no workers yet; waiting for {WORKERLESS_SECONDS:.0f} s")
            reported = True
        if time.monotonic() > end:
            raise InputError(_no_workers(address))
        time.sleep(0.1)


def _no_workers(address: str) -> str:
    return f"scheduler: {address} has no workers; start some by `dask worker {address}`"


def _close(client: Any) -> None:
    with contextlib.suppress(Exception):
        client.close(timeout=1)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence dask's messages about lost connections, since they are reported separately."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "asyncio", "tornado")]
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
