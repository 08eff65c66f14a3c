"""The experiment as the user writes it: TOML, validated, and the objects that it stands for."""

from qep_qiskit.experiment.loading import load
from qep_qiskit.experiment.spec import Spec

__all__ = ["Spec", "load"]
