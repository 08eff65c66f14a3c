"""Networks of oscillators on qubits. Each oscillator is kept in 2^q levels of a reference oscillator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.networks.network import Network, Term, Vector
from qep_qiskit.networks.polynomial import (
    CONSTANT,
    MOMENTUM,
    ONE,
    POSITION,
    PRODUCT,
    Monomial,
    Polynomial,
    constant,
    polynomial_from,
    position,
)
from qep_qiskit.networks.quadratic.levels import Reference, strings_of_monomial
from qep_qiskit.networks.quadratic.network import QuadraticNetwork
from qep_qiskit.simulation.closed_form.oscillator import leakage
from qep_qiskit.simulation.closed_form.quadratic import GaussianState, QuadraticForm, ground_state


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class EncodedNetwork(Network):
    """A network of oscillators compiled to qubits.

    Attributes
    ----------
    form : QuadraticNetwork
        The same network in closed form.
    levels : int
        The number of levels of each oscillator, a power of two.
    encoding : {"binary", "gray"}

    Notes
    -----
    The levels are those of the mean field: the product of oscillators nearest to the ground state at the weights and inputs, with
    Ω_i = √(K_ii/m_i) and d = K⁻¹ f. :meth:`at` chooses it once for each problem, and it is then fixed: the free and nudged phases
    and every ∂H/∂w use this one basis. Since the loss without truncation does not depend on the basis, the neglected term
    ∂L/∂basis · dbasis/dw is as small as the truncation error itself.
    """

    form: QuadraticNetwork
    levels: int
    encoding: str
    reference: Reference

    @property
    def whole_frame(self) -> bool:
        """True: ansätze contain all strings, even those with a zero coefficient at the mean field."""
        return True

    def at(self, weights: Vector, x: Vector) -> Network:
        """Return the network in the levels of the mean field at these weights and inputs.

        Raises
        ------
        UnstableError
            If the quadratic form of the weights is not positive definite.
        """
        return encoded(self.form, self.levels, self.encoding, mean_field(self.quadratic_form(weights, x)))

    def quadratic_form(self, weights: Vector, x: Vector) -> QuadraticForm:
        """Return the H(w, x) that the qubits represent, as a quadratic form."""
        frame = self.form.frame_with(())
        count = 1 + self.num_inputs
        parts = np.concatenate([[1.0], x, weights * self.form.factors(x)])
        return frame.strings.form(parts @ frame.matrix[: count + self.num_weights])

    def in_positions(self, operator: Polynomial, where: str) -> SparsePauliOp:
        """Return the projection of a polynomial in positions and momenta onto the levels."""
        return self._compiled(polynomial_from(operator, self.form.sites, where))

    def squared_error(self, target: Vector) -> SparsePauliOp:
        """Return the projection of Σ_m (r_m − y_m)² onto the levels."""
        return self._compiled(self.form.squared_error(target))

    def truncation(self, weights: Vector, x: Vector) -> tuple[GaussianState, dict[str, object]]:
        """Return the true ground state, and a description of the truncation for reports."""
        form = self.quadratic_form(weights, x)
        state = ground_state(form)
        spreads = np.diag(state.covariance) + (state.mean - self.reference.displacements) ** 2
        parts = zip(spreads, state.momenta, self.reference.lengths, strict=True)
        return state, {
            "levels": self.levels,
            "encoding": self.encoding,
            "leakage": [leakage(float(s), float(p), float(length), self.levels) for s, p, length in parts],
            "frequencies": self.reference.frequencies.tolist(),
            "displacements": self.reference.displacements.tolist(),
        }

    def _compiled(self, polynomial: Polynomial) -> SparsePauliOp:
        return _compile(polynomial, self.form.sites, self.levels, self.encoding, self.reference)


def mean_field(form: QuadraticForm) -> Reference:
    """Return the product of oscillators with the lowest energy: Ω_i = √(K_ii/m_i), d = K⁻¹ f."""
    displacements = form.mean()
    stiffness = form.stiffness.diagonal()
    return Reference(np.sqrt(stiffness * form.inverse_masses), displacements, 1.0 / form.inverse_masses)


def encoded(form: QuadraticNetwork, levels: int, encoding: str, reference: Reference) -> EncodedNetwork:
    """Compile a network in closed form to qubits, in the levels of a reference."""

    def compiled(polynomial: Polynomial) -> SparsePauliOp:
        return _compile(polynomial, form.sites, levels, encoding, reference)

    return EncodedNetwork(
        num_qubits=form.sites * (levels.bit_length() - 1),
        terms=tuple(Term(term.name, compiled(term.operator), term.input) for term in form.terms),
        fixed=compiled(form.fixed),
        inputs=tuple(None if op is None else compiled(op) for op in form.inputs),
        outputs=tuple(compiled(op) for op in form.outputs),
        output_names=form.output_names,
        scales=form.scales,
        description={**form.description, "levels": levels, "encoding": encoding},
        form=form,
        levels=levels,
        encoding=encoding,
        reference=reference,
    )


def _compile(polynomial: Polynomial, sites: int, levels: int, encoding: str, reference: Reference) -> SparsePauliOp:
    """Return a polynomial in the levels of a reference. Strings with coefficient zero are kept; all problems share them."""
    total: dict[str, float] = {}
    for monomial, value in _in_levels(polynomial, reference).terms.items():
        for label, coefficient in strings_of_monomial(monomial, sites, levels, encoding):
            total[label] = total.get(label, 0.0) + value * coefficient
    if not total:
        total["I" * (sites * (levels.bit_length() - 1))] = 0.0
    return SparsePauliOp(list(total), list(total.values()))


def _in_levels(polynomial: Polynomial, reference: Reference) -> Polynomial:
    """Return a polynomial in X̂ and P̂, where r = d + l X̂ and p = P̂/l."""
    total = Polynomial()
    d, length = reference.displacements, reference.lengths
    for monomial, value in polynomial.terms.items():
        i, j = monomial.i, monomial.j
        if monomial.kind == CONSTANT:
            part = constant(1.0)
        elif monomial.kind == POSITION:
            part = constant(d[i]) + position(i, length[i])
        elif monomial.kind == MOMENTUM:
            part = Polynomial({Monomial(MOMENTUM, i, i): float(length[i] ** -2)})
        else:
            part = Polynomial({ONE: float(d[i] * d[j]), Monomial(PRODUCT, i, j): float(length[i] * length[j])})
            part = part + position(i, d[j] * length[i]) + position(j, d[i] * length[j])
        total = total + value * part
    return total


def unit_reference(form: QuadraticNetwork) -> Reference:
    """Return the reference for unknown weights: all weights are in the middle of their ranges."""
    weights = np.array([sum(form.scales.get(name.split("[")[0], (0.0, 2.0))) / 2 for name in form.names])
    frame = form.frame_with(())
    rows = frame.matrix[[0, *range(1 + form.num_inputs, 1 + form.num_inputs + form.num_weights)]]
    return mean_field(replace(frame.strings.form(np.concatenate([[1.0], weights]) @ rows), force=np.zeros(form.sites)))
