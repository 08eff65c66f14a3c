"""Devices that are simulated on this machine.

`simulator` runs circuits on this package's own exact engine, `aer` on qiskit-aer, and `fake` under a snapshot of a real device on
either of the two. A device compiles circuits (`device`), knows its noise (`noise`, `noise_notes`), and hands work to an engine
(`exact_engine`, `aer_engine`).
"""
