"""Errors of a provider's client, converted to one line without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.secrets import scrubbed


def line_of(error: BaseException) -> str:
    """Return an error's message on one line, or its class if it has no message."""
    message = getattr(error, "message", None)
    line = " ".join((message if isinstance(message, str) else str(error)).split())
    # IBM's client appends the whole reply to the message that it extracted from it
    line, cut = re.subn(r"[\\'\". ]*\{\"error\":.*", "", line)
    line = line.strip("\\'\" ") if cut else re.sub(r"""^(["'])((?:(?!\1).)*)\1$""", r"\2", line)
    line = line.replace("\\'", "'").replace('\\"', '"')
    if isinstance(error, KeyError) and " " not in line:
        line = f"{line} is missing"
    return scrubbed(line or type(error).__name__)[:300]


@contextmanager
def client_errors(what: str, *, kind: type[Exception] = DeviceError) -> Iterator[None]:
    """Convert exceptions of a client to a `kind` with a message of one line; this package's own errors pass unchanged.

    Parameters
    ----------
    what : str
        The failed action, for the message.
    kind : type
        DeviceError, or InputError for a request that cannot be fulfilled.
    """
    try:
        yield
    except (InputError, DeviceError):
        raise
    except Exception as error:  # clients may raise anything
        raise kind(f"device: {what}: {line_of(error)}") from None
