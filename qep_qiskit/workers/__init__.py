"""Tasks on one process, on several local ones, or on the workers of a dask scheduler.

A task is a function of shared data and of one item; its result depends on these alone (they include its seeds),
so the results are the same for any number of workers, and a lost worker costs only the time of its tasks.
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
    """Open a pool, and end its processes when it closes.

    Parameters
    ----------
    workers : int, optional
        Local processes of one thread each. None: no other process.
    scheduler : str, optional
        The address of a dask scheduler, ``"tcp://10.0.0.1:8786"``, instead. Its workers must have this package installed.
        **A scheduler runs code**: tasks travel as pickles, so whoever can reach the scheduler, or answers in its place, runs
        programs on its workers and on this machine. Give only the address of your own scheduler, in a network that you
        trust.
    say : callable
        Called with a line when the wait for workers begins; by default it goes to stderr.

    Raises
    ------
    InputError
        For both options at once, a number below 1, an invalid address, one that does not answer or has no scheduler with
        workers, and a missing package.
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
