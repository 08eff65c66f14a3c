"""Energies, gradients, Hessians and tangent states of parameterised circuits, by adjoint differentiation.

`program.CircuitProgram` compiles a Qiskit circuit once; `primitives` offers the same computation with Qiskit's interfaces.
"""
