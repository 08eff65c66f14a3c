"""Networks with a quadratic Hamiltonian in positions and momenta, solved in closed form at any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from qep_qiskit.errors import InputError
from qep_qiskit.networks.network import Network, Vector
from qep_qiskit.networks.polynomial import Polynomial, constant, polynomial_from
from qep_qiskit.networks.quadratic.monomials import MonomialFrame, monomial_frame


@dataclass(frozen=True, eq=False, repr=False)
class QuadraticNetwork(Network):
    """A network in positions r_i and momenta p_i, with polynomials of second degree as operators and Gaussian states.

    Attributes
    ----------
    sites : int
        The number of positions. `num_qubits` is 0.
    quantum : bool
        Whether the system is quantum. If False it is the classical limit ħ → 0, with the point of lowest energy as its state.
    """

    sites: int = 0
    quantum: bool = True

    @property
    def closed_form(self) -> bool:
        """True: ground states are computed in closed form."""
        return True

    def frame_with(self, observables: Sequence[Polynomial]) -> MonomialFrame:
        """Return the frame of F, the B_i, the A_k, the outputs and these observables over one list of monomials."""
        key = tuple(tuple(op.terms.items()) for op in observables)
        if key not in self.frames:
            self.frames[key] = monomial_frame(self.sites, [*self._rows(Polynomial()), *observables], quantum=self.quantum)
        return self.frames[key]

    def squared_error(self, target: Vector) -> Polynomial:
        """Return the polynomial Σ_m (O_m − y_m)²."""
        total = Polynomial()
        for output, y in zip(self.outputs, target, strict=True):
            total = total + (output + constant(-float(y))).squared()
        return total

    def in_positions(self, operator: Polynomial, where: str) -> Polynomial:
        """Return the polynomial, after checking that it acts on the network's sites."""
        polynomial = polynomial_from(operator, self.sites, where)
        if not self.quantum and any(monomial.label.startswith("p") for monomial in polynomial.terms):
            raise InputError(f"{where}: a classical network rests at p = 0; leave p[…]^2 out")
        return polynomial

    def hamiltonian(self, weights: ArrayLike | Mapping[str, float], x: ArrayLike | None = None) -> Polynomial:
        """Return H(w, x) as a polynomial in positions and momenta."""
        values, inputs = self.weight_vector(weights), self.input_vector(x)
        there = self.at(values, inputs)
        total = there.fixed
        for w, c, term in zip(values, there.factors(inputs), there.terms, strict=True):
            total = total + float(w * c) * term.operator
        for v, op in zip(inputs, there.inputs, strict=True):
            total = total if op is None else total + float(v) * op
        return total
