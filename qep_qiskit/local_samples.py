"""Outcome distributions of circuits of any size, as the joint distributions of a few qubits at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qep_qiskit.samples import Samples, from_probabilities

Support: TypeAlias = tuple[int, ...]
Real: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Marginals:
    """The marginal distributions of the rows of one circuit in one basis, each computed once.

    Attributes
    ----------
    compute : callable
        A function from supports to one array per support, of shape (R, 2**k): the probabilities of the outcomes of R rows. The
        first qubit of a support is the least significant bit.
    fits : callable
        A function that returns whether the marginal of a support can be computed.
    apart : callable
        A function that returns whether the outcomes of two supports are independent.
    simulator : str
        The name of the simulator.
    approximation : Approximation or None
        The approximation of the marginals; None if they are exact.
    """

    compute: Callable[[Sequence[Support]], list[Real]]
    fits: Callable[[Support], bool]
    apart: Callable[[Support, Support], bool]
    simulator: str
    approximation: Approximation | None = None
    _known: dict[Support, Real] = field(default_factory=dict)

    def of(self, supports: Iterable[Support]) -> list[Real]:
        """Return the probabilities of each support's outcomes. All marginals that are not known yet are computed together."""
        wanted = list(supports)
        missing = list(dict.fromkeys(support for support in wanted if support not in self._known))
        if missing:
            self._known.update(zip(missing, self.compute(missing), strict=True))
        return [self._known[support] for support in wanted]


@dataclass(frozen=True, eq=False)
class Approximation:
    """An approximation in which some light cones are cut to balls, the wires within a radius of those that are read.

    Attributes
    ----------
    coarse : Marginals
        The same from balls with a radius smaller by one. The difference estimates the error; it is not a bound.
    cut, of : int
        The number of light cones that are cut, and of all.
    radius : int
        The smallest radius of a ball.
    """

    coarse: Marginals
    cut: int
    of: int
    radius: int


@dataclass(frozen=True, eq=False, kw_only=True)
class LocalSamples(Samples):
    """A distribution that is too large to list, given by the joint distribution of any few qubits.

    Attributes
    ----------
    num_qubits : int
    marginals : Marginals
    rows : ndarray of int, shape (F,)
        The rows of `marginals` that are measured with the same shots.
    flips : ndarray of bool, shape (F, num_qubits), or None
        The random flips before the measurement of each row, which are undone. Each row has an equal part of the shots. Rows with
        equal flips on a support have the same distribution there. Without flips there is one row.
    supports : tuple of tuple of int
        The sets of qubits that will be read, from `Work.supports`.
    """

    outcomes: NDArray[np.bool_] = field(init=False, repr=False)
    weights: Real = field(init=False, repr=False)
    strata: NDArray[np.int64] | None = field(default=None, init=False)
    num_qubits: int
    marginals: Marginals
    rows: NDArray[np.intp]
    flips: NDArray[np.bool_] | None = None
    supports: tuple[Support, ...] = ()

    def __getattr__(self, name: str) -> object:
        """Raise an error, since the attributes that list all outcomes do not exist."""
        if name in ("outcomes", "weights"):
            raise TypeError(
                f"the outcomes of {self.num_qubits} qubits are too many to list; ask for the marginal of a few qubits"
            )
        raise AttributeError(name)

    @property
    def simulator(self) -> str:
        """The name of the simulator."""
        return self.marginals.simulator

    @property
    def approximation(self) -> Approximation | None:
        """The approximation of the distribution; None if it is exact."""
        return self.marginals.approximation

    @property
    def coarse(self) -> LocalSamples:
        """The same distribution from smaller balls; unchanged if it is exact."""
        return self if self.approximation is None else replace(self, marginals=self.approximation.coarse)

    def marginal(self, support: Support) -> Samples:
        """Return the outcomes of some qubits, in the given order. Each distinct set of flips on these qubits is a stratum."""
        (table,) = self.marginals.of([support])
        if self.flips is None:
            return self._labelled(from_probabilities(table[self.rows[0]], len(support)))
        index, bits = np.arange(2 ** len(support)), 1 << np.arange(len(support))
        code = self.flips[:, list(support)] @ bits
        distinct, first, counts = np.unique(code, return_index=True, return_counts=True)
        chances = np.clip(
            np.array([table[self.rows[row]][index ^ flip] for row, flip in zip(first, distinct, strict=True)]), 0, None
        )
        weights = chances * (counts / len(code) / chances.sum(axis=1))[:, None]
        outcomes = (index[:, None] & bits).astype(bool)
        strata = np.repeat(np.arange(len(distinct)), len(index))
        return self._labelled(Samples(np.tile(outcomes, (len(distinct), 1)), weights.ravel(), None, strata))

    def _labelled(self, samples: Samples) -> Samples:
        return Samples(samples.outcomes, samples.weights, self.shots, samples.strata)
