"""Ground states of networks in closed form: Gaussian states of oscillators, for all phases."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import InputError
from qep_qiskit.networks.monomials import Monomials
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.preparer import Phase, Prepared
from qep_qiskit.simulation.quadratic import GaussianState, ground_state

Vector = NDArray[np.float64]


def gaussian_states(family: Family, *, quantum: bool, nudge_share: float, details: dict[str, object]) -> Prepared:
    """Return the Gaussian ground states of ``family.betas`` over a frame of monomials; `quantum` False: the points of rest.

    Raises
    ------
    UnstableError
        Where H + βC is not positive definite; names the mode.
    """
    strings = family.frame.strings
    states = []
    for beta, row in zip(family.betas, family.coefficients, strict=True):
        what = "the network" if beta == 0.0 else f"the network nudged by β = {beta:g}"
        states.append(ground_state(strings.form(row, what), quantum=quantum))

    def expectations(wanted: Monomials) -> NDArray[np.float64]:
        return np.array([wanted.expectations(s.mean, s.covariance, s.momenta) for s in states])

    return Prepared(
        phases=tuple(_phase(state, beta) for state, beta in zip(states, family.betas, strict=True)),
        states=_no_qubits,
        circuits=_no_qubits,
        expectations=expectations,
        details={**details, "states": "gaussian", "warnings": _warnings(family, states, nudge_share)},
    )


def _phase(state: GaussianState, beta: float) -> Phase:
    left = state.form.stiffness @ state.mean - state.form.force
    return Phase(beta, state.energy, float(np.linalg.norm(left)), 0.0, state.gap if beta == 0.0 else None)


def _warnings(family: Family, states: list[GaussianState], share: float) -> list[str]:
    """Warn of a nudge that changes the stiffness by more than a share: one that is linear in r is exact at any β."""
    nudge = family.frame.strings.form(family.nudge)
    size = float(np.abs(nudge.stiffness).sum(axis=1).max(initial=0.0))
    reach = max((abs(b) for b in family.betas), default=0.0) * size
    softest = min((float(s.gap**2 / s.form.inverse_masses.max()) for s in states), default=np.inf)
    if reach <= share * softest:
        return []
    return [
        f"the nudge is large: |β|·‖C‖ = {reach:.3g} is {reach / softest:.2g} of the softest mode's stiffness {softest:.3g} "
        f"(at most {share:g} is wanted); take a smaller β"
    ]


def _no_qubits() -> NoReturn:
    raise InputError(
        "network.levels: a network in closed form has no qubits, so neither circuits nor shots; give levels = 4 (or another "
        "power of two) to compile it to qubits, or leave shots out and take the device 'statevector'"
    )
