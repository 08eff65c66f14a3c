"""`qep kinds`: the kinds that a section of a spec can name, and the keys of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from qep_qiskit.cli.options import json_option
from qep_qiskit.cli.output import console, print_json, say
from qep_qiskit.errors import InputError, nearest
from qep_qiskit.kinds import PACKAGE, one_of, shown

if TYPE_CHECKING:
    from qep_qiskit.experiment.section import Section, SectionOfKinds


@click.command(
    "kinds", epilog="Example: qep kinds preparation", short_help="List what a section of a spec can name, with its keys."
)
@click.argument("section")
@json_option
def command(section: str, as_json: bool) -> None:
    """List the kinds that a section of a spec can name, and their keys.

    SECTION is network, cost, stencil, preparation or device.
    """
    kinds = kinds_of(section)
    if as_json:
        print_json({"section": section, "kinds": kinds})
        return
    from rich.table import Table

    for kind in kinds:
        package = "" if kind["package"] == PACKAGE else f" (package {kind['package']})"
        say(f"{kind['name']}{package}: {kind['about']}")
        table = Table(box=None, padding=(0, 2), show_header=False)
        for key in kind["keys"]:
            default = "required" if key["required"] else "" if key["default"] is None else shown(key["default"])
            table.add_row(key["name"], default, key["allowed"])
        if kind["keys"]:
            console().print(table)


def kinds_of(section: str) -> list[dict[str, Any]]:
    """Return the kinds that a section can name, with their keys."""
    from qep_qiskit.experiment.section import SectionOfKinds
    from qep_qiskit.experiment.sections import SECTIONS

    sections = {name: form for name, form in SECTIONS.items() if isinstance(form, SectionOfKinds)}
    if section not in sections:
        raise InputError(f"SECTION: {section!r} is not a section with kinds; give {one_of(sections)}{nearest(section, sections)}")
    return [_described(sections[section], section, name) for name in sections[section].kinds]


def _described(form: SectionOfKinds, section: str, name: str) -> dict[str, Any]:
    try:
        kind = form.kinds.named(name, section)
        keys = keys_of(form.model(name, section), form.selector)
    except InputError as error:  # a package that fails, or has a name of ours, does not hide the others
        return {"name": name, "package": PACKAGE, "about": str(error), "keys": []}
    return {"name": name, "package": kind.package, "about": kind.about, "keys": keys}


def keys_of(model: type[Section], selector: str = "") -> list[dict[str, Any]]:
    """Return the name, the default and the allowed values of each key of a section, without the key that names its kind."""
    return [
        {
            "name": key,
            "required": field.is_required(),
            "default": None if field.is_required() else field.default,
            "allowed": field.description,
        }
        for key, field in model.model_fields.items()
        if key != selector
    ]
