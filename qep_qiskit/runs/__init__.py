"""Submitting, watching, collecting and cancelling runs on devices, and the folders that keep them.

>>> from qep_qiskit import runs
>>> sorted(name for name in dir(runs) if name in ("submit", "collect", "status", "cancel", "open_run"))
['cancel', 'collect', 'open_run', 'status', 'submit']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qep_qiskit.runs.verbs import cancel, collect, open_run, status, submit

__all__ = ["cancel", "collect", "open_run", "status", "submit"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("qep_qiskit.runs.verbs"), name)
    raise AttributeError(f"module 'qep_qiskit.runs' has no attribute {name!r}")
