"""A device and a preparer for qep_qiskit."""
