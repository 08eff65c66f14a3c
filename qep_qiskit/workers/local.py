"""A pool of local processes that run tasks.

Each process is a fresh interpreter that does not read the main script again, so a script needs no ``if __name__ == "__main__"``.
It runs in its own session, so that Ctrl-C in the terminal reaches only the parent, and it always ends when the parent does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from qep_qiskit.workers import messages
from qep_qiskit.workers.serial import RETRIES, Item, PoolLostError, Result, Shared

PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from qep_qiskit.workers.child import main; main()"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment variables that give each worker one thread, since workers share the cores."""


class Local:
    """A pool of local processes, which start with the first task and stay until :meth:`close`."""

    def __init__(self, workers: int) -> None:
        self._workers = [_Worker() for _ in range(workers)]

    def results(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item]
    ) -> Iterator[tuple[int, Result]]:
        """Yield (number of the item, function(shared, item)) for each item as it is completed.

        If a worker dies, its task is run again.
        """
        common = messages.packed((function, shared))
        todo = deque((number, messages.packed(item)) for number, item in enumerate(items))
        done: queue.Queue[tuple[int, bool, Any]] = queue.Queue()
        stop = threading.Event()
        for worker in self._workers[: len(todo)]:
            threading.Thread(target=_serve, args=(worker, common, todo, done, stop), daemon=True).start()
        try:
            for _ in items:
                number, good, value = done.get()
                if not good:
                    raise value
                yield number, value
        finally:
            stop.set()
            for worker in self._workers:
                if worker.busy:
                    worker.end()

    def close(self) -> None:
        """End all processes, even in the middle of a task."""
        for worker in self._workers:
            worker.end()


class _Worker:
    """One process, started for its first task, and restarted if it dies."""

    def __init__(self) -> None:
        self.busy = False
        self._process: subprocess.Popen[bytes] | None = None
        self._knows = ""

    def ask(self, common: bytes, data: bytes) -> tuple[bool, Any]:
        """Run one task; return whether it succeeded, and its result or its error.

        Raises
        ------
        EOFError
            If the process died.
        """
        self.busy = True
        try:
            process = self._started()
            assert process.stdin is not None and process.stdout is not None
            key = hashlib.sha256(common).hexdigest()
            if key != self._knows:
                messages.send(process.stdin, messages.packed(("shared", key, common)))
                self._knows = key
            messages.send(process.stdin, messages.packed(("task", key, data)))
            answer = messages.receive(process.stdout)
        except (OSError, EOFError, ValueError):
            self.end()
            raise EOFError from None
        finally:
            self.busy = False
        good, value = messages.loaded(answer)
        return bool(good), value

    def end(self) -> None:
        """Kill the process."""
        process, self._process, self._knows = self._process, None, ""
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            command = [sys.executable, "-c", PROGRAM, json.dumps([path or os.getcwd() for path in sys.path])]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,
            )
        return self._process


def _serve(
    worker: _Worker,
    common: bytes,
    todo: deque[tuple[int, bytes]],
    done: queue.Queue[tuple[int, bool, Any]],
    stop: threading.Event,
) -> None:
    """Give a worker one task after the other."""
    while not stop.is_set():
        try:
            number, data = todo.popleft()
        except IndexError:
            return
        for _ in range(RETRIES + 1):
            try:
                good, value = worker.ask(common, data)
            except EOFError:
                if stop.is_set():
                    return
                continue
            except Exception as error:
                good, value = False, error
            done.put((number, good, value))
            break
        else:
            text = (
                f"workers: a task ended its worker {RETRIES + 1} times; it may need more memory than there is; use fewer workers"
            )
            done.put((number, False, PoolLostError(text)))
            return
