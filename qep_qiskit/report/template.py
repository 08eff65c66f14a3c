"""The common frame of all pages: text, style and scripts in one file that loads nothing."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from qep_qiskit.plain_text import printable
from qep_qiskit.report.downloads import Download
from qep_qiskit.report.findings import Conclusion
from qep_qiskit.report.network_view import NetworkView
from qep_qiskit.report.tables import Table
from qep_qiskit.secrets import scrubbed

SCRIPTS = ("sortable_tablesort/sortable.min.js", "sortable_tablesort/sortable.a11y.min.js")
"""The library that sorts tables; see its README for the version and the licence."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """All of a page but its body.

    Attributes
    ----------
    kind : str
        The name of the body's template.
    title, headline : str
    conclusion : Conclusion
    files : sequence of Download
        The data, as links.
    command : str
        The command that makes the page again; empty if there is none.
    notice : tuple of str
        A word and its explanation, shown in a frame below the title; empty for none.
    facts : sequence of (str, str)
        The key numbers below the conclusion.
    ran : sequence of (str, str)
        The rows of the table of settings.
    tables : sequence of (str, Table)
        Further tables of settings, with their titles.
    network : NetworkView or None
    spec : str or None
        The spec as the user wrote it.
    """

    kind: str
    title: str
    conclusion: Conclusion
    files: Sequence[Download]
    command: str = ""
    headline: str = ""
    notice: tuple[str, ...] = ()
    warnings: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    ran: Sequence[tuple[str, str]] = ()
    tables: Sequence[tuple[str, Table]] = ()
    network: NetworkView | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    spec: str | None = None

    def render(self, **values: object) -> str:
        """Return the page with these values in its body. It loads nothing from outside, and is whole without JavaScript."""
        template = _environment().get_template(f"{self.kind}.html.jinja")
        scripts = [_text_of(name) for name in SCRIPTS]
        return template.render(
            page=self,
            style=Markup(_text_of("page.css")),
            scripts=[Markup(script) for script in scripts],
            hashes=" ".join(map(_hash, scripts)),
            **values,
        )


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_text_of),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: object) -> object:
    """Return a value for a page. Text, except for our own markup, is cleared of secrets and invisible characters."""
    return printable(scrubbed(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


@functools.cache
def _text_of(name: str) -> str:
    return resources.files("qep_qiskit.report").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """Return the hash by which the page's security policy allows a script; it allows no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode('ascii')}'"
