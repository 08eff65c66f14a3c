"""Mitigation of a device's errors: one technique per file.

`chosen` reads what a user writes, such as ``"zne+trex"``. `folding` and `extrapolation` are zero-noise extrapolation, `twirling`
flips qubits at random before the measurement, `readout` corrects readout errors.
"""
