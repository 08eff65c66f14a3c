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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.networks.frame import Frame
from qep_qiskit.preparation.descent import Aim, Descent, Function, Rows, descend
from qep_qiskit.preparation.evaluator import MOST_BATCHED_QUBITS, Evaluator, hessians, quick_hessians
from qep_qiskit.preparation.family import Family
from qep_qiskit.preparation.newton_steps import newton_steps
from qep_qiskit.preparation.quasi_newton import MOST_FULL, FullMemory, Memory, memory_for
from qep_qiskit.preparation.renewal import CAUTION, DEEP, FURTHER, inverses, renewed, shifted
from qep_qiskit.preparation.solution import Begin, Precision, Solution
from qep_qiskit.preparation.uniqueness import ordinary_size
from qep_qiskit.progress import Progress, silent

Real = NDArray[np.float64]
FREE, NUDGED = 0.03, 0.3
"""The share of the tolerance at which |r₀| / |∂⟨C⟩| and |∂E_β − r₀| / |β ∂⟨C⟩| stop. With these, the relative error of the
gradient is at most twice the tolerance in 95 % of random networks, at β from 0.02 to 0.3."""
EARLY = 1e-2
"""The |r₀| / |∂⟨C⟩| at which the first Hessian is computed, whatever the tolerance, so that every tolerance leads to the same
minimum."""
COARSE, MOST_COARSE = 0.1, 100
"""The |r₀| / |∂⟨C⟩| at which several starts are compared, or the number of evaluations."""
SMALL_SIGNAL = 1e-3
"""A weaker error signal counts as this strong, since the nudge of a network with correct predictions is too weak to follow."""
LARGE_SIGNAL = 4.0
"""A stronger error signal, such as that of a large target, counts as this strong: it does not make a free phase more precise."""
MOST_CURVED_ANGLES = MOST_FULL
"""The largest number of angles for which Hessians are computed; for more angles, the memory holds no matrix."""
KICK, FAR = 0.1, 0.3
"""The first step away from a saddle, and the smallest step after which a Hessian is computed again, in radians."""
SHARPER = 0.5
"""The factor by which the gradient at which a descent ends shrinks with each further descent."""
VALLEY, MOST_VALLEYS = 0.1, 4
"""A nudged phase with a longer Newton step than this, in radians, continues its descent, at most this many times."""
FOLLOWED = 0.1
"""The relative residual of the Newton step of a nudged phase."""
LEAST_CURVATURE = 0.5
"""The least curvature of a minimum with the regulariser, as a share of μ."""
SOFTEST = 0.01
"""The curvature that is added in all directions to exact Hessians of free phases, in the family's unit of energy. Far steps along
nearly flat directions soon leave the region in which such a curvature holds."""
MOST_SADDLES = 12
"""The number of saddles after which the search for a minimum is given up."""
FLATTEST = 1e-8
"""A smaller negative curvature, as a share of Σ|c|, belongs to a flat valley and not to a saddle: rounding hides the way down."""
OUTLIER = 10.0
"""A coefficient that exceeds the median by this factor does not raise the regulariser, which would outweigh the other terms."""
MOST_CHECKED_ANGLES = 150
"""Up to this number of angles, every nudged phase gets its own Hessian; beyond, only phases with a long next step do."""
ROUNDING = 1e-13
"""No descent has to reach a gradient below this share of Σ|c|."""


@dataclass(frozen=True)
class Free(Descent):
    """The free phases of several families, one row each.

    Attributes
    ----------
    sizes : ndarray of shape (F,)
        |∂⟨C⟩/∂θ| of the nudge that follows.
    """

    sizes: Real


def regulariser(share: float, frame: Frame, free: Real) -> float:
    """Return μ, a share of the largest coefficient of H in a frame, or of `OUTLIER` times their median if that is smaller."""
    used = free[frame.busy]
    return share * (min(float(np.abs(used).max(initial=0.0)), OUTLIER * ordinary_size(used)) or 1.0)


