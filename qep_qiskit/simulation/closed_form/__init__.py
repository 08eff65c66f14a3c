"""Closed forms: quadratic forms of oscillators at any size, and product states of classical spins."""
