"""Quantum equilibrium propagation on Qiskit.

``import qep_qiskit as qep`` is fast, because every public name is imported at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qep_qiskit.lazy_names import lazy_names

if TYPE_CHECKING:
    from qep_qiskit.ansatz.schedules import curved
    from qep_qiskit.archive import load_result
    from qep_qiskit.budget import Budget, Rung
    from qep_qiskit.certified import Certificate, Interval
    from qep_qiskit.comparison import compare
    from qep_qiskit.costs import (
        ExpectationCost,
        LinearCost,
        ObservableCost,
        SquaredError,
        SquaredErrorObservable,
        softmax_cross_entropy,
    )
    from qep_qiskit.devices import aer, device_named, fake, ibm, simulator, statevector
    from qep_qiskit.equilibrium import Gradient, Outcomes, Plan
    from qep_qiskit.errors import DegenerateGroundStateError, InputError, PreparationError
    from qep_qiskit.estimates import Estimate
    from qep_qiskit.fingerprints import named
    from qep_qiskit.forecasting import Forecast
    from qep_qiskit.layers.vjp import vjp
    from qep_qiskit.measurement.split import OptimalShots, Split, optimal_shots
    from qep_qiskit.networks import Network, Term, elastic, ising, oscillators, pauli, phase_oscillators, resistors
    from qep_qiskit.preparation import MPS, VQE, Adiabatic, Exact, MeanField, Thermal
    from qep_qiskit.problem import Problem
    from qep_qiskit.reference import exact_gradient, variational_gradient
    from qep_qiskit.stencils import AutoStencil, Stencil, extrapolated, one_sided, symmetric
    from qep_qiskit.training import TrainingResult, train
    from qep_qiskit.training.estimators import QEPClassifier, QEPRegressor
    from qep_qiskit.verbs.certify import certify
    from qep_qiskit.verbs.circuits import circuits
    from qep_qiskit.verbs.execution import execute, reduce
    from qep_qiskit.verbs.forecast import forecast, plan
    from qep_qiskit.verbs.gradient import gradient
    from qep_qiskit.verbs.gradients import gradients
    from qep_qiskit.verbs.pullback import Pullback

__version__ = "0.1.0"

__all__ = [
    "Adiabatic",
    "AutoStencil",
    "Budget",
    "Certificate",
    "DegenerateGroundStateError",
    "Estimate",
    "Exact",
    "ExpectationCost",
    "Forecast",
    "Gradient",
    "InputError",
    "Interval",
    "LinearCost",
    "MPS",
    "MeanField",
    "Network",
    "ObservableCost",
    "OptimalShots",
    "Outcomes",
    "Plan",
    "PreparationError",
    "Problem",
    "Pullback",
    "QEPClassifier",
    "QEPRegressor",
    "Rung",
    "SquaredError",
    "SquaredErrorObservable",
    "Split",
    "Stencil",
    "Term",
    "Thermal",
    "TrainingResult",
    "VQE",
    "aer",
    "certify",
    "circuits",
    "compare",
    "curved",
    "device_named",
    "elastic",
    "exact_gradient",
    "execute",
    "extrapolated",
    "fake",
    "forecast",
    "gradient",
    "gradients",
    "ibm",
    "ising",
    "load_result",
    "named",
    "one_sided",
    "optimal_shots",
    "oscillators",
    "pauli",
    "phase_oscillators",
    "plan",
    "reduce",
    "resistors",
    "simulator",
    "softmax_cross_entropy",
    "statevector",
    "symmetric",
    "train",
    "variational_gradient",
    "vjp",
]

__getattr__, __dir__ = lazy_names(__name__)
