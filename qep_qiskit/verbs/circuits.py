"""The verb circuits: the circuits that prepare the states of every phase, as bound Qiskit circuits."""

from __future__ import annotations

from qiskit.circuit import QuantumCircuit

from qep_qiskit.equilibrium.result import Gradient
from qep_qiskit.equilibrium.rounds import run
from qep_qiskit.forecasting.planner import settle
from qep_qiskit.preparation.preparer import Preparer
from qep_qiskit.problem import Problem, check_problem
from qep_qiskit.progress import ProgressOption, showing
from qep_qiskit.settings import Settings
from qep_qiskit.stencils import AnyStencil


def circuits(
    problem: Problem,
    *,
    preparer: Preparer = Settings.preparer,
    stencil: AnyStencil = Settings.stencil,
    warm_start: Gradient | None = None,
    seed: int = 0,
    progress: ProgressOption = "auto",
) -> list[QuantumCircuit]:
    """Return the circuits that prepare the states, one for each phase, with all angles bound and without measurements.

    Parameters
    ----------
    problem, preparer, stencil, warm_start, seed, progress
        See :func:`gradient`. A cost of expectations is nudged with the error signal of the free phase's exact expectations.

    Returns
    -------
    list of QuantumCircuit
        The circuits, in the order of ``stencil.phases``, the free phase first. ``circuit.metadata["beta"]`` is the phase's β.

    Raises
    ------
    InputError
        If no circuits prepare the states: for networks in closed form, and for exact states of many qubits.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> problem = qep.Problem(network, [1.0, 0.0, 0.0, 1.0, 1.0], x=[0.5], cost=qep.SquaredError([1.0]))
    >>> bound = qep.circuits(problem, preparer=qep.Adiabatic(time=4, steps=12), stencil=qep.symmetric(0.1))
    >>> [circuit.metadata["beta"] for circuit in bound]
    [0.0, -0.1, 0.1]
    """
    check_problem(problem)
    with showing(progress) as report:
        settings, _ = settle(problem, Settings(preparer=preparer, stencil=stencil, seed=seed), report)
        [(plan, _)] = run([problem], settings, warm_start=None if warm_start is None else [warm_start], progress=report)
    betas = plan.stencil.phases
    bound: dict[int, QuantumCircuit] = {}
    for part in [plan] if plan.earlier is None else [plan.earlier, plan]:
        for structure in part.prepared.circuits():
            names = structure.circuit.parameters
            for place, values in zip(structure.phases, structure.values, strict=True):
                phase = part.phases[place]
                circuit = structure.circuit.assign_parameters(dict(zip(names, map(float, values), strict=True)))
                circuit.metadata = {**(circuit.metadata or {}), "beta": float(betas[phase])}
                bound[phase] = circuit
    return [bound[phase] for phase in sorted(bound)]
