"""Fast exact simulation, independent of equilibrium propagation.

`eigen` computes ground states, `adjoint` gradients of circuits, `batched` those of many small circuits at once, `noise` small
noisy circuits, `cones` local expectations of large shallow circuits, `closed_form` oscillators and product states, and `mps`
matrix product states.
"""
