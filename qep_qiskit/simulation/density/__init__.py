"""Shots of noisy circuits on many qubits, drawn from matrix product density operators.

`schedule` orders the wires and the gates, `operator` represents the state, `drawing` draws outcomes from it, and `shots` combines
these for a circuit with its noise.
"""
