"""Messages between this process and its workers: pickles preceded by their length, over private pipes."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import IO, Any

_LENGTH = struct.Struct("<Q")


def send(stream: IO[bytes], data: bytes) -> None:
    """Write one message."""
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes:
    """Return the next message.

    Raises
    ------
    EOFError
        If the other side has ended.
    """
    (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    return _read(stream, length)


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)  # a buffered stream returns less only at its end
    if len(data) < size:
        raise EOFError
    return data


def packed(value: object) -> bytes:
    """Return a value as bytes for another process; functions of the main script are sent with their code."""
    import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data


def loaded(data: bytes) -> Any:
    """Return the value that one of this package's own processes packed into these bytes."""
    import cloudpickle

    return cloudpickle.loads(data)


@functools.lru_cache(maxsize=4)
def unpacked(data: bytes) -> tuple[Callable[[Any, Any], Any], Any]:
    """Return the function and the shared data of tasks; each worker unpacks them once."""
    function, shared = loaded(data)
    return function, shared
