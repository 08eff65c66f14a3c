"""Networks of positions and momenta: oscillators, springs and resistors.

A quadratic network has a closed form at any size. `levels` and `encoded` put oscillators on qubits instead.
"""
