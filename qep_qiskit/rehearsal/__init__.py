"""A mock IBM Quantum service on this machine, for tests and rehearsals.

:func:`start` starts one for the current process. It serves the REST interface of the current Runtime client and runs jobs on Aer
with the noise of a device's snapshot. It keeps a ledger of billed seconds (`service.Service`) and fails on request
(`faults.FAULTS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qep_qiskit.lazy_names import lazy_names

if TYPE_CHECKING:
    from qep_qiskit.rehearsal.faults import FAULTS
    from qep_qiskit.rehearsal.server import MockServer, serve, start

__all__ = ["FAULTS", "MockServer", "serve", "start"]

__getattr__, __dir__ = lazy_names(__name__)
