"""`qep init`: write a commented starter spec."""

from __future__ import annotations

import os
import re
import shlex
from importlib import resources
from importlib.resources.abc import Traversable

import click

from qep_qiskit.cli.options import json_option
from qep_qiskit.cli.output import print_json, say
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.files import writable, write_whole

ORDER = ("gradient", "noise", "training", "hundred", "oscillators")
"""The starters, in the order in which a new user needs them."""
_COMMAND = re.compile(r"#     (qep .*)")


@click.command("init", epilog="Example: qep init training", short_help="Write a commented starter spec.")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--list", "listing", is_flag=True, help="List the starters.")
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="By default NAME.toml in this folder.")
@json_option
def command(name: str | None, listing: bool, output: str | None, as_json: bool) -> None:
    """Write a starter spec, in which every key is explained. An existing file is never overwritten.

    NAME is gradient (the default), noise, training, hundred or oscillators; --list says what they do.
    """
    if listing:
        _list(as_json)
        return
    name = "gradient" if name is None else name.removesuffix(".toml")
    if name not in ORDER:
        close = nearest(name, ORDER) or f"; the starters are {', '.join(ORDER)}"
        raise InputError(f"NAME: no starter is called {name!r}{close}")
    target = writable(f"{name}.toml" if output is None else output, "--output")
    text = starter(name).read_text(encoding="utf-8").replace(f"{name}.toml", shlex.quote(str(target)))
    if os.path.lexists(target):
        raise InputError(f"{target}: exists, and is not overwritten; give another file with -o, or remove it first")
    write_whole(target, text.encode("utf-8", "replace"))
    if as_json:
        print_json({"starter": name, "file": str(target), "about": _about(text), "next": _commands(text)})
        return
    say(f"{target} is written. {_about(text)}\n\nNext:")
    for line in _commands(text):
        say(f"    {line}")
    if output is None and name == ORDER[0]:
        say(f"\nOther starters: {', '.join(ORDER[1:])} (`qep init --list`).")


def starter(name: str) -> Traversable:
    """Return the file of a starter."""
    return resources.files("qep_qiskit") / "starters" / f"{name}.toml"


def _list(as_json: bool) -> None:
    rows = {name: _about(starter(name).read_text(encoding="utf-8")) for name in ORDER}
    if as_json:
        print_json({"starters": [{"name": name, "about": about} for name, about in rows.items()]})
        return
    for name, about in rows.items():
        say(f"{name:12} {about}")
    say("\n`qep init NAME` writes one of them.")


def _about(text: str) -> str:
    """Return the first line of a starter."""
    return text.partition("\n")[0].removeprefix("# ")


def _commands(text: str) -> list[str]:
    """Return the commands in the head of a starter, with their comments."""
    return [match[1] for line in text.splitlines() if (match := _COMMAND.fullmatch(line))]
