"""Many small circuits of the same gates, each with its own angles, evaluated together as the columns of one array.

`template.Template` is compiled from Hadamards, phases and relabellings (`steps`); `program.BatchedProgram` maps the parameters
of a Qiskit circuit to it. Both are meant for up to 12 qubits and any number of columns.
"""
