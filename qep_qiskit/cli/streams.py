"""Standard output and error that never end the work: closed, full, a pipe whose reader went away, or of another encoding."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from qep_qiskit.plain_text import encodable


class _Unfailing:
    """A text stream whose writing always succeeds; what went wrong is kept in ``failure``."""

    def __init__(self, stream: TextIO | None) -> None:
        self.failure: OSError | None = None if stream else OSError("closed")
        self._stream = stream or io.StringIO()

    def write(self, text: str) -> int:
        """Write what the stream can take."""
        if self.failure is None:
            with self._watched():
                self._stream.write(encodable(text, self._stream.encoding or "utf-8"))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush where that is possible."""
        if self.failure is None:
            with self._watched():
                self._stream.flush()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            self.failure = error if isinstance(error, OSError) else OSError(str(error))
            # what is still buffered must not be tried again at the interpreter's end
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def unfailing() -> Iterator[None]:
    """Put such streams in the place of standard output and error, and say on the one what the other could not take."""
    for number in (0, 1, 2):  # a closed one would be the next file that is opened
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    out, err = map(_Unfailing, before)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield
    finally:
        out.flush()
        if before[0] is not None and out.failure is not None and not isinstance(out.failure, BrokenPipeError):
            err.write(f"qep: standard output: {out.failure.strerror or out.failure}; the work itself went on to its end\n")
        err.flush()
        sys.stdout, sys.stderr = before
