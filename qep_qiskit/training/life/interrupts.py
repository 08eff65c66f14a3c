"""Ctrl-C during a training that is kept: the first lets the step under way end if that is soon, the second aborts."""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SECONDS = 2.5
"""Time that the step under way still has after Ctrl-C. It is lost if it takes longer; the steps before it are kept."""


class InterruptedTrainingError(KeyboardInterrupt):
    """Ctrl-C; every step so far is kept, and the text says how to go on."""


@contextlib.contextmanager
def first_interrupt_waits(heard: Callable[[], None] = lambda: None) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C was pressed; a second one, or time, raises KeyboardInterrupt.

    Outside the main thread, where signals cannot be caught, nothing changes.

    Parameters
    ----------
    heard : callable
        Called at the first Ctrl-C.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return

    def press(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()
        patience.start()
        heard()

    patience = threading.Timer(SECONDS, _thread.interrupt_main)
    patience.daemon = True
    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        patience.cancel()
        signal.signal(signal.SIGINT, before)
