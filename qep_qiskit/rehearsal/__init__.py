"""A stand-in for the IBM Quantum service on this machine, for tests and rehearsals.

It speaks the REST interface of the service as the current Runtime client uses it, runs the jobs on Aer with the noise of a
device's snapshot, keeps a ledger of what was billed, and makes faults to order.
"""

from qep_qiskit.rehearsal.faults import FAULTS, Fault
from qep_qiskit.rehearsal.server import StandIn, serve
from qep_qiskit.rehearsal.service import Service

__all__ = ["FAULTS", "Fault", "Service", "StandIn", "serve"]
