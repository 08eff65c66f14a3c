"""Forecasts of a gradient's price and accuracy, before anything is paid; β and shots chosen for the least error."""

from qep_qiskit.forecasting.forecast import Forecast

__all__ = ["Forecast"]
