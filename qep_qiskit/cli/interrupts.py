"""Ctrl-C and SIGTERM: one end for both, within five seconds and in one line, whatever the program is doing.

Either raises KeyboardInterrupt where Python code runs. A call into compiled code is not interrupted that way; so a thread that
hears the signal at once ends the process when that takes too long, with the same line and exit code.
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

LIMIT_SECONDS = 4.2
"""After this time the process is ended from outside of what it is doing."""
STOPS = (signal.SIGINT, signal.SIGTERM)


class _Heard:
    """The signals that the process has received and whether it has said its last words; there is one."""

    def __init__(self) -> None:
        self.number = 0
        self.said = False
        self.words: list[Callable[[], str]] = []
        self.watched = False
        self.give_back: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def first_to_speak(self) -> bool:
        """Whether nobody has said the last words yet; whoever asks first says them."""
        with self._lock:
            said, self.said = self.said, True
        return not said

    @property
    def code(self) -> int:
        """The exit code: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + (self.number or int(signal.SIGINT))


_heard = _Heard()


def exit_code() -> int:
    """Return the exit code of a command that was interrupted."""
    return _heard.code


def take_the_word() -> None:
    """Be the one who says the last words: if the process is being ended already, they are said, and the end is waited for."""
    if not _heard.watched and not _heard.first_to_speak():
        time.sleep(60)


@contextlib.contextmanager
def saying(words: Callable[[], str]) -> Iterator[None]:
    """Let these be the last words if the process must be ended from outside: what is kept, and how to resume.

    Parameters
    ----------
    words : callable
        () → str. It may be called in another thread, and may save what the text says is kept.
    """
    _heard.words.append(words)
    try:
        yield
    finally:
        _heard.words.remove(words)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, and both end the process in time. Inside another one, or off the main thread: nothing."""
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
        if _heard.number:  # what was said is the end: the process is watched until then, and heeds no second signal
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _heard.give_back = give_back
        else:
            give_back()


def stay_alive() -> None:
    """Let the process live on after a command that was interrupted: another program called it."""
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
    """Let Ctrl-C be heard that fell where nothing can be raised, such as into a destructor."""
    if unraisable.exc_type is KeyboardInterrupt:
        threading.Timer(0.02, _thread.interrupt_main).start()  # not here, where it would be lost again
    else:
        sys.__unraisablehook__(unraisable)


def _watch(line: socket.socket, ended: threading.Event) -> None:
    """Wait for the first signal, and then for the process to end by itself."""
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
    """End the process; everything that it keeps is kept in whole transactions."""
    text = b""
    if _heard.first_to_speak():
        what = "nothing was written, run the same command to start again"
        with contextlib.suppress(Exception):
            what = " ".join(_heard.words[-1]().split()) if _heard.words else what
        text = f"qep: interrupted; {what}\n".encode("utf-8", "replace")
    with contextlib.suppress(OSError):
        os.write(2, text)
    os._exit(_heard.code)
