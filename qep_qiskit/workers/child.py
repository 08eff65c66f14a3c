"""A worker process, which runs one task after the other until its parent ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

WATCH_SECONDS = 0.5


def main() -> None:
    """Run tasks from stdin and write the answers to stdout; output printed by tasks goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end
    _watch(os.getppid())
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    from qep_qiskit.workers import messages

    shared: dict[str, bytes] = {}
    while True:
        try:
            kind, key, data = messages.loaded(messages.receive(tasks))
        except EOFError:
            return
        if kind == "shared":
            shared = {key: data}
            continue
        try:
            function, common = messages.unpacked(shared[key])
            answer: tuple[bool, Any] = (True, function(common, messages.loaded(data)))
        except Exception as error:
            answer = (False, error)
        messages.send(answers, _packed(answer))


def _packed(answer: tuple[bool, Any]) -> bytes:
    from qep_qiskit.workers import messages

    try:
        data = messages.packed(answer)
        messages.loaded(data)
        return data
    except Exception as error:
        text = f"{type(answer[1]).__name__} of a worker could not travel: {error or answer[1]}"
        return messages.packed((False, RuntimeError(text)))


def _watch(parent: int) -> None:
    """End this process when its parent ends, even in the middle of a task."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
