"""Free memory of this process, and refusal of work that would need more."""

from __future__ import annotations

import os
from pathlib import Path

from qep_qiskit.errors import InputError

_CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


SMALL = 2**24
"""Requests below this many bytes are always granted, since measuring the free memory takes longer than such work."""


def free_memory() -> int | None:
    """Return the number of bytes that this process can still allocate; None if the system does not report it.

    This is the minimum of the available memory, the container's limit, and the process's own limit (``ulimit -v``).
    """
    amounts = [amount for amount in (_available(), _of_the_container(), _of_the_process()) if amount is not None]
    return max(min(amounts), 0) if amounts else None


def require(need: float, what: str, remedy: str) -> None:
    """Refuse work that does not fit into free memory.

    Parameters
    ----------
    need : float
        The number of bytes needed.
    what : str
        The work that needs them, with its key: "preparation.method: exact ground states of 26 qubits".
    remedy : str

    Raises
    ------
    InputError
        If the memory is not free. The message states the needed and the free memory.

    Examples
    --------
    >>> require(1000, "network.sites: 3 sites", "take fewer")
    """
    if need < SMALL:
        return
    free = free_memory()
    if free is not None and need > free:
        raise InputError(f"{what} need about {size(need)} of memory, and {size(free)} are free; {remedy}")


def size(number: float) -> str:
    """Return a number of bytes as text.

    Examples
    --------
    >>> size(137e6), size(9.1e9)
    ('137 MB', '9.1 GB')
    """
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if number < 999.5:
            return f"{number:.0f} {unit}" if number >= 99.5 else f"{number:.2g} {unit}"
        number /= 1000
    return f"{number:.2g} EB" if number < 1e6 else "more than any machine has"


def _available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return None


def _of_the_container() -> int | None:
    for path in _CGROUP:
        try:
            used = int(path.with_name("memory.current" if path.name == "memory.max" else "memory.usage_in_bytes").read_text())
            return int(path.read_text()) - used
        except (OSError, ValueError):
            continue
    return None


def address_space() -> int | None:
    """Return the size of the process's address space in bytes; None if the system does not report it."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _of_the_process() -> int | None:
    used = address_space()
    if used is None:
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit - used
