"""The identity of a run, which no other run shares."""

from __future__ import annotations

import os
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

NAME_LENGTH = 12
"""The most characters of the folder's name in a run's identity: a service accepts tags of up to 86 characters."""


def new_identity(folder: str | os.PathLike[str]) -> str:
    """Return the identity of a new run, which its jobs' tags begin with.

    The date and the folder's name are for human readers; 128 random bits make the identity unique.
    """
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", Path(folder).name)[:NAME_LENGTH].strip("-") or "run"
    return f"qep-{datetime.now(UTC):%Y%m%d}-{name}-{uuid.uuid4().hex}"
