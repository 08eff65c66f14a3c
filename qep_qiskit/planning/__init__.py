"""What a gradient costs and how accurate it will be, before anything is paid; β and shots chosen for the least error."""

from qep_qiskit.planning.execution import execute, reduce
from qep_qiskit.planning.forecast import Forecast
from qep_qiskit.planning.verb import forecast, plan

__all__ = ["Forecast", "execute", "forecast", "plan", "reduce"]
