"""Layouts: the device qubits of a circuit, chosen by what the device's errors do to the numbers that are read from it."""
