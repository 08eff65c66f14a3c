"""Experiments as TOML specs: reading, validation, and the objects built from them."""

from qep_qiskit.experiment.loading import load
from qep_qiskit.experiment.spec import Spec

__all__ = ["Spec", "load"]
