"""Mitigation of a device's errors: one technique per file.

A technique has two halves: `construct` makes the circuits to run, `combine` makes one answer of their outcomes. `zne` is
zero-noise extrapolation (`folding`, `extrapolation`), `twirling` flips qubits at random before the measurement, and `readout`
corrects readout errors. `mitigation` reads what a user writes, such as ``"zne+trex"``.
"""
