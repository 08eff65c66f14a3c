"""Nudged phases of many families as rows of one array, from their free phases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.descent import Descent, Function, Rows
from qep_qiskit.preparation.free_phases import MOST_CURVED_ANGLES, SHARPER, Free
from qep_qiskit.preparation.model import MOST_CHECKED_ANGLES, NUDGED, SOFTEST, Model
from qep_qiskit.preparation.newton_steps import FOLLOWED, STEP, newton_steps, step_along
from qep_qiskit.preparation.quasi_newton import FullMemory, Memory

Real = NDArray[np.float64]
VALLEY, MOST_VALLEYS = 0.1, 4
"""A nudged phase with a longer Newton step than this, in radians, continues its descent, at most this many times."""


def nudged_phases(model: Model, free: Free, owners: Rows, betas: Real) -> tuple[Descent, Real]:
    """Return the nudged phases, with the gradients of the tilted energy, and |∂⟨C⟩/∂θ| of each row."""
    nudges = np.array([model.families[f].nudge for f in owners])
    coefficients = model.free[owners] + betas[:, None] * nudges
    origins, tilts = free.thetas[owners], free.gradients[owners]
    energies, gradients = model.evaluator.energies_and_gradients(origins, nudges)
    slopes = np.linalg.norm(gradients, axis=1)
    floors = model.floor[owners]
    slopes = np.maximum(slopes, floors / (NUDGED * np.abs(betas)))
    limits = np.maximum(NUDGED * model.precision.tolerance * np.abs(betas) * slopes, floors)
    aims = np.maximum(model.further * limits, floors)

    def function(rows: Rows, thetas: Real) -> tuple[Real, Real]:
        values, gradients = model.value(owners[rows], coefficients[rows], thetas)
        return values - np.einsum("rp,rp->r", thetas - origins[rows], tilts[rows]), gradients - tilts[rows]

    def onwards(rows: Rows, starts: Real, memory: Memory) -> Descent:
        return model.descend(
            owners[rows],
            coefficients[rows],
            lambda part, thetas: function(rows[part], thetas),
            lambda part, *_: aims[rows[part]],
            starts,
            memory,
            model.precision.most,
        )

    far, starts = np.arange(len(owners)), origins
    memory = (free.memory if model.deep else free.memory.softened(SOFTEST)).kept(owners)
    if model.deep:
        starts = _predicted(model, free, owners, betas[:, None] * gradients)
        lower = function(far, starts)[0] < free.values[owners] + betas * energies
        starts = np.where(lower[:, None], starts, origins)
        assert isinstance(memory, FullMemory)
        memory.set(far, model.inverses(owners, coefficients, starts)[0])
    end = onwards(far, starts, memory)
    for _ in range(MOST_VALLEYS if origins.shape[1] <= MOST_CURVED_ANGLES else 0):
        far = _far(model, owners, coefficients, origins, end, far[end.done[far]], function)
        if not len(far):
            break
        aims[far] = np.maximum(SHARPER * aims[far], floors[far])
        end.take(far, onwards(far, end.thetas[far], end.memory.kept(far)))
    end.done[:] |= np.linalg.norm(end.gradients, axis=1) <= limits
    return end, slopes


def _predicted(model: Model, free: Free, owners: Rows, pulls: Real) -> Real:
    """Return the angles of nudged phases in first order, from the gradients β ∂⟨C⟩ of the nudges at the free angles."""
    origins, families = free.thetas[owners], np.unique(owners)
    inverse = np.empty((len(free.thetas), *2 * pulls.shape[1:]))
    inverse[families] = model.inverses(families, model.free[families], free.thetas[families])[0]
    steps = -(inverse[owners] @ pulls[:, :, None])[:, :, 0]
    shares = np.minimum(1.0, VALLEY / np.maximum(np.abs(steps).max(axis=1), 1e-300))
    return np.asarray(origins + shares[:, None] * steps)


def _far(model: Model, owners: Rows, coefficients: Real, origins: Real, end: Descent, rows: Rows, function: Function) -> Rows:
    """Return the rows that seem done but lie on a nearly flat slope that matters, and give them their exact Hessians.

    On such a slope the Newton step is long, or the energy alone has a negative curvature. The other rows take the Newton step,
    unless it is long.
    """
    if len(rows) and end.thetas.shape[1] > MOST_CHECKED_ANGLES:
        steps = np.abs(end.memory.product(end.gradients)[rows]).max(axis=1, initial=0.0)
        rows = rows[steps > VALLEY]
    if not len(rows):
        return rows
    assert isinstance(end.memory, FullMemory)
    steps, solved = newton_steps(
        lambda part, thetas: function(rows[part], thetas)[1],
        end.thetas[rows],
        end.gradients[rows],
        model.mu[owners[rows]],
        end.memory.inverse[rows],
        end.gradients[rows],
        precision=FOLLOWED,
        most=end.thetas.shape[1] // 2,
    )
    far = np.abs(steps).max(axis=1) > VALLEY
    unclear = np.flatnonzero(far | ~solved)
    if len(unclear):
        rest = rows[unclear]
        curved, convex = model.inverses(owners[rest], coefficients[rest], end.thetas[rest])
        steps[unclear] = -(curved @ end.gradients[rest][:, :, None])[:, :, 0]
        far[unclear] = (np.abs(steps[unclear]).max(axis=1) > VALLEY) | ~convex
        far[unclear] &= _matters(model, origins[rest], end.thetas[rest], steps[unclear])
        end.memory.set(rest[far[unclear]], curved[far[unclear]])
    short = ~far & (np.abs(steps).max(axis=1) <= VALLEY)
    if short.any():
        end.move(function, rows[short], steps[short])
    return rows[far]


def _matters(model: Model, origins: Real, thetas: Real, steps: Real) -> NDArray[np.bool_]:
    """Return whether steps change the expectations by more than the tolerance, as a share of their change by the nudge.

    Along redundant directions, in which the state stands still, a step may be of any length.
    """
    short = step_along(steps, STEP)[:, None]
    before, here, ahead = np.split(model.evaluator.expectations(np.concatenate([origins, thetas, thetas + short * steps])), 3)
    change = np.linalg.norm((ahead - here) / short, axis=1)
    return np.asarray(change > model.precision.tolerance * np.linalg.norm(here - before, axis=1))
