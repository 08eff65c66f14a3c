"""Capabilities of preparers, so that no other room has to know them by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GroundStateAim:
    """The accuracy that an approximation of the ground state aims at, and the remedy if it misses it.

    Attributes
    ----------
    infidelity : float
        A larger one causes a warning.
    remedy : str
        The loss that the gradient then belongs to, and what to change.
    variance : float
        With an energy variance below this share of Σ c², the true ground state is not computed for comparison.
    follows : bool
        Whether the response to a nudge is compared with the ground state's too.
    """

    infidelity: float
    remedy: str
    variance: float = 0.0
    follows: bool = False


@dataclass(frozen=True)
class Capabilities:
    """The properties of a preparer that the rest of the program asks for; the defaults suit a plain preparer of qubits.

    Attributes
    ----------
    closed_form : bool
        Whether it prepares networks in closed form too.
    together : bool
        Whether `prepare_all` works out many families faster than one after another.
    quick : bool
        Whether a free phase is cheap enough to be prepared just to choose β.
    loads : bool
        Whether its circuits load arbitrary state vectors, and are correspondingly deep.
    variational : str
        The thing that is varied, for reports; empty if the states are not variational.
    neighbours : bool
        Whether a sample of a batch starts from a nearby sample before it.
    start : {"", "angles", "state"}
        The start of the next training step, see :meth:`Prepared.start`; empty if every step starts anew.
    start_qubits : int
        The fewest qubits for which such a start saves anything.
    aim : GroundStateAim or None
        For approximations of ground states.
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
