"""Options shared by several commands."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qep_qiskit.errors import nearest
from qep_qiskit.runs.file.folders import HOME, dated_folder

if TYPE_CHECKING:
    from qep_qiskit.experiment import Spec

F = TypeVar("F", bound=Callable[..., Any])


SYNONYMS = {
    "help": "; write `qep --help`, or `qep VERB --help`",
    "version": "; write `qep --version` (`qep --help` lists the commands)",
    "run": "; did you mean 'gradient', 'train' or 'submit'?",
    "fit": "; did you mean 'train'?",
    "forecast": "; did you mean 'plan'?",
    "budget": "; did you mean 'compare'?",
    "new": "; did you mean 'init'?",
}
"""Words that a new user tries first."""


class Group(click.Group):
    """A group of commands that suggests the nearest one for an unknown word."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command named by the first word."""
        word = args[0] if args else ""
        if word and not word.startswith("-") and self.get_command(ctx, word) is None:
            verbs = self.list_commands(ctx)
            close = SYNONYMS.get(word) or nearest(word, verbs) or f"; the commands are {', '.join(verbs)}."
            raise click.UsageError(f"no command is called {word!r}{close}", ctx)
        return super().resolve_command(ctx, args)


@dataclass(frozen=True)
class SpecRequest:
    """The spec requested by a command line: its path (empty if not given), its overrides ``section.key=value``, and a seed."""

    path: str
    overrides: tuple[str, ...]
    seed: int | None

    def load(self, device: str | None = None) -> Spec:
        """Return the spec with the overrides of the command line."""
        from qep_qiskit.experiment import load

        return load(self.path, overrides=self.pairs(device), seed=self.seed)

    def pairs(self, device: str | None = None) -> list[tuple[str, object]]:
        """Return the overrides as keys and values."""
        from qep_qiskit.experiment.overrides import parse

        named = () if device is None else (f"device.name={device}",)
        return [parse(text) for text in (*self.overrides, *named)]

    def home(self, given: str | None, name: str = "{}", *, dated: bool = False) -> Path:
        """Return the output folder: the given one, or one under hardware_runs/ with the spec's name in place of the braces."""
        if given is not None:
            return Path(given)
        stem = name.format(Path(self.path).stem)
        return dated_folder(stem) if dated else HOME / stem


def spec_options(function: Any, metavar: str = "SPEC") -> Any:
    """Add SPEC, --set, --seed and --json; the command gets the first three as a `request`."""

    @functools.wraps(function)
    def verb(*, spec_path: str | None, overrides: tuple[str, ...], seed: int | None, **rest: Any) -> Any:
        return function(request=SpecRequest(spec_path or "", overrides, seed), **rest)

    for decorate in (
        json_option,
        click.option("--seed", type=int, help="Override the spec's seed."),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="SECTION.KEY=VALUE",
            help="Override a key of the spec, such as measurement.shots=1000; empty removes it. Repeatable.",
        ),
        click.argument("spec_path", metavar=metavar, required=metavar == "SPEC", type=click.Path()),
    ):
        verb = decorate(verb)
    return verb


optional_spec_options = functools.partial(spec_options, metavar="[SPEC]")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask before jobs are sent to a device that bills.")
device_option = click.option(
    "--device", "device_name", metavar="NAME", help="Instead of the spec's device, such as fake_torino or ibm_torino."
)
out_option = click.option(
    "--out", type=click.Path(), metavar="DIR", help="Where to write; by default hardware_runs/ and the spec's name."
)
run_option = click.option(
    "--run",
    "folder",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="The run's folder; by default a new one under hardware_runs/.",
)
run_argument = click.argument("run", metavar="RUN", type=click.Path())


def file_option(default: str) -> Callable[[F], F]:
    """Add -o and --output; `default` describes the default in words."""
    return click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help=f"By default {default}.")


def pool_options(function: F) -> F:
    """Add --workers and --scheduler."""
    scheduler = click.option("--scheduler", metavar="ADDRESS", help="Run on the workers of a dask scheduler, tcp://host:port.")
    return click.option("--workers", type=int, metavar="N", help="Run on N local processes.")(scheduler(function))
