"""What a gradient costs and how accurate it will be, before anything is paid; β and shots chosen for the least error."""

from qep_qiskit.planning.forecast import Forecast
from qep_qiskit.planning.verb import plan

__all__ = ["Forecast", "plan"]