class Model:
    """The functions of the rows of several families over one circuit."""

    def __init__(self, evaluator: Evaluator, families: Sequence[Family], precision: Precision, centres: Sequence[Real]) -> None:
        self.evaluator, self.families, self.precision = evaluator, families, precision
        self.centres = np.array(centres)
        self.mu = np.array([regulariser(precision.regulariser, family.frame, family.free) for family in families])
        self.free = np.array([family.free for family in families])
        sizes = np.array([np.abs(family.free[family.frame.busy]).sum() for family in families])
        self.sizes = np.maximum(sizes, 1e-2)
        self.floor = ROUNDING * self.sizes
        many = DEEP <= evaluator.num_parameters <= MOST_CHECKED_ANGLES
        self.deep = many and families[0].num_qubits <= MOST_BATCHED_QUBITS
        """Whether Hessians are computed again and again."""
        self.further = FURTHER if self.deep else 1.0
        """Descents end at this share of the usual gradient."""

    def value(self, owners: Rows, coefficients: Real, thetas: Real) -> tuple[Real, Real]:
        """Return ⟨H + βC⟩ + ½μ|θ − θ_c|² and its gradient for rows of these families."""
        energies, gradients = self.evaluator.energies_and_gradients(thetas, coefficients)
        mu, away = self.mu[owners], thetas - self.centres[owners]
        return energies + 0.5 * mu * np.einsum("rp,rp->r", away, away), gradients + mu[:, None] * away

    def slopes(self, owners: Rows, thetas: Real, steps: Real | None = None) -> tuple[Real, Real]:
        """Return |∂⟨C⟩/∂θ| of the nudge that follows from free angles, and max_m |∂⟨O_m⟩/∂θ · step|, both of shape (R,).

        A strong nudge is scaled down to `LARGE_SIGNAL`.
        """
        rows = [self._observed(self.families[f]) for f in owners]
        counts = np.array([len(row) for row in rows])
        every, firsts = np.repeat(np.arange(len(rows)), counts), np.cumsum(counts) - counts
        values, gradients = self.evaluator.energies_and_gradients(thetas[every], np.concatenate(rows))
        signals = [
            np.ones(count) if (signal := self.families[f].signal) is None else signal(values[first : first + count])
            for f, first, count in zip(owners, firsts, counts, strict=True)
        ]
        pulls = np.add.reduceat(np.concatenate(signals)[:, None] * gradients, firsts)
        floors = SMALL_SIGNAL * np.sqrt(np.add.reduceat(np.einsum("kp,kp->k", gradients, gradients), firsts))
        busy = [self.families[f].frame.busy for f in owners]
        sizes = np.array([np.abs(row[:, used]).max(initial=0.0) for row, used in zip(rows, busy, strict=True)])
        sizes *= np.array([max(1.0, np.abs(signal).max(initial=0.0)) for signal in signals])
        moves = np.zeros(len(rows))
        if steps is not None:
            moves = np.maximum.reduceat(np.abs(np.einsum("kp,kp->k", gradients, steps[every])), firsts)
        return np.maximum(np.linalg.norm(pulls, axis=1), floors) / np.maximum(sizes / LARGE_SIGNAL, 1.0), moves

    def hessians(self, owners: Rows, coefficients: Real, thetas: Real, *, exact: bool = False) -> Real:
        """Return the Hessians (R, P, P) of rows of energies with ½μ|θ − θ_c|², quick ones or exact ones."""
        of_energies = (hessians if exact else quick_hessians)(self.evaluator, thetas, coefficients)
        return shifted(of_energies, self.mu[owners])

    def inverses(
        self, owners: Rows, coefficients: Real, thetas: Real, caution: Real | float = 0.0
    ) -> tuple[Real, NDArray[np.bool_]]:
        """Return the inverses of these Hessians with a curvature added for caution, and which rows are convex."""
        cautious = shifted(self.hessians(owners, coefficients, thetas), caution)
        return inverses(cautious, LEAST_CURVATURE * self.mu[owners] + caution)

    def descend(
        self, owners: Rows, coefficients: Real, function: Function, aim: Aim, starts: Real, memory: Memory, most: int | Rows
    ) -> Descent:
        """Minimise rows of energies with these coefficients, renewing the Hessians of many angles."""

        def curved(rows: Rows, thetas: Real, gradients: Real) -> Real:
            caution = CAUTION * np.linalg.norm(gradients, axis=1)
            return self.inverses(owners[rows], coefficients[rows], thetas, caution)[0]

        if not self.deep:
            return descend(function, starts, aim, most=most, memory=memory)
        return renewed(function, curved, starts, aim, most=most, memory=memory)

    @staticmethod
    def _observed(family: Family) -> Real:
        if family.observed is not None and len(family.observed):
            return family.observed
        return (family.nudge if np.any(family.nudge) else family.free)[None]


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
    free = _free_phases(model, begins)
    owners = np.array([f for f, family in enumerate(families) for beta in family.betas if beta != 0.0], dtype=np.intp)
    betas = np.array([beta for family in families for beta in family.betas if beta != 0.0])
    stage("VQE, nudged phases", None)
    nudged = _nudged_phases(model, free, owners, betas) if len(owners) else None
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


