"""Capabilities of preparers, by which other parts of the package distinguish them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GroundStateAim:
    """The accuracy required of an approximation of the ground state, and the remedy if it is not reached.

    Attributes
    ----------
    infidelity : float
        The infidelity above which there is a warning.
    remedy : str
        Text for the warning: the loss to which the gradient belongs, and the change to make.
    variance : float
        With an energy variance below this share of Σ c², the true ground state is not computed for comparison.
    follows : bool
        Whether the response to a nudge is also compared with that of the ground state.
    """

    infidelity: float
    remedy: str
    variance: float = 0.0
    follows: bool = False


@dataclass(frozen=True)
class Capabilities:
    """The properties of a preparer that the rest of the package uses. The defaults suit a simple preparer on qubits.

    Attributes
    ----------
    closed_form : bool
        Whether it also prepares networks in closed form.
    together : bool
        Whether `prepare_all` computes many families faster together than one by one.
    quick : bool
        Whether a free phase is cheap enough to be prepared only to choose β.
    loads : bool
        Whether its circuits load arbitrary state vectors, and are correspondingly deep.
    variational : str
        The name of the variational family, for reports; empty if the states are not variational.
    neighbours : bool
        Whether a sample of a batch can start from a nearby earlier sample.
    start : {"", "angles", "state"}
        The kind of start for the next training step, see :meth:`Prepared.start`; empty if every step starts anew.
    start_qubits : int
        The smallest number of qubits for which such a start saves time.
    aim : GroundStateAim or None
        The aim of an approximation of ground states; None for other preparers.
    no_circuits : str
        The reason why no circuit prepares the states; empty if there are circuits.
    """

    closed_form: bool = False
    together: bool = False
    quick: bool = False
    loads: bool = False
    variational: str = ""
    neighbours: bool = True
    start: str = ""
    start_qubits: int = 1
    aim: GroundStateAim | None = None
    no_circuits: str = ""
