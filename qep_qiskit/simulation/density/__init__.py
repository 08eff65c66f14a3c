"""Shots of noisy circuits of many qubits, drawn from their states as matrix product density operators.

`schedule` arranges the wires and the gates, `operator` is the state, `drawing` draws outcomes from it, and `shots` is a circuit
with its noise.
"""
