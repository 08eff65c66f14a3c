"""The options that verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from qep_qiskit.experiment import Spec

F = TypeVar("F", bound=Callable[..., Any])


class Group(click.Group):
    """A group of verbs that suggests the nearest one for a word that is none."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that the first word names."""
        word = args[0] if args else ""
        if word and not word.startswith("-") and self.get_command(ctx, word) is None:
            from qep_qiskit.errors import nearest

            known = self.list_commands(ctx)
            close = nearest(word, known) or f"; there are {', '.join(known)}."
            raise click.UsageError(f"there is no command {word!r}{close}", ctx)
        return super().resolve_command(ctx, args)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


def spec_options(function: F) -> F:
    """Add SPEC, --set, --seed and --json."""
    return click.argument("spec_path", metavar="SPEC", type=click.Path())(override_options(function))


def override_options(function: F) -> F:
    """Add --set, --seed and --json."""
    for decorate in reversed(
        (
            click.option(
                "--set",
                "overrides",
                multiple=True,
                metavar="SECTION.KEY=VALUE",
                help="Override a key of the spec, such as measurement.shots=1000; empty removes it. Repeatable.",
            ),
            click.option("--seed", type=int, help="Override the spec's seed."),
            json_option,
        )
    ):
        function = decorate(function)
    return function


def load_spec(path: str, overrides: tuple[str, ...], seed: int | None) -> Spec:
    """Load a spec with what the command line overrides."""
    from qep_qiskit.experiment import load
    from qep_qiskit.experiment.overrides import parse

    return load(path, overrides=[parse(text) for text in overrides], seed=seed)
