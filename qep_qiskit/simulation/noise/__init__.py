"""Exact density matrices of small noisy circuits, as real vectors over Pauli strings.

`transfer` turns channels into matrices, `wires` chooses their order in memory, `channels` runs many rows of angles at once.
"""
