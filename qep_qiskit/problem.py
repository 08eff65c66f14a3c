"""Problems: a network with its weights, one sample and a cost, from which a gradient follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import diags_array, issparse, vstack

from qep_qiskit.checks import flag, index_of, shown
from qep_qiskit.costs import Cost
from qep_qiskit.display import MOST_ROWS, largest_first, left_out, short
from qep_qiskit.drawing.card import bar, card
from qep_qiskit.errors import InputError
from qep_qiskit.estimates import column
from qep_qiskit.networks.network import Network
from qep_qiskit.networks.sketch import network_svg
from qep_qiskit.values import same

Vector = NDArray[np.float64]
LARGEST = 1e140
"""The largest Σ|c| of a Hamiltonian: squares and variances must not overflow."""


class Problem:
    """The loss of a network's ground state on one sample, as a function of the weights.

    Parameters
    ----------
    network : Network
    weights : array_like of shape (num_weights,) or mapping of name to number
    x : array_like of shape (num_inputs,), optional
    cost : Cost
        The cost, for instance ``SquaredError([1.0])``.
    input_gradient : bool
        Whether a gradient of this problem includes dL/dx.

    Examples
    --------
    >>> import qep_qiskit as qep
    >>> network = qep.ising(sites=2, edges="chain", inputs=[0], outputs=[1])
    >>> problem = qep.Problem(network, [1.0, 0.0, 0.0, 1.0, 1.0], x=[0.5], cost=qep.SquaredError([1.0]))
    >>> print(round(float(qep.exact_gradient(problem).predictions[0]), 4))
    0.4082
    """

    def __init__(
        self,
        network: Network,
        weights: ArrayLike | Mapping[str, float],
        x: ArrayLike | None = None,
        *,
        cost: Cost,
        input_gradient: bool = False,
    ) -> None:
        if not isinstance(network, Network):
            raise InputError(f"Problem: network is {shown(network)}; give a Network such as qep.ising(...)")
        if not isinstance(cost, Cost) or isinstance(cost, type):
            raise InputError(f"Problem: cost is {shown(cost)}; give a cost such as qep.SquaredError([1.0])")
        self.weights = _fixed(network.weight_vector(weights))
        self.x = _fixed(network.input_vector(x))
        self.network = network.at(self.weights, self.x)
        self.cost = cost
        self.input_gradient = flag("input_gradient", input_gradient)
        self.cost_observables = cost.observables(self.network)

    def __setattr__(self, name: str, value: object) -> None:
        if name in vars(self):  # what was computed from the old value would stay
            raise AttributeError(f"Problem: {name} cannot be changed; make another Problem")
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        return all(same(a, b) for a, b in zip(self._parts(), other._parts(), strict=True))

    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None

    def _parts(self) -> tuple[object, ...]:
        return self.network, self.weights, self.x, self.cost, self.input_gradient

    def __getstate__(self) -> dict[str, object]:
        names = ("network", "weights", "x", "cost", "cost_observables", *(["input_gradient"] if self.input_gradient else []))
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({"input_gradient": False, **state})
        for array in (self.weights, self.x):
            _fixed(array)

    def with_inputs(self) -> Problem:
        """Return the same problem, with gradients that include dL/dx."""
        if self.input_gradient:
            return self
        return Problem(self.network, self.weights, self.x, cost=self.cost, input_gradient=True)

    def __repr__(self) -> str:
        return f"Problem({self.network!r}, x = [{self._x_text()}], cost = {short(repr(self.cost))})"

    def _repr_html_(self) -> str:
        names, values = self.network.names, self.weights.tolist()
        shown_weights, largest = largest_first(values, MOST_ROWS), max(map(abs, values), default=0.0)
        cells = column(values)
        return card(
            "Problem",
            facts=(repr(self.network), f"x = [{self._x_text()}]", f"cost {short(repr(self.cost))}"),
            graph=network_svg(self.network, dict(zip(names, values, strict=True))),
            headings=("weight", "value", ""),
            rows=[(names[k], cells[k], bar(values[k], largest=largest, signed=min(values) < 0)) for k in shown_weights],
            notes=left_out(len(names), len(shown_weights), "problem.weights"),
        )

    def __getitem__(self, name: str) -> float:
        """Return the value of one weight: ``problem["J[0,1]"]``."""
        return float(self.weights[index_of("problem", name, self.network.names)])

    def _x_text(self) -> str:
        return short(", ".join(f"{value:.4g}" for value in self.x[:8])) + (", …" if len(self.x) > 8 else "")

    @property
    def hamiltonian(self) -> Any:
        """H(w, x): a SparsePauliOp, or for a network in closed form a polynomial in positions and momenta."""
        return self.network.hamiltonian(self.weights, self.x)

    @cached_property
    def frame(self) -> Any:
        """The frame of the parts of H, the ∂H/∂w_k, the outputs and the cost's observables: one list of strings or monomials."""
        slopes = self.network.input_slopes(self.weights, self.x) if self.input_gradient else ()
        return self.network.frame_with((*slopes, *self.cost_observables))

    def _rows(self, start: int, count: int) -> Any:
        return self.frame.matrix[start : start + count]

    @property
    def derivative_rows(self) -> Any:
        """The coefficients of ∂H/∂w_k = c_k(x) A_k in the frame, shape (num_weights, L); sparse for a network in closed form.

        They are computed anew each time: with thousands of weights, those of one sample take megabytes.
        """
        rows, factors = self._weight_rows, self.network.factors(self.x)
        return diags_array(factors) @ rows if issparse(rows) else factors[:, None] * rows

    @property
    def _weight_rows(self) -> Any:
        """The coefficients of the A_k, which all samples share."""
        return self._rows(1 + self.network.num_inputs, self.network.num_weights)

    @cached_property
    def input_rows(self) -> Any:
        """The coefficients of ∂H/∂x_i in the frame, shape (num_inputs, L); no rows unless dL/dx is wanted.

        H contains x_i in its own term x_i B_i and in the terms w_k x_i A_k: ∂H/∂x_i = B_i + Σ_k w_k A_k, with k over the latter.
        """
        network = self.network
        if not self.input_gradient:
            return self._rows(0, 0)
        rows = self._rows(1, network.num_inputs)
        rows = rows + network.input_factors(self.weights) @ self._weight_rows
        inputs = self.frame.matrix.shape[0] - len(self.cost_observables) - self._observed
        return rows + self._rows(self._observed, inputs) if inputs else rows

    @property
    def gradient_rows(self) -> Any:
        """The rows of all derivatives of H that a gradient reads: `derivative_rows`, followed by `input_rows`.

        They are without constants, whose expectations are equal in all phases: only their rounding would remain, divided by β.
        """
        rows = self.derivative_rows
        if issparse(rows):
            rows = vstack((rows, self.input_rows), format="csr") if self.input_gradient else rows
            return rows @ diags_array(self.frame.busy.astype(float))
        rows = np.vstack((rows, self.input_rows)) if self.input_gradient else rows
        rows[:, ~self.frame.busy] = 0.0
        return rows

    @cached_property
    def gradient_strings(self) -> NDArray[np.bool_]:
        """True for the strings that a gradient reads, shape (L,)."""
        return np.asarray((self.gradient_rows != 0).any(axis=0))

    @property
    def _observed(self) -> int:
        return 1 + self.network.num_inputs + self.network.num_weights + self.network.num_outputs

    @cached_property
    def output_rows(self) -> NDArray[np.float64]:
        """The coefficients of the outputs in the frame, shape (num_outputs, L)."""
        return _dense(self._rows(1 + self.network.num_inputs + self.network.num_weights, self.network.num_outputs))

    @cached_property
    def cost_rows(self) -> NDArray[np.float64]:
        """The coefficients of the cost's observables in the frame, shape (M, L)."""
        count = len(self.cost_observables)
        return _dense(self._rows(self.frame.matrix.shape[0] - count, count))

    @cached_property
    def hamiltonian_row(self) -> Vector:
        """The coefficients of H(w, x) in the frame, shape (L,)."""
        fixed = _dense(self._rows(0, 1))[0]
        with np.errstate(over="ignore", invalid="ignore"):
            weights = self.weights * self.network.factors(self.x)
            row = fixed + self.x @ self._rows(1, self.network.num_inputs) + weights @ self._weight_rows
            size = float(np.abs(row).sum())
        if not size <= LARGEST:
            raise InputError(
                f"weights: the coefficients of H add up to {size:.3g}, more than {LARGEST:g}, and their squares would overflow; "
                "take other units for H"
            )
        return row


def _dense(rows: Any) -> NDArray[np.float64]:
    return np.asarray(rows.toarray() if issparse(rows) else rows)


@contextmanager
def naming_sample(number: int, count: int) -> Iterator[None]:
    """Add the sample's number to an error about one of several samples."""
    try:
        yield
    except InputError as error:
        if count == 1:
            raise
        raise type(error)(f"sample {number}: {error}") from None


def check_problem(problem: object) -> None:
    """Refuse anything that is not a Problem."""
    if not isinstance(problem, Problem):
        raise InputError(f"problem: {shown(problem)} is not allowed; give a qep.Problem(...)")


def _fixed(array: Vector) -> Vector:
    """Make an array read-only, and return it."""
    array.flags.writeable = False
    return array
