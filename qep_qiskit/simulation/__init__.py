"""Fast exact arithmetic that knows nothing of equilibrium propagation; each room could be lifted out.

`eigen`: ground states. `adjoint`: gradients of circuits. `noise`: small noisy circuits. `closed_form`: oscillators and product
states. `mps`: matrix product states, by TeNPy.
"""
