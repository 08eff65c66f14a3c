"""Mitigation of a device's errors, with one technique per file.

A technique has two functions: `construct` returns the circuits to run, and `combine` combines their outcomes. `zne` is
zero-noise extrapolation (with `folding` and `extrapolation`), `twirling` flips qubits at random before the measurement, and
`readout` corrects readout errors. `mitigation` parses the notation of users, such as ``"zne+trex"``.
"""
