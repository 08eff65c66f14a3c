"""What preparers say about themselves, so that nothing else has to know their names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GroundStateAim:
    """How near to the true ground state a preparer means to come, and what to say where it does not.

    Attributes
    ----------
    infidelity : float
        What is above this is warned of.
    remedy : str
        Whose loss the gradient is then of, and what to change.
    variance : float
        An energy variance below this share of Σ c² is near enough without a look at the true ground state.
    follows : bool
        Whether its response to a nudge is compared with the ground state's too.
    """

    infidelity: float
    remedy: str
    variance: float = 0.0
    follows: bool = False


@dataclass(frozen=True)
class Capabilities:
    """What a preparer supports beyond circuits and expectations of networks of qubits; the defaults ask for nothing.

    Attributes
    ----------
    closed_form : bool
        Whether it prepares networks in closed form too.
    together : bool
        Whether `prepare_all` works out many families faster than one after another.
    quick : bool
        Whether a free phase costs next to nothing, so that it may be prepared just to choose β.
    loads : bool
        Whether its circuits load arbitrary states, so that they are as deep as states are arbitrary.
    variational : str
        What is varied, for reports; empty if nothing is. Its response then is the derivative of its own stationary states.
    neighbours : bool
        Whether a sample of a batch starts from a nearby sample before it.
    start : {"", "angles", "state"}
        What the next training step starts from, see :meth:`Prepared.start`; empty: every step starts anew.
    start_qubits : int
        The fewest qubits for which such a start saves anything.
    aim : GroundStateAim or None
        For approximations of ground states.
    no_circuits : str
        Why no circuit prepares the states, where that is so.
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
