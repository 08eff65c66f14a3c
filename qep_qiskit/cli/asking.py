"""Confirmation before anything is sent to a device that bills: the price, and a question."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.output import say
from qep_qiskit.display import counted
from qep_qiskit.errors import InputError
from qep_qiskit.files import typed
from qep_qiskit.progress import hidden

if TYPE_CHECKING:
    from qep_qiskit.equilibrium.plan import Plan
    from qep_qiskit.runs.file.store import RunStore

NOISE_FREE_ERROR = "noise_free_error"
"""The kind of the run's document with the error of its circuits without noise."""


def ask(price: Mapping[str, Any], device: str, *, yes: bool, again: str, what: str = "") -> None:
    """Show a price and ask for confirmation to send.

    Parameters
    ----------
    price : mapping
        The result of :meth:`~qep_qiskit.devices.price.Price.document`.
    device : str
    yes : bool
        Whether to show the price without asking.
    again : str
        The command with which to send later.
    what : str
        The purpose of the price, printed before it.

    Raises
    ------
    InputError
        If the user declines or nobody can be asked. Nothing was sent.
    """
    cost = price.get("price") or f"about {price['qpu_seconds'] or 0.0:.0f} QPU seconds"  # earlier versions kept seconds alone
    jobs, circuits = counted(price["jobs"], "job"), counted(price["circuits"], "circuit")
    say(f"{what}{jobs}, {circuits}, {price['shots']:,} shots in all, {cost} on {device}.", err=True)
    for line in price.get("cautions", ()):
        say(f"Warning: {line}.", err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(f"--yes: missing, and no terminal to ask on; nothing was sent; {again} sends it")
    with hidden():
        agreed = click.confirm("Send?", err=True, default=False)
    if not agreed:
        raise InputError(f"nothing was sent; {again} sends it")


def say_noise_free_error(plan: Plan, store: RunStore) -> None:
    """Show how far the noise-free gradient of a run's circuits is from the exact one; the run keeps the answer."""
    from qep_qiskit.forecasting.noise_free import NoiseFreeError, noise_free_error

    stored = store.get(NOISE_FREE_ERROR, "0")
    error = noise_free_error(plan) if stored is None else NoiseFreeError(**stored)
    if stored is None:
        store.put(NOISE_FREE_ERROR, "0", error.to_dict())
    text = str(error)
    say(text[0].upper() + text[1:] + ".", err=True)


def ask_for_round(yes: bool) -> Callable[[Plan, RunStore], None]:
    """Return a function that asks for confirmation of one round of a run."""

    def confirm(plan: Plan, store: RunStore) -> None:
        if plan.round == 0:
            say_noise_free_error(plan, store)
        price, again = store.get("asked", str(plan.round)), f"`qep collect {typed(store.folder)} --yes`"
        ask(price, str(store.description["device"]), yes=yes, again=again, what=f"Round {plan.round + 1}: ")

    return confirm