def _free_phases(model: Model, begins: Sequence[Begin]) -> Free:
    """Return the free phases, one row per family, and |∂⟨C⟩/∂θ| there."""
    count, most = len(begins), model.precision.most
    owners = np.repeat(np.arange(count), [len(begin.starts) for begin in begins])
    starts = np.concatenate([begin.starts for begin in begins])
    memory = memory_for(len(owners), starts.shape[1])
    if len(owners) > count:
        first = _descend_free(model, owners, starts, memory, COARSE, min(most, MOST_COARSE))
        best = np.array([_lowest(first, np.flatnonzero(owners == f)) for f in range(count)])
        starts, memory = first.thetas[best], first.memory.kept(best)
    zeros = np.zeros((2, count))
    free = Free(starts, zeros[0], np.zeros_like(starts), np.zeros(count, dtype=bool), np.zeros(count, np.int64), memory, zeros[1])
    sought, at_saddle = np.flatnonzero([not begin.free for begin in begins]), np.zeros(0, dtype=np.intp)
    given = np.flatnonzero([begin.free for begin in begins])
    if len(sought):
        curved = starts.shape[1] <= MOST_CURVED_ANGLES
        share = min(FREE * model.precision.tolerance, EARLY / 3) * model.further
        warm = np.array([f for f in sought.tolist() if curved and begins[f].warm], dtype=np.intp)
        cold = np.setdiff1d(sought, warm)
        if len(warm):
            before = starts[warm]  # a copy: the rows of `free` start as those of `starts`, and are written in place
            _shared_inverse(model, free, warm)
            free.take(warm, _descend_free(model, warm, before, memory.kept(warm), share, most))
            near = np.abs(free.thetas[warm] - before).max(axis=1, initial=0.0) <= FAR
            cold = np.union1d(cold, warm[~(near & free.done[warm])])
        unfinished = np.setdiff1d(cold, warm)
        if len(unfinished):
            early = max(EARLY, share) if curved else share
            free.take(unfinished, _descend_free(model, unfinished, starts[unfinished], memory.kept(unfinished), early, most))
        if curved:
            at_saddle = _settle(model, free, cold, share)
    if len(given):
        free.values[given], free.gradients[given] = model.value(given, model.free[given], starts[given])
        free.done[given] = True
        if isinstance(memory, FullMemory):
            for f in given:
                inverse = begins[int(f)].inverse
                if inverse is not None and inverse.shape == memory.inverse[f].shape:
                    memory.inverse[f], memory.known[f] = inverse, True
    free.sizes[:] = np.maximum(model.slopes(np.arange(count), free.thetas)[0], model.floor / FREE)
    free.done[:] |= np.linalg.norm(free.gradients, axis=1) <= FREE * model.precision.tolerance * free.sizes
    free.done[at_saddle] = False
    return free


def _shared_inverse(model: Model, free: Free, rows: Rows) -> None:
    """Give all rows that start close to a minimum the inverse Hessian of the first such row, as an initial memory."""
    first = rows[:1]
    assert isinstance(free.memory, FullMemory)
    free.memory.set(rows, model.inverses(first, model.free[first], free.thetas[first])[0])


def _settle(model: Model, free: Free, rows: Rows, share: float) -> Rows:
    """Continue from points of small gradient to minima, with exact Hessians, and return the rows that end at saddles.

    A small gradient alone does not tell a minimum from a saddle, at which the nudged phases would leave along the direction of
    negative curvature. From a saddle the search goes on along that direction.
    """
    rows, lost = rows[free.done[rows]], [rows[:0]]
    for attempt in range(MOST_SADDLES if len(rows) else 0):
        matrices = model.hessians(rows, model.free[rows], free.thetas[rows], exact=True)
        assert isinstance(free.memory, FullMemory)
        inverse, convex = inverses(matrices, LEAST_CURVATURE * model.mu[rows])
        softened = ~convex & (attempt == 0)
        if softened.any():
            least = LEAST_CURVATURE * model.mu[rows[softened]] + SOFTEST
            inverse[softened] = inverses(shifted(matrices[softened], SOFTEST), least)[0]
        free.memory.set(rows, inverse)
        saddle, before, begin = ~convex, free.thetas[rows], free.thetas[rows]
        for k in np.flatnonzero(~convex).tolist():
            values, axes = np.linalg.eigh(matrices[k])
            saddle[k] = values[0] < -FLATTEST * model.sizes[rows[k]]
            if saddle[k]:
                begin[k] -= KICK * np.sign(axes[:, 0] @ free.gradients[rows[k]] + 1e-300) * axes[:, 0]
        left = np.maximum(model.precision.most - free.evaluations[rows], 1)
        free.take(rows, _descend_free(model, rows, begin, free.memory.kept(rows), share * SHARPER**attempt, left))
        moved = np.abs(free.thetas[rows] - before).max(axis=1, initial=0.0)
        spent = free.evaluations[rows] >= model.precision.most
        lost.append(rows[saddle & (spent | (attempt == MOST_SADDLES - 1))])
        rows = rows[(saddle | softened | (moved > FAR)) & ~spent]
        if not len(rows):
            break
    return np.concatenate(lost)


