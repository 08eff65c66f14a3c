"""Ctrl-C during a stored training: the first waits briefly for the current step to end, the second aborts."""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SECONDS = 2.5
"""Seconds for the current step to end after Ctrl-C. If it takes longer, it is lost; the steps before it are stored."""


class InterruptedTrainingError(KeyboardInterrupt):
    """The end of a training after Ctrl-C. Every completed step is stored, and the message says how to resume."""


@contextlib.contextmanager
def first_interrupt_waits(heard: Callable[[], None] = lambda: None) -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed; a second Ctrl-C, or the time limit, raises KeyboardInterrupt.

    Outside the main thread, where signals cannot be caught, Ctrl-C works as usual.
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
