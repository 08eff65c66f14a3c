"""Ground states, gaps, excited states and linear responses of sums of Pauli strings, without building matrices.

`operators.PauliSum` multiplies state vectors, `lanczos` computes eigenstates, and `response` their first-order change.
"""
