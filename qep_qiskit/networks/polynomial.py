"""Polynomials of second degree in the positions and momenta of oscillators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from qep_qiskit.checks import real
from qep_qiskit.errors import InputError

CONSTANT, POSITION, PRODUCT, MOMENTUM = range(4)
"""Kinds of monomials: 1, r_i, r_i r_j, p_i²."""
_LABEL = re.compile(r"(r)\[(\d+)\](?:(\^2)| r\[(\d+)\])?|(p)\[(\d+)\]\^2")
EXAMPLE = "{'r[0]': -1.0, 'r[0] r[1]': 0.5, 'r[1]^2': 1.0, 'p[0]^2': 0.5}"


class Monomial(NamedTuple):
    """A monomial 1, r_i, r_i r_j (i ≤ j) or p_i²."""

    kind: int
    i: int = 0
    j: int = 0

    @property
    def label(self) -> str:
        """The label of the monomial: ``"1"``, ``"r[0]"``, ``"r[0]^2"``, ``"r[0] r[1]"`` or ``"p[0]^2"``."""
        if self.kind == CONSTANT:
            return "1"
        if self.kind == MOMENTUM:
            return f"p[{self.i}]^2"
        if self.kind == POSITION:
            return f"r[{self.i}]"
        return f"r[{self.i}]^2" if self.i == self.j else f"r[{self.i}] r[{self.j}]"


ONE = Monomial(CONSTANT)


@dataclass(frozen=True, repr=False)
class Polynomial:
    """A polynomial Σ c_l · monomial_l in the positions r_i and momenta p_i of oscillators; the counterpart of a Pauli sum.

    Examples
    --------
    >>> (position(0) + -1.0 * position(1)).squared().labels()
    {'r[0]^2': 1.0, 'r[0] r[1]': -2.0, 'r[1]^2': 1.0}
    """

    terms: Mapping[Monomial, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        pairs = [f"{label!r}: {value:.6g}" for label, value in list(self.labels().items())[:8]]
        rest = f", … {len(self.terms) - 8} more" if len(self.terms) > 8 else ""
        return f"Polynomial({{{', '.join(pairs)}{rest}}})"

    def __add__(self, other: Polynomial) -> Polynomial:
        total = dict(self.terms)
        for monomial, value in other.terms.items():
            total[monomial] = total.get(monomial, 0.0) + value
        return Polynomial(total)

    def __mul__(self, factor: float) -> Polynomial:
        return Polynomial({monomial: float(factor) * value for monomial, value in self.terms.items()})

    __rmul__ = __mul__

    def squared(self) -> Polynomial:
        """Return the square of a polynomial of first degree."""
        total: dict[Monomial, float] = {}
        for a, x in self.terms.items():
            for b, y in self.terms.items():
                key = _product(a, b)
                total[key] = total.get(key, 0.0) + x * y
        return Polynomial(total)

    def labels(self) -> dict[str, float]:
        """Return {label: coefficient}."""
        return {monomial.label: value for monomial, value in self.terms.items()}


def _product(a: Monomial, b: Monomial) -> Monomial:
    if a.kind == CONSTANT:
        return b
    if b.kind == CONSTANT:
        return a
    if a.kind != POSITION or b.kind != POSITION:
        raise InputError(
            f"({a.label})({b.label}): the square is of more than second degree, and no network in closed form holds it"
        )
    return Monomial(PRODUCT, min(a.i, b.i), max(a.i, b.i))


def constant(value: float) -> Polynomial:
    """Return a constant polynomial."""
    return Polynomial({ONE: float(value)})


def position(site: int, factor: float = 1.0) -> Polynomial:
    """Return the polynomial factor · r_site."""
    return Polynomial({Monomial(POSITION, site): float(factor)})


def written_in_positions(labels: object) -> bool:
    """Return whether an operator is written in positions and momenta rather than in Pauli labels."""
    if isinstance(labels, Polynomial):
        return True
    return isinstance(labels, Mapping) and any(isinstance(key, str) and ("[" in key or key == "1") for key in labels)


def polynomial_from(labels: Polynomial | Mapping[str, float], sites: int | None, where: str) -> Polynomial:
    """Return the polynomial given by a mapping {label: coefficient}; `where` names it in errors."""
    if isinstance(labels, Polynomial):
        total = labels
    else:
        total = Polynomial()
        for label, value in labels.items():
            number = real(f"{where}: coefficient of {label}", value)
            total = total + Polynomial({_parsed(str(label), where): number})
    for monomial in total.terms:
        for site in (monomial.i, monomial.j):
            if sites is not None and not 0 <= site < sites:
                raise InputError(f"{where}: site {site} of {monomial.label} is out of range; sites are 0 to {sites - 1}")
    return total


def _parsed(label: str, where: str) -> Monomial:
    if label == "1":
        return ONE
    match = _LABEL.fullmatch(label)
    if match is None:
        raise InputError(f"{where}: label {label!r} is not allowed; give positions and momenta such as {EXAMPLE}")
    if match[5]:
        return Monomial(MOMENTUM, int(match[6]), int(match[6]))
    i = int(match[2])
    if match[3]:
        return Monomial(PRODUCT, i, i)
    if match[4]:
        return Monomial(PRODUCT, min(i, int(match[4])), max(i, int(match[4])))
    return Monomial(POSITION, i)
