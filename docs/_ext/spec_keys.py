"""The directive ``{spec-keys}``: every section of a spec, its kinds and their keys, from the registries of the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from qep_qiskit.cli.kinds import keys_of, kinds_of
from qep_qiskit.experiment.section import SectionOfKinds
from qep_qiskit.experiment.sections import SECTIONS
from qep_qiskit.kinds import MITIGATIONS, OPTIMIZERS, PACKAGE, RAMP_SCHEDULES, SCHEDULES, Kinds, shown

OTHERS = (
    ("preparation", "Names of `schedule`", RAMP_SCHEDULES),
    ("measurement", "Words of `mitigation`", MITIGATIONS),
    ("training", "Names of `optimizer`", OPTIMIZERS),
    ("training", "Names of `schedule`", SCHEDULES),
)
"""Registries whose names are values of a key: the section of the key, a heading, and the registry."""


class SpecKeys(SphinxDirective):
    """All sections of a spec."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(lines()), allow_section_headings=True)


def lines() -> Iterator[str]:
    """Yield the lines of the reference, in MyST Markdown."""
    for section, form in SECTIONS.items():
        yield from [f"(spec-{section})=", f"## `[{section}]`", ""]
        if isinstance(form, SectionOfKinds):
            yield from of_kinds(section, form)
        else:
            yield from [(form.__doc__ or "").partition("\n")[0].partition(": ")[2].capitalize(), ""]
            yield from table(keys_of(form))
        for _, heading, registry in (row for row in OTHERS if row[0] == section):
            yield from [f"### {heading}", "", *names(registry), ""]


def of_kinds(section: str, form: SectionOfKinds) -> Iterator[str]:
    """Yield the lines about a section whose keys depend on a kind."""
    words = ", ".join(f"[`{kind}`](#spec-{section}-{plain(kind)})" for kind in form.kinds.built_in)
    default = "; it is required" if form.default is None else f'; default: `"{form.default}"`'
    yield from [f"The key `{form.selector}` names one of {words}{default}. The other keys depend on it.", ""]
    for kind in kinds_of(section):
        if kind["package"] == PACKAGE:
            name = kind["name"]
            yield from [f"(spec-{section}-{plain(name)})=", f'### `{form.selector} = "{name}"`', "", sentence(kind["about"]), ""]
            yield from table(kind["keys"])


def table(keys: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the rows of a table of keys."""
    rows = [(key["name"], escaped(key["allowed"] or ""), default_of(key)) for key in keys]
    if not rows:
        yield from ["It has no other keys.", ""]
        return
    yield from ["| key | allowed values | default |", "| --- | --- | --- |"]
    yield from (f"| `{name}` | {allowed} | {default} |" for name, allowed, default in rows)
    yield ""


def default_of(key: dict[str, Any]) -> str:
    """Return what a table says about the default of a key."""
    if key["required"]:
        return "required"
    return "–" if key["default"] is None else f"`{shown(key['default'])}`"


def names(registry: Kinds) -> Iterator[str]:
    """Yield a list of the names in a registry."""
    for name, kind in registry.built_in.items():
        yield f"* `{name}`: {kind.about}"


def sentence(text: str) -> str:
    """Return a description as a sentence in Markdown."""
    return escaped(text[:1].upper() + text[1:] + ".")


def plain(name: str) -> str:
    """Return the name of a kind as it can stand in an address."""
    return name.replace("<", "").replace(">", "")


def escaped(text: str) -> str:
    """Return a text for a cell of a Markdown table."""
    for sign in ("|", "[", "]", "<", ">", "{", "}", "*", "_"):
        text = text.replace(sign, f"\\{sign}")
    return text


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("spec-keys", SpecKeys)
    return {"parallel_read_safe": True}
