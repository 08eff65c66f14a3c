"""Start of the program `qep`: Ctrl-C during its first imports ends it in one line, as it does later."""

from __future__ import annotations

import os
import signal
from types import FrameType


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"qep: interrupted; nothing was written, run the same command to start again\n")
    os._exit(128 + number)


def main() -> None:
    """Import the program, and run it."""
    alone = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # it may also be ignored, as for a background job
    if alone:
        signal.signal(signal.SIGINT, _end)
    from qep_qiskit.cli.main import main as run

    try:
        if alone:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:  # before the work has begun or after its end; in between, it is handled
        os.write(2, b"qep: interrupted\n")
        os._exit(128 + signal.SIGINT)
