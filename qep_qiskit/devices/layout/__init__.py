"""Layouts: the choice of a circuit's device qubits for the least predicted error of the measured strings."""
