"""Exact density matrices of small noisy circuits, stored as real vectors of Pauli expectations.

`transfer` turns channels into matrices, `wires` chooses the order of wires in memory, `channels` evolves many rows of angles
together, `aer_model` reads Aer's noise models, and `program` compiles a circuit with its noise.
"""
