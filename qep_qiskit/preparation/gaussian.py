"""Gaussian ground states of oscillator networks in closed form."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.networks.quadratic.monomials import Monomials
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Phase, Prepared
from qep_qiskit.preparation.response import Nudged, Response, Responsive, nothing
from qep_qiskit.simulation.closed_form.quadratic import GaussianState, ground_state, respond

Vector = NDArray[np.float64]


def gaussian_states(family: Family, *, quantum: bool, details: dict[str, object]) -> Prepared:
    """Return the Gaussian ground states for ``family.betas`` over a frame of monomials, or the points of rest if not `quantum`.

    Raises
    ------
    UnstableError
        If H + βC is not positive definite. The message names the mode.
    """
    strings = family.frame.strings
    states = []
    for beta, row in zip(family.betas, family.coefficients, strict=True):
        what = "the network" if beta == 0.0 else f"the network nudged by β = {beta:g}"
        states.append(ground_state(strings.form(row, what), quantum=quantum))

    def expectations(monomials: Monomials) -> NDArray[np.float64]:
        return np.array([monomials.expectations(s.mean, s.covariance, s.momenta) for s in states])

    return Prepared(
        phases=tuple(_phase(state, beta) for state, beta in zip(states, family.betas, strict=True)),
        states=_no_qubits,
        circuits=_no_qubits,
        expectations=expectations,
        details={**details, "states": "gaussian", "warnings": []},
        response=None if 0.0 not in family.betas else _response(family, states[family.betas.index(0.0)], quantum),
    )


def _phase(state: GaussianState, beta: float) -> Phase:
    left = state.form.stiffness @ state.mean - state.form.force
    return Phase(beta, state.energy, float(np.linalg.norm(left)), 0.0, state.gap if beta == 0.0 else None)


def _response(family: Family, state: GaussianState, quantum: bool) -> Responsive:
    def response(nudge: Vector, nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        pull = family.frame.strings.form(nudge)
        stiffer = float(np.abs(pull.stiffness).sum(axis=1).max(initial=0.0))
        lighter = float((np.abs(pull.inverse_masses) / state.form.inverse_masses).max(initial=0.0))
        softest = float(state.gap**2 / state.form.inverse_masses.max())

        def changes(monomials: Monomials) -> Vector:
            return monomials.slopes(state.mean, *respond(state.form, state.mean, pull, quantum=quantum))

        # a nudge linear in r shifts the means in exact proportion to β
        return Response(stiffer / softest + lighter, changes, "the normal modes, in closed form")

    return response


def _no_qubits() -> NoReturn:
    raise InputError(
        "network.levels: a network in closed form has no qubits, so neither circuits nor shots; give levels = 4 (or another "
        "power of two) to compile it to qubits, or leave shots out and take the device 'statevector'"
    )