def _descend_free(model: Model, owners: Rows, starts: Real, memory: Memory, share: float, most: int | Rows) -> Descent:
    coefficients, floors = model.free[owners], model.floor[owners]

    def function(rows: Rows, thetas: Real) -> tuple[Real, Real]:
        return model.value(owners[rows], coefficients[rows], thetas)

    def aim(rows: Rows, thetas: Real, gradients: Real, steps: Real) -> Real:
        sizes, errors = model.slopes(owners[rows], thetas, steps)
        aims = share * sizes
        if share < COARSE:
            left = np.linalg.norm(gradients, axis=1) * model.precision.predictions
            aims = np.where(errors > 0.0, np.minimum(aims, left / np.maximum(errors, 1e-300)), aims)
        return np.maximum(aims, floors[rows])

    return model.descend(owners, coefficients, function, aim, starts, memory, most)


def _nudged_phases(model: Model, free: Free, owners: Rows, betas: Real) -> tuple[Descent, Real]:
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

    far, starts, memory = np.arange(len(owners)), origins, free.memory.kept(owners)
    if model.deep:
        starts = _predicted(model, free, owners, betas[:, None] * gradients)
        lower = function(far, starts)[0] < free.values[owners] + betas * energies
        starts = np.where(lower[:, None], starts, origins)
        assert isinstance(memory, FullMemory)
        memory.set(far, model.inverses(owners, coefficients, starts)[0])
    elif isinstance(memory, FullMemory):
        memory.soften(SOFTEST)
    end = onwards(far, starts, memory)
    for _ in range(MOST_VALLEYS if origins.shape[1] <= MOST_CURVED_ANGLES else 0):
        far = _far(model, owners, coefficients, end, far[end.done[far]], function)
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


def _far(model: Model, owners: Rows, coefficients: Real, end: Descent, rows: Rows, function: Function) -> Rows:
    """Return the rows that seem done but lie on a nearly flat slope, and give them their exact Hessians.

    On such a slope the Newton step is long, or the energy alone has a negative curvature. The other rows take the Newton step.
    """
    if len(rows) and end.thetas.shape[1] > MOST_CHECKED_ANGLES:
        steps = np.abs(end.memory.product(end.gradients)[rows]).max(axis=1, initial=0.0)
        rows = rows[steps > VALLEY]
    if not len(rows):
        return rows
    assert isinstance(end.memory, FullMemory)
    steps, found = newton_steps(
        model.evaluator,
        end.thetas[rows],
        coefficients[rows],
        model.mu[owners[rows]],
        end.memory.inverse[rows],
        end.gradients[rows],
        precision=FOLLOWED,
        most=end.thetas.shape[1] // 4,
    )
    far = np.abs(steps).max(axis=1) > VALLEY
    unclear = np.flatnonzero(far | ~found)
    if len(unclear):
        rest = rows[unclear]
        curved, convex = model.inverses(owners[rest], coefficients[rest], end.thetas[rest])
        steps[unclear] = -(curved @ end.gradients[rest][:, :, None])[:, :, 0]
        far[unclear] = (np.abs(steps[unclear]).max(axis=1) > VALLEY) | ~convex
        end.memory.set(rest[far[unclear]], curved[far[unclear]])
    near = rows[~far]
    if len(near):
        thetas = end.thetas[near] + steps[~far]
        energies, gradients = function(near, thetas)
        better = np.linalg.norm(gradients, axis=1) < np.linalg.norm(end.gradients[near], axis=1)
        taken = near[better]
        end.thetas[taken], end.values[taken], end.gradients[taken] = thetas[better], energies[better], gradients[better]
        end.evaluations[near] += 1
    return rows[far]


def _lowest(end: Descent, rows: Rows) -> int:
    """Return the row whose descent seems to lead to the lowest energy."""
    steps = end.memory.product(end.gradients)[rows]
    return int(rows[np.argmin(end.values[rows] - 0.5 * np.einsum("rp,rp->r", steps, end.gradients[rows]))])
