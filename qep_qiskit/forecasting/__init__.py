"""What a gradient costs and how accurate it will be, before anything is paid; β and shots chosen for the least error."""

from qep_qiskit.forecasting.forecast import Forecast

__all__ = ["Forecast"]
