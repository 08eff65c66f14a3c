"""Forecasts of a gradient's price and accuracy before any money is spent, and the choice of β and shots with the least error."""

from qep_qiskit.forecasting.forecast import Forecast

__all__ = ["Forecast"]
