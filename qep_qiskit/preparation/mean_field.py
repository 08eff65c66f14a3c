"""Mean-field states: the product states of lowest energy. They correspond to networks of classical spins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.errors import DegenerateGroundStateError, PreparationError
from qep_qiskit.kinds import PREPARERS, Key
from qep_qiskit.preparation.capabilities import Capabilities
from qep_qiskit.preparation.family import Family, inward_neighbour, outwards
from qep_qiskit.preparation.preparer import Phase, Prepared, Preparer
from qep_qiskit.preparation.product import product_prepared, spins_of
from qep_qiskit.preparation.response import Nudged, Response, Responsive, nothing
from qep_qiskit.preparation.uniqueness import ordinary_size
from qep_qiskit.progress import Progress, silent
from qep_qiskit.seeds import stream
from qep_qiskit.simulation.closed_form.product_states import ProductEnergy, ProductStrings, across, along, tangents
from qep_qiskit.values import Brief

Vector = NDArray[np.float64]

FLAT = 1e-7
"""A direction counts as flat if its curvature is below this share of the median coefficient."""
ROUNDING = 1e-13
"""The accuracy of curvatures, as a share of the largest coefficient."""
SAME = 1e-9
"""Two minima count as equally low if their energies differ by less than this share of Σ|c|."""


@PREPARERS.register("mean_field")
@dataclass(frozen=True, repr=False)
class MeanField(Brief, Preparer):
    """Product states that minimise ⟨H + βC⟩: every spin is a classical unit vector in the field of the others.

    Any Pauli network thus becomes a classical network of continuous spins, and EP on it is classical EP. With couplings
    XX + ZZ the spins are phase oscillators of energy −Σ J cos(φ_i − φ_j); see :func:`qep_qiskit.phase_oscillators`.

    Parameters
    ----------
    starts : int
        The number of random starts of the free phase; the lowest minimum is kept. Nudged phases start from it.
    tolerance : float
        The allowed residual ``|∂⟨H + βC⟩|`` with respect to the spins' angles, in units of the largest coefficient.
    max_iterations : int
        The largest number of Newton steps per phase.

    Raises
    ------
    DegenerateGroundStateError
        If rotating a spin without a field, or all spins together, costs no energy, so that the response to a nudge is not
        defined.

    Notes
    -----
    The energy is linear in every spin, so at a minimum every spin points against its field. The spins are turned one after
    another until they settle; damped Newton steps then converge. EP needs only stationarity: at any strict local minimum, the
    same in all phases, it gives the derivative of that minimum's loss (Scellier & Bengio 2017, arXiv:1602.05179, theorem 1).
    The `curvature` of a phase, the smallest eigenvalue of the Hessian in the spins' angles, corresponds to the gap.

    The circuit is one layer of RY rotations, followed by RZ if the Hamiltonian has Y.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.pauli(terms={"g": {"X": -1}}, fixed={"Z": -1}, outputs=[{"Z": 1}])
    >>> problem = qep.Problem(network, [1.0], cost=qep.SquaredError([0.0]))
    >>> print(round(float(qep.gradient(problem, preparer=qep.MeanField(), stencil=qep.symmetric(0.01)).predictions[0]), 6))
    0.707107
    """

    starts: Annotated[int, Key("the number of starts", least=1, most=10_000)] = 16
    tolerance: Annotated[float, Key(above=0)] = 1e-10
    max_iterations: Annotated[int, Key("the number of Newton steps", least=1, most=1_000_000)] = 100
    supports: ClassVar[Capabilities] = Capabilities(quick=True, variational="mean field")

    def prepare(
        self,
        family: Family,
        *,
        free: Prepared | None = None,
        warm_start: Prepared | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Prepared:
        """Return the product states for ``family.betas``: the lowest minimum of the free phase, then its continuation in β."""
        betas, paulis = family.betas, family.frame.paulis
        energies = [ProductEnergy.of(paulis, row) for row in family.coefficients]
        free_spins, warnings = spins_of(free), []
        spins_by_phase: dict[int, Vector] = {}
        for done, p in enumerate(outwards(betas)):
            progress("mean field", done / len(betas))
            start = inward_neighbour(spins_by_phase, betas, p, free_spins)
            if start is None:
                start, warning = self._lowest(family, p, energies[p], spins_of(warm_start), seed)
                warnings += warning
            spins_by_phase[p] = self._arrive(energies[p], start, seed)
        progress("mean field", 1.0)
        bloch = np.array([spins_by_phase[p] for p in range(len(betas))])
        real = not np.any(paulis.x[family.support] & paulis.z[family.support])
        if real:
            bloch[:, :, 1] = 0.0  # Y is zero up to rounding: no string turns a spin out of the XZ plane
        reports = tuple(_report(energies[p], bloch[p], betas[p]) for p in range(len(betas)))
        warnings += self._warnings(reports, energies)
        prepared = product_prepared(bloch, phases=reports, real=real, details={**self.describe(), "warnings": warnings})
        return prepared if 0.0 not in betas else replace(prepared, response=_response(family, bloch[betas.index(0.0)]))

    def describe(self) -> dict[str, object]:
        """Return the method and its options."""
        return {"method": "mean_field", "starts": self.starts, "tolerance": self.tolerance}

    def _lowest(
        self, family: Family, phase: int, energy: ProductEnergy, near: Vector | None, seed: int
    ) -> tuple[Vector, list[str]]:
        """Return the lowest minimum from random starts, or the minimum reached from a nearby one, and any warnings."""
        if near is not None and near.shape == (family.num_qubits, 3):
            return energy.sweep(near[None])[0], []
        low = energy.low_states(stream(seed, "mean field start"), self.starts)
        minima = np.array([self._polished(energy, spins) for spins in low[: max(4, self.starts // 2)]])
        energies = energy.energy(minima)
        best = int(np.argmin(energies))
        equal = energies - energies[best] <= SAME * max(float(np.abs(energy.coefficients).sum()), 1e-300)
        strings = (family.nudge != 0) & family.frame.busy
        if family.strings is not None:
            strings[list(family.strings)] = True
        read = ProductStrings(family.frame.paulis[np.flatnonzero(strings)]).values(minima[equal])
        if read.size and np.ptp(read, axis=0).max() > 1e-6:
            text = (
                "the mean-field energy has several equally low minima that predict differently (the seed chooses); "
                "break the symmetry, for instance by a field, for one answer"
            )
            return minima[best], [text]
        return minima[best], []

    def _polished(self, energy: ProductEnergy, spins: Vector) -> Vector:
        aim = max(self.tolerance * 1e-3, 1e-14) * max(energy.scale, 1e-300)
        return energy.polish(spins, residual=aim, max_steps=self.max_iterations)

    def _arrive(self, energy: ProductEnergy, start: Vector, seed: int) -> Vector:
        """Return the minimum reached from a start. At a saddle the descent continues downhill."""
        spins = self._polished(energy, start)
        flat = max(FLAT * ordinary_size(energy.coefficients), ROUNDING * energy.scale)
        for attempt in range(8):
            axes = tangents(spins)
            curvature, modes = np.linalg.eigh(energy.curvature(spins, axes))
            if curvature[0] > flat:
                return spins
            if curvature[0] > -flat:
                if np.linalg.norm(energy.slope(spins, axes)) > 1e-6 * energy.scale:
                    raise PreparationError("the mean-field minimum did not converge; raise max_iterations")
                turned = np.linalg.norm(modes[:, 0].reshape(-1, 2), axis=1)
                where = ", ".join(str(q) for q in np.flatnonzero(turned > 0.5 * turned.max())[:6])
                raise DegenerateGroundStateError(
                    f"the mean-field energy is flat (curvature {curvature[0]:.1e}): turning the spins of qubits {where} costs "
                    "nothing, so the response to a nudge is not defined; give them a field or a coupling"
                )
            side = 1.0 if stream(seed, "mean field saddle", attempt).random() < 0.5 else -1.0
            kick = side * 0.3 * modes[:, 0] / np.abs(modes[:, 0]).max()
            moved = spins + across(kick, axes)
            moved /= np.linalg.norm(moved, axis=1, keepdims=True)
            spins = self._polished(energy, energy.sweep(moved[None])[0])
        raise PreparationError("no minimum of the mean-field energy was reached; raise starts")

    def _warnings(self, reports: tuple[Phase, ...], energies: list[ProductEnergy]) -> list[str]:
        return [
            f"the mean field at β = {report.beta:g} stopped at residual {report.residual:.1e} "
            f"(wanted {self.tolerance * energy.scale:.1e}); raise max_iterations"
            for report, energy in zip(reports, energies, strict=True)
            if (report.residual or 0.0) > self.tolerance * max(energy.scale, 1e-300)
        ]


def _response(family: Family, spins: Vector) -> Responsive:
    """Return the response function of a minimum. A nudge by C turns the spins by −(Hessian)⁻¹ times the slope of C."""

    def response(nudge: Vector, nudged: Nudged = nothing, *, exact: bool = False) -> Response:
        axes = tangents(spins)
        energy = ProductEnergy.of(family.frame.paulis, family.free)
        curvature, modes = np.linalg.eigh(energy.curvature(spins, axes))
        slope = along(ProductStrings(family.frame.paulis).fields(nudge, spins), axes)
        turn = across(-modes @ ((modes.T @ slope) / curvature), axes)
        return Response(
            2.0 * float(np.linalg.norm(turn)),
            lambda paulis: ProductStrings(paulis).moved(spins, turn),
            "the mean field, by implicit differentiation",
            details={"curvature_range": [float(curvature[0]), float(curvature[-1])]},
        )

    return response


def _report(energy: ProductEnergy, spins: Vector, beta: float) -> Phase:
    axes = tangents(spins)
    residual = float(np.linalg.norm(energy.slope(spins, axes)))
    lowest = float(np.linalg.eigvalsh(energy.curvature(spins, axes))[0])
    return Phase(beta, float(energy.energy(spins)), residual, curvature=lowest)
