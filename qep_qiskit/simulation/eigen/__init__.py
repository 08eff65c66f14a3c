"""Ground states, gaps, excited states and linear responses of sums of Pauli strings, without a matrix.

`operators.PauliSum` multiplies state vectors, `lanczos` finds eigenstates, `response` follows them to first order.
"""
