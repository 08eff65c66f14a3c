"""Runs on devices: submit, watch, collect and cancel them, and the folders in which they are stored.

>>> from qep_qiskit import runs
>>> sorted(name for name in dir(runs) if name in ("submit", "collect", "status", "cancel", "open_run"))
['cancel', 'collect', 'open_run', 'status', 'submit']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qep_qiskit.lazy_names import lazy_names

if TYPE_CHECKING:
    from qep_qiskit.runs.verbs import cancel, collect, open_run, status, submit

__all__ = ["cancel", "collect", "open_run", "status", "submit"]

__getattr__, __dir__ = lazy_names(__name__)
