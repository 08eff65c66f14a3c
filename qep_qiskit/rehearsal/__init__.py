"""A mock IBM Quantum service on this machine, for tests and rehearsals.

It serves the REST interface of the current Runtime client (`server.serve`) and runs jobs on Aer with the noise of a device's
snapshot. It keeps a ledger of billed seconds (`service.Service`) and fails on request (`faults.FAULTS`).
"""
