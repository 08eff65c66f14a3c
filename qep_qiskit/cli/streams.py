"""Standard output and error that never raise errors, even if a stream is closed, full, a broken pipe, or of another encoding."""

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
    """A text stream that never fails to write; the first error is stored in ``failure``."""

    def __init__(self, stream: TextIO | None) -> None:
        self.failure: OSError | None = None if stream else OSError("closed")
        self._stream = stream or io.StringIO()

    def write(self, text: str) -> int:
        """Write a text, with characters that the encoding lacks replaced."""
        if self.failure is None:
            with self._watched():
                self._stream.write(encodable(text, self._stream.encoding or "utf-8"))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write lines."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the stream unless it has failed."""
        if self.failure is None:
            with self._watched():
                self._stream.flush()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            self.failure = error if isinstance(error, OSError) else OSError(str(error))
            # the remaining buffer must not be written again when the interpreter exits
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def unfailing() -> Iterator[None]:
    """Replace standard output and error by streams that never fail, and report failures of standard output on standard error."""
    for number in (0, 1, 2):  # the next file to be opened would get the number of a closed stream
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
