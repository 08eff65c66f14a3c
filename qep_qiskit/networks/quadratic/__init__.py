"""Networks of positions and momenta: oscillators, springs and resistors.

A quadratic network has a closed form at any size. The modules `levels` and `encoded` represent oscillators on qubits.
"""
