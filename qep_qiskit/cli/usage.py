"""Messages for command lines that cannot be understood."""

from __future__ import annotations

import re

import click

from qep_qiskit.errors import nearest

MISSING = {
    "SPEC": "give the path of a spec in TOML; `qep init` writes one to start from",
    "RUN": "give the folder of a run; `qep runs list` lists them",
    "SECTION": 'give "network", "cost", "stencil", "preparation" or "device"',
}
"""The remedy for each argument that is missing."""


def usage(error: click.UsageError) -> str:
    """Return the message in one line: what is wrong, and what to do."""
    path = error.ctx.command_path if error.ctx is not None else "qep"
    match error:
        case click.MissingParameter(param=click.Argument() as argument):
            name = (argument.metavar or argument.name or "").strip("[]").upper()
            return f"{name}: missing; {MISSING.get(name, f'see `{path} --help`')}"
        case click.NoSuchOption(option_name=option):
            return f"{option}: `{path}` has no such option{_remedy(error, option, path)}"
        case click.BadParameter(param=click.Option() as option):
            return f"{max(option.opts, key=len)}: {error.message.rstrip('.')}; see `{path} --help`"
    message = error.format_message()
    if "--help" in message:
        return message
    if (extra := re.match(r"Got unexpected extra arguments? \((.*)\)", message)) and error.ctx is not None:
        wanted = [(p.metavar or p.name or "").upper() for p in error.ctx.command.params if isinstance(p, click.Argument)]
        return f"{extra[1]}: unexpected; `{path}` takes {' '.join(wanted) or 'no arguments'}; see `{path} --help`"
    return f"{message}{'' if message.endswith(('.', '?')) else '.'} See `{path} --help`"


def _remedy(error: click.NoSuchOption, option: str, path: str) -> str:
    """Return what to write instead of an unknown option: the key of a spec with this name, or the nearest option."""
    from qep_qiskit.experiment.sections import sections_with

    options = ["--help", *(name for parameter in error.ctx.command.params for name in parameter.opts)] if error.ctx else []
    key = option.lstrip("-").replace("-", "_")
    sections = sections_with(key) if "--set" in options else []
    if sections:
        return f"; it is a key of the spec: --set {sections[0]}.{key}=VALUE"
    return nearest(option, [name for name in options if name.startswith("--")]) or f"; see `{path} --help`"
