"""A mock IBM Quantum service on this machine, for tests and rehearsals.

It speaks the REST interface of the service as the current Runtime client uses it (`server.serve`), runs the jobs on Aer with the
noise of a device's snapshot, keeps a ledger of what was billed (`service.Service`), and makes faults to order (`faults.FAULTS`).
"""
