"""Matrix-free measurement mitigation (P. Nation et al., PRX Quantum 2, 040326) by mthree, with this package's error bars.

The confusion matrix Ã contains the products of the qubits' rates between the observed outcomes, with normalised columns. The
corrected quasi-probabilities are x = Ã⁻¹ p. A string with parities v has the mean vᵀ x = yᵀ p with y = Ã⁻ᵀ v. Every shot
therefore has a value y_u, and the variance is a sample variance. mthree's own standard deviation is only an upper bound.

The calibration's share of the error uses ∂x/∂(a, b) of the whole space. If all outcomes are observed, this is exact, and the
method equals the tensored inverse. If few outcomes are observed, the method is biased, unlike the tensored inverse. Every
result is therefore compared with the tensored inverse, with a warning if the two differ by more than the error bars
(`equilibrium/readout_bias.py`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse.linalg import LinearOperator, gmres

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import MITIGATIONS
from qep_qiskit.measurement.mitigation.readout.rates import RatesMitigator, rates_of
from qep_qiskit.measurement.mitigation.readout.tensored import Tensored
from qep_qiskit.measurement.mitigator import CalibrationSamples, ReadoutMethod, parities, signs_of
from qep_qiskit.samples import Samples

Matrix = NDArray[np.float64]
MOST_DENSE = 2048
"""Up to this many outcomes, Ã is a dense matrix (34 MB); beyond, systems are solved by GMRES with mthree's products."""
TOLERANCE = 1e-6


@dataclass(frozen=True)
class M3(RatesMitigator):
    """A mitigator that inverts independent flips with known rates, restricted to the observed outcomes."""

    @property
    def unbiased(self) -> Tensored:
        """The tensored inverse of the same flips, which is unbiased however few outcomes are observed."""
        return Tensored(self.rates)

    def correct(self, samples: Samples, supports: NDArray[np.bool_], qubits: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Return y = Ã⁻ᵀ v for every string, and ∂(mean)/∂(a, b)."""
        columns = self.rates.columns(qubits)
        signs = signs_of(samples)
        solve, adjoint = self._solvers(samples, columns)
        per_outcome = adjoint(parities(signs, supports))
        quasi = solve(samples.weights[:, None])[:, 0]
        sensitivity = np.zeros((len(supports), self.num_parameters))
        for s, row in enumerate(supports):
            mean = float(samples.weights @ per_outcome[:, s])
            support = np.flatnonzero(row)
            for q in support:
                others = signs[:, support[support != q]].prod(axis=1)
                self.rates.add_sensitivity(sensitivity[s], columns[q], float(quasi @ others), mean)
        return per_outcome, sensitivity

    def _solvers(
        self, samples: Samples, columns: NDArray[np.int64]
    ) -> tuple[Callable[[Matrix], Matrix], Callable[[Matrix], Matrix]]:
        """Return the functions B ↦ Ã⁻¹ B and B ↦ Ã⁻ᵀ B, for the outcomes in the order of `samples`."""
        from mthree import M3Mitigation

        labels = _labels(samples.outcomes)
        order = np.argsort(labels)  # mthree sorts the outcomes by their labels
        counts = {str(labels[i]): float(samples.weights[i]) for i in order}
        a, b = self.rates.flip_up[columns], self.rates.flip_down[columns]
        engine = M3Mitigation(None)
        engine.cals_from_matrices([np.array([[1 - p, q], [p, 1 - q]]) for p, q in zip(a, b, strict=True)])
        places = list(range(len(columns)))
        if len(counts) > MOST_DENSE:
            return _iterative(engine._form_cals(places), counts, order)
        matrix, _ = engine.reduced_cal_matrix(counts, places)
        factors = lu_factor(np.asarray(matrix, dtype=np.float64))

        def solver(transposed: int) -> Callable[[Matrix], Matrix]:
            def solve(right: Matrix) -> Matrix:
                solution = np.empty_like(right)
                solution[order] = lu_solve(factors, right[order], trans=transposed)
                return solution

            return solve

        return solver(0), solver(1)


def _labels(outcomes: NDArray[np.bool_]) -> NDArray[np.str_]:
    """Return outcomes as Qiskit's bit strings, with qubit 0 rightmost."""
    letters = np.where(outcomes[:, ::-1], "1", "0")
    return np.array(["".join(row) for row in letters])


def _iterative(
    cals: NDArray[np.float32], counts: dict[str, float], order: NDArray[np.int64]
) -> tuple[Callable[[Matrix], Matrix], Callable[[Matrix], Matrix]]:
    from mthree.matvec import M3MatVec

    product = M3MatVec(counts, cals, -1)
    diagonal = np.asarray(product.get_diagonal(), dtype=np.float64)
    shape = (len(order), len(order))

    def solver(apply: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Callable[[Matrix], Matrix]:
        operator = LinearOperator(shape, matvec=lambda x: apply(np.ascontiguousarray(x, np.float32).ravel()), dtype=np.float64)
        preconditioner = LinearOperator(shape, matvec=lambda x: x.ravel() / diagonal, dtype=np.float64)

        def solve(right: Matrix) -> Matrix:
            solution = np.empty_like(right)
            for column, target in enumerate(right[order].T):
                solution[order, column], failed = gmres(operator, target, rtol=TOLERANCE, atol=0.0, maxiter=50, M=preconditioner)
                if failed:
                    raise InputError(
                        "mitigation: 'm3' does not converge on these counts: readout errors are too large; take 'tensored'"
                    )
            return solution

        return solve

    return solver(product.matvec), solver(product.rmatvec)


def require_mthree() -> None:
    """Raise InputError with the remedy if mthree is not installed."""
    if importlib.util.find_spec("mthree") is None:
        raise InputError("mitigation: 'm3' needs the package mthree; pip install 'qep-qiskit[m3]', or take 'tensored'")


def combine(calibrations: Sequence[CalibrationSamples]) -> M3:
    """Return the mitigator with the rates measured by the calibration circuits."""
    require_mthree()
    return M3(rates_of(calibrations))


MITIGATIONS.register("m3")(
    ReadoutMethod(combine, require=require_mthree, about="inverts the readout errors among the observed outcomes, by mthree")
)
