"""One BLAS thread while the arrays are small."""

from __future__ import annotations

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
    """Cap BLAS at one thread within the block, unless the states are large enough to gain from more.

    Two threads on matrices that fit in the cache are many times slower than one. The cap holds for the process, and
    ends when the last block in any thread is left. Entering costs about 15 microseconds, 2 within another such block.

    Parameters
    ----------
    num_qubits
        States have ``2**num_qubits`` amplitudes; nothing is capped from 24 qubits up.
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
