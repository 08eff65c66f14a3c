"""Observable costs: the expectation of a given operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from qiskit.quantum_info import SparsePauliOp

from qep_qiskit.costs.cost import OperatorCost
from qep_qiskit.errors import InputError
from qep_qiskit.kinds import COSTS, Key
from qep_qiskit.networks.network import Network, operator_text
from qep_qiskit.networks.pauli import OPERATOR, operator_from
from qep_qiskit.networks.polynomial import EXAMPLE, Polynomial, polynomial_from, written_in_positions

OPERATOR_KEY = Key(f'{OPERATOR}; for oscillators also {{ "r[0] r[1]" = 1.0, "p[0]^2" = 0.5 }}', form=dict[str, float])


@COSTS.register("observable")
@dataclass(frozen=True, repr=False)
class ObservableCost(OperatorCost):
    """The cost L = ⟨C⟩ of a given operator C (Scellier 2024).

    Parameters
    ----------
    operator : SparsePauliOp, mapping of label to coefficient, or Polynomial
        For oscillators it may also be given in positions and momenta: ``{"r[0] r[1]": 1.0, "r[0]^2": 0.5, "p[1]^2": 0.5}``.
    """

    operator: Annotated[SparsePauliOp | Mapping[str, float] | Polynomial, OPERATOR_KEY]

    def __post_init__(self) -> None:
        read = polynomial_from if written_in_positions(self.operator) else operator_from
        object.__setattr__(self, "operator", read(self.operator, None, "cost.operator"))

    def __repr__(self) -> str:
        return f"ObservableCost({operator_text(self.operator)})"

    def observables(self, network: Network) -> tuple[SparsePauliOp, ...]:
        """Return (C,)."""
        if isinstance(self.operator, Polynomial):
            return (network.in_positions(self.operator, "cost.operator"),)
        if network.closed_form:
            raise InputError(
                "cost.operator: Pauli labels act on qubits, and a network in closed form has none; write positions and momenta "
                f"such as {EXAMPLE}"
            )
        return (operator_from(self.operator, network.num_qubits, "cost.operator"),)
