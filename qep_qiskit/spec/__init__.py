"""The experiment as the user writes it: TOML, validated, and the objects that it stands for."""

from qep_qiskit.spec.experiment import Spec
from qep_qiskit.spec.loading import load

__all__ = ["Spec", "load"]
