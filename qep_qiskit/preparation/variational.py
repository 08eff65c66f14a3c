"""Stationary angles of a variational ansatz for all phases of many families, as precise as equilibrium propagation needs.

The energy that is made stationary is ⟨H + βC⟩ + ½μ|θ − θ_c|². The regulariser μ is small; it chooses one point of a valley that
is flat, where the angles would otherwise wander without an effect on the state. Its centre θ_c is the annealing schedule of H,
where the search begins, so that it has a short way to go; or 0, if the ansatz has no such schedule. The regulariser belongs to
the model: EP gives the gradient of that model's loss at a fixed θ_c. A θ_c that follows the weights would change the gradient by
about 1e-4.

The free phase ends at angles θ₀ with a small gradient r₀ left. The nudged phases solve ∂E_β(θ) = r₀, that is, they minimise the
tilted energy E_β − r₀·(θ − θ₀). Then θ₀ is exactly stationary for the tilted energy, the EP identity holds for it, and the error
of the gradient is O(r₀), without a division by β.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.preparation.evaluator import Evaluator
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.free_phases import free_phases
from qep_qiskit.preparation.model import FREE, NUDGED, Model
from qep_qiskit.preparation.nudged_phases import nudged_phases
from qep_qiskit.preparation.quasi_newton import FullMemory
from qep_qiskit.preparation.solution import Begin, Precision, Solution
from qep_qiskit.progress import Progress, silent

Real = NDArray[np.float64]


def solve(
    evaluator: Evaluator, families: Sequence[Family], begins: Sequence[Begin], precision: Precision, stage: Progress = silent
) -> list[Solution]:
    """Return the stationary angles of all phases of families over one circuit and one list of strings.

    Each family descends in its own unit of energy, so that the unit of the problem does not matter.
    """
    units = [family.unit for family in families]
    scaled = [family.in_unit(unit) for family, unit in zip(families, units, strict=True)]
    starts = [begin.in_unit(unit) for begin, unit in zip(begins, units, strict=True)]
    solutions = _solutions(Model(evaluator, scaled, precision, [begin.centre for begin in begins]), starts, stage)
    return [solution.times(unit) for solution, unit in zip(solutions, units, strict=True)]


def _solutions(model: Model, begins: Sequence[Begin], stage: Progress) -> list[Solution]:
    families = model.families
    stage("VQE, free phase", None)
    free = free_phases(model, begins)
    owners = np.array([f for f, family in enumerate(families) for beta in family.betas if beta != 0.0], dtype=np.intp)
    betas = np.array([beta for family in families for beta in family.betas if beta != 0.0])
    stage("VQE, nudged phases", None)
    nudged = nudged_phases(model, free, owners, betas) if len(owners) else None
    solutions, row = [], 0
    for f, family in enumerate(families):
        listed = []
        for beta in family.betas:
            if beta == 0.0:
                error = np.linalg.norm(free.gradients[f]) / (FREE * free.sizes[f])
                listed.append((free.thetas[f], np.linalg.norm(free.gradients[f]), error, free.done[f], free.evaluations[f]))
            else:
                assert nudged is not None
                end, slopes = nudged
                left = np.linalg.norm(end.gradients[row])
                listed.append(
                    (end.thetas[row], left, left / (NUDGED * abs(beta) * slopes[row]), end.done[row], end.evaluations[row])
                )
                row += 1
        inverse = free.memory.inverse[f] if isinstance(free.memory, FullMemory) and free.memory.known[f] else None
        angles, residuals, errors, done, evaluations = (np.array(part) for part in zip(*listed, strict=True))
        solutions.append(Solution(angles, residuals, errors, done, evaluations, inverse))
    return solutions


def allowed_residuals(model: Model, f: int, free: Real) -> Real:
    """Return the residual of each phase of a family that makes the relative error of the gradient 1, shape (phases,)."""
    family = model.families[f]
    owners = np.array([f])
    at_free = FREE * model.slopes(owners, free[None])[0][0]
    _, gradients = model.evaluator.energies_and_gradients(free[None], family.nudge[None])
    at_nudge = NUDGED * float(np.linalg.norm(gradients))
    allowed = np.array([at_free if beta == 0.0 else abs(beta) * at_nudge for beta in family.betas])
    return np.maximum(allowed, model.floor[f])
