"""A mock IBM Quantum service on this machine, for tests and rehearsals.

It serves the REST interface that the current Runtime client uses (`server.serve`), runs the jobs on Aer with the noise of a
device's snapshot, keeps a ledger of what was billed (`service.Service`), and fails on request (`faults.FAULTS`).
"""
