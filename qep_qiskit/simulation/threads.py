"""A limit of one BLAS thread for small arrays, and the number of available cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

_LARGE = 24
_lock = threading.Lock()
_saved: list[tuple[Any, int]] = []
_depth = 0


@lru_cache(maxsize=1)
def _libraries() -> list[Any]:
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


@contextmanager
def single_threaded(num_qubits: int) -> Iterator[None]:
    """Cap BLAS at one thread within the ``with`` block, unless the states are large enough to benefit from more.

    If the matrices fit in the cache, two threads are many times slower than one. The cap applies to the whole process and
    ends when the last such block in any thread ends. Entering a block takes about 15 microseconds, or 2 inside another one.

    Parameters
    ----------
    num_qubits
        The number of qubits of the states. The cap does not apply from 24 qubits on.
    """
    global _depth
    if num_qubits >= _LARGE:
        yield
        return
    with _lock:
        _depth += 1
        if _depth == 1:
            _saved.extend((library, library.get_num_threads()) for library in _libraries())
            for library, count in _saved:
                if count != 1:
                    library.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                for library, count in _saved:
                    if count != 1:
                        library.set_num_threads(count)
                _saved.clear()


def cores() -> int:
    """Return the number of cores that this process may use, at most ``OMP_NUM_THREADS`` if that is set."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return min(allowed, int(wanted)) if wanted.isdecimal() and int(wanted) > 0 else allowed
