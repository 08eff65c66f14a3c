"""Handling of Ctrl-C and SIGTERM: both end the program within five seconds, with one line, whatever it is doing.

Both raise KeyboardInterrupt in Python code. Compiled code is not interrupted that way; so a thread that receives the signal at
once ends the process if that takes too long, with the same message and exit code.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from qep_qiskit.cli.endings import InterruptedRunError

LIMIT_SECONDS = 4.2
"""The time in seconds after which the process is ended, even if it is busy."""
STOPS = (signal.SIGINT, signal.SIGTERM)


class _Heard:
    """The single record of the received signal and of whether the final message has been printed."""

    def __init__(self) -> None:
        self.number = 0
        self.said = False
        self.words: list[Callable[[], str]] = []
        self.watched = False
        self.give_back: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def first_to_speak(self) -> bool:
        """Return whether the final message is still to be printed; only the first caller gets True, and must print it."""
        with self._lock:
            said, self.said = self.said, True
        return not said


_heard = _Heard()


def exit_code() -> int:
    """Return the exit code of a command that was interrupted: 130 after Ctrl-C and 143 after SIGTERM."""
    return 128 + (_heard.number or int(signal.SIGINT))


def take_the_word() -> None:
    """Claim the final message. If the process is already being ended by the other thread, wait for that end instead."""
    if not _heard.watched and not _heard.first_to_speak():
        time.sleep(60)


@contextlib.contextmanager
def saying(words: Callable[[], str]) -> Iterator[None]:
    """End the work inside the ``with`` block with a message about saved results and resuming, if it is interrupted.

    Parameters
    ----------
    words : callable
        A function that returns the message. It may be called in another thread, and may save the results first.

    Raises
    ------
    InterruptedRunError
        If the work is interrupted.
    """
    _heard.words.append(words)
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError(words()) from None
    finally:
        _heard.words.remove(words)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM act like Ctrl-C, and end the process in time after either. Has no effect if nested or off the main thread."""
    if _heard.watched or threading.current_thread() is not threading.main_thread():
        yield
        return
    _heard.number, _heard.said, _heard.watched = 0, False, True
    near, far = socket.socketpair()
    far.setblocking(False)
    ended = threading.Event()
    threading.Thread(target=_watch, args=(near, ended), daemon=True).start()
    before = {number: signal.getsignal(number) for number in STOPS}
    earlier = signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    told, sys.unraisablehook = sys.unraisablehook, _again

    def give_back() -> None:
        ended.set()
        signal.set_wakeup_fd(earlier)
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = told
        far.close()
        near.close()

    try:
        yield
    finally:
        _heard.watched = False
        if _heard.number:  # the process is ending: it is watched until then, and ignores a second signal
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _heard.give_back = give_back
        else:
            give_back()


def stay_alive() -> None:
    """Keep the process alive after an interrupted command, because another program called it."""
    if not _heard.watched and _heard.give_back is not None:
        _heard.give_back()
        _heard.give_back = None


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    _heard.number = _heard.number or number  # the watching thread may hear of it later
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def _again(unraisable: sys.UnraisableHookArgs) -> None:
    """Repeat a Ctrl-C that arrived where no exception can be raised, such as in a destructor."""
    if unraisable.exc_type is KeyboardInterrupt:
        threading.Timer(0.02, _thread.interrupt_main).start()  # later, since it would be lost again here
    else:
        sys.__unraisablehook__(unraisable)


def _watch(line: socket.socket, ended: threading.Event) -> None:
    """Wait for the first signal, then for the process to end by itself; end it if it does not."""
    number = 0
    while number not in STOPS:
        try:
            data = line.recv(1)
        except OSError:
            return
        if not data:
            return
        number = data[0]
    _heard.number = _heard.number or number
    if not ended.wait(LIMIT_SECONDS):
        _end()


def _end() -> None:
    """End the process. Stored data is safe, because it is written in whole transactions."""
    text = b""
    if _heard.first_to_speak():
        what = "nothing was written, run the same command to start again"
        with contextlib.suppress(Exception):
            what = " ".join(_heard.words[-1]().split()) if _heard.words else what
        text = f"qep: interrupted; {what}\n".encode("utf-8", "replace")
    with contextlib.suppress(OSError):
        os.write(2, text)
    os._exit(exit_code())
