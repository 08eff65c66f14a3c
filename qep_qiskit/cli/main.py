"""The program `qep`: its commands, imported when called, and its handling of failures."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import re
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

import click

import qep_qiskit
from qep_qiskit.cli.endings import DONE, FAILED, INTERRUPTED, NOT_FINISHED, TERMINATED, WRONG_INPUT, InterruptedRunError
from qep_qiskit.cli.interrupts import exit_code, interruptible, stay_alive, take_the_word
from qep_qiskit.cli.options import Group
from qep_qiskit.cli.output import print_json, say
from qep_qiskit.cli.streams import unfailing
from qep_qiskit.errors import BusyError, DeviceError, InputError, PreparationError, nearest
from qep_qiskit.plain_text import one_line, printable
from qep_qiskit.runs.file.folders import leave_unused
from qep_qiskit.secrets import scrubbed

GROUPS = {
    "Begin": ("init", "doctor"),
    "Measure and learn": ("gradient", "compare", "plan", "train", "sweep"),
    "Run on a device": ("rehearse", "submit", "status", "collect", "cancel", "report", "runs"),
    "Look up": ("kinds", "devices", "circuits"),
}
"""The commands in the order in which a new user needs them."""
VERBS = tuple(verb for verbs in GROUPS.values() for verb in verbs)
EPILOG = """\b
Examples:
  qep init                      write a starter spec, gradient.toml, in which every key is explained
  qep gradient gradient.toml    measure its gradient
  qep plan --help               explain a command, with an example

\b
Completion by the Tab key in bash (zsh_source and fish_source for the other shells):
  eval "$(_QEP_COMPLETE=bash_source qep)"
"""
MISSING = {
    "SPEC": "give the path of a spec in TOML; `qep init` writes one to start from",
    "RUN": "give the folder of a run; `qep runs list` lists them",
    "SECTION": 'give "network", "cost", "stencil", "preparation" or "device"',
}
"""The remedy for each argument that is missing."""
UNUSABLE = (errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EPERM, errno.EROFS)
"""Errors of a path that the user gave, unlike those of a disk."""


class Program(Group):
    """A group of commands, each in a module of its own name. Each failure is reported in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(VERBS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in groups."""
        for title, verbs in GROUPS.items():
            commands = [(verb, self.get_command(ctx, verb)) for verb in verbs]
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(8), command.get_short_help_str(80)) for verb, command in commands if command])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command; these modules import nothing slow until they run."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"qep_qiskit.cli.{cmd_name}").command
        return command

    def main(self, args: Sequence[str] | None = None, *unused: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command, and exit with the exit code of its failure, if any."""
        if "_QEP_COMPLETE" in os.environ:
            return super().main(args, prog_name="qep", standalone_mode=standalone_mode)
        words = list(sys.argv[1:] if args is None else args)
        code = _run(self, words)
        if standalone_mode:
            sys.exit(code)
        stay_alive()
        return code


def _run(program: click.Group, words: list[str]) -> int:
    debug, as_json = "--debug" in words, "--json" in words
    words = [word for word in words if word != "--debug"]
    try:
        with interruptible(), warnings.catch_warnings():
            if not debug:
                warnings.simplefilter("ignore")
            with program.make_context("qep", words) as context:
                result = program.invoke(context)
        return result if isinstance(result, int) else DONE
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message(), err=True)
        return WRONG_INPUT
    except (Exception, KeyboardInterrupt) as error:
        code, line = _failure(error)
        line, stopped = one_line(" ".join(line.split())), code in (INTERRUPTED, TERMINATED)
        if as_json and not stopped:
            print_json({"error": line})
        if debug:
            raise
        if stopped:
            take_the_word()
        say(f"qep: {line}", err=True)
        return code
    finally:
        leave_unused()


def _failure(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the message of a failure."""
    match error:
        case click.UsageError():
            return WRONG_INPUT, usage(error)
        case click.ClickException():
            return WRONG_INPUT, error.format_message()
        case BusyError():
            return NOT_FINISHED, str(error)
        case InputError():
            return WRONG_INPUT, str(error)
        case InterruptedRunError():
            return exit_code(), f"interrupted; {error}"
        case KeyboardInterrupt() | click.Abort():
            return exit_code(), "interrupted; nothing was written, run the same command to start again"
        case PreparationError() | DeviceError():
            return FAILED, str(error)
        case MemoryError():
            return FAILED, f"not enough memory ({error}); take fewer qubits"
        case OSError() if error.filename is not None and error.errno in UNUSABLE:
            allow = " or permission" if error.errno in (errno.EACCES, errno.EPERM) else ""
            return WRONG_INPUT, f"{os.fsdecode(error.filename)}: {error.strerror}; give another path{allow}"
        case OSError() if error.filename is not None:
            return FAILED, f"{error.filename}: {error.strerror}"
        case _:
            what = f"{type(error).__name__}: {error}"
            return FAILED, f"internal error: {what}; run again with --debug for the traceback"


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


@click.group(
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(qep_qiskit.__version__, message="qep %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show a failure's traceback. It may stand anywhere.")
@click.pass_context
def cli(context: click.Context) -> None:
    """Quantum equilibrium propagation: gradients of networks of qubits, and where their errors come from.

    Exit codes: 0 done, 1 failed, 2 the input is wrong, 3 not finished yet.
    """
    if context.invoked_subcommand is None:
        say(context.get_help())


def main() -> None:
    """Run `qep`. The exit code describes the work, even if its output could not be written."""
    try:
        with unfailing():
            try:
                cli.main()
            except Exception:  # with --debug
                say(printable(scrubbed(traceback.format_exc())), err=True)
                sys.exit(FAILED)
    except SystemExit as end:
        if end.code in (INTERRUPTED, TERMINATED):
            # Python would end with SIGINT if the interrupt had passed through an extension that runs Python code, and would wait
            # for threads that are still working
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError, AttributeError):
                    stream.flush()
            os._exit(int(end.code))
        raise
