"""Intervals that contain the true gradient, with every part of their width bounded by proof (docs/certified.md)."""

from qep_qiskit.certified.certificate import Certificate, Interval

__all__ = ["Certificate", "Interval"]
