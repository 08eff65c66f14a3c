"""Pools that run tasks in this process, in several local processes, or on the workers of a dask scheduler.

A task is a function of shared data and one item. Its result depends only on these, including their seeds. The results are
therefore the same for any number of workers, and losing a worker costs only the time of its tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qep_qiskit.checks import whole
from qep_qiskit.errors import InputError
from qep_qiskit.workers.serial import Pool, PoolLostError, Serial, mapped, to_stderr

__all__ = ["Pool", "PoolLostError", "Serial", "mapped", "pool"]


@contextmanager
def pool(workers: int | None = None, scheduler: str | None = None, *, say: Callable[[str], None] = to_stderr) -> Iterator[Pool]:
    """Open a pool of workers for a ``with`` block, which ends its local processes on exit.

    Parameters
    ----------
    workers : int, optional
        The number of local processes, with one thread each. If both this and `scheduler` are omitted, tasks run in this process.
    scheduler : str, optional
        The address of a dask scheduler to use instead, such as ``"tcp://10.0.0.1:8786"``. Its workers must have this package
        installed. **A scheduler runs code**: tasks are sent as pickles, so anyone who can reach the scheduler, or who answers
        in its place, can run programs on its workers and on this machine. Give only the address of your own scheduler, in a
        network that you trust.
    say : callable
        Called with a message when the wait for workers begins; by default, prints it to stderr.

    Raises
    ------
    InputError
        If both options are given, `workers` is below 1, the address is invalid, no scheduler with workers answers at it, or a
        package is missing.
    PoolLostError
        If the scheduler or the last worker is lost while tasks run.

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
    processes = 0 if workers is None else whole("workers", workers, least=1)
    try:
        import cloudpickle  # noqa: F401
    except ImportError:
        raise InputError("workers: dask.distributed is not installed; pip install 'qep-qiskit[distributed]'") from None
    if scheduler is not None:
        from qep_qiskit.workers.scheduler import connected

        with connected(scheduler, say) as dask:
            yield dask
        return
    from qep_qiskit.workers.local import Local

    local = Local(processes)
    try:
        yield local
    finally:
        local.close()
