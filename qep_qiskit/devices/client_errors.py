"""Errors of a provider's client, as one line without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from qep_qiskit.errors import DeviceError, InputError
from qep_qiskit.secrets import scrubbed


def line_of(error: BaseException) -> str:
    """Return an error's message on one line; its class, if it has no message."""
    message = getattr(error, "message", None)
    line = " ".join((message if isinstance(message, str) else str(error)).split())
    # IBM's client adds the reply as it came to the message that it took from it
    line = re.sub(r"[\\'\". ]*\{\"error\":.*", "", line).strip("\\'\" ").replace("\\'", "'").replace('\\"', '"')
    return scrubbed(line or type(error).__name__)[:300]


@contextmanager
def client_errors(what: str, *, kind: type[Exception] = DeviceError) -> Iterator[None]:
    """Turn whatever a client raises into a `kind` of one line; the package's own errors pass.

    Parameters
    ----------
    what : str
        What failed, for the message.
    kind : type
        DeviceError, or InputError for a request that cannot be fulfilled.
    """
    try:
        yield
    except (InputError, DeviceError):
        raise
    except Exception as error:  # clients raise errors of any kind
        raise kind(f"device: {what}: {line_of(error)}") from None
