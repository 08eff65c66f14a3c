"""Matplotlib's figures as SVG elements of a page: they follow its colours, dark or light, and show values under the pointer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qep_qiskit.display import AMBER, BLUE, FAINT, GREEN, INK, ORANGE, PINK, SKY, YELLOW
from qep_qiskit.drawing.picture import file_bytes
from qep_qiskit.plain_text import printable

SIZE = (3.8, 2.7)
"""The width and height of a panel in inches, so that its text is readable on a telephone."""
VARIABLES = {
    INK: "ink",
    FAINT: "soft",
    BLUE: "blue",
    ORANGE: "orange",
    GREEN: "green",
    PINK: "pink",
    AMBER: "amber",
    SKY: "sky",
    YELLOW: "yellow",
    "#000000": "ink",
    "#ffffff": "paper",
    "#dddddd": "line",
}
"""The style sheet's variables for the colours of figures."""
_COLOUR = re.compile("|".join(VARIABLES), re.IGNORECASE)
_BY_COLOUR = {colour.lower(): name for colour, name in VARIABLES.items()}


@dataclass(frozen=True)
class Plot:
    """A figure of a page with its title; the element describes itself to screen readers."""

    title: str
    element: Markup


def plot(title: str, draw: Callable[[Axes], None], *, number: int, size: tuple[float, float] = SIZE) -> Plot:
    """Draw one panel and return it as an SVG element.

    Parameters
    ----------
    title : str
    draw : callable
        It draws on new axes.
    number : int
        The number of the plot on its page, which keeps identifiers apart.
    size : (float, float)
        Width and height in inches.
    """
    figure = Figure(figsize=size, layout="constrained")
    figure.patch.set_alpha(0.0)
    axes = figure.subplots()
    draw(axes)
    tips = {}
    for count, line in enumerate(axes.lines):
        if line.get_marker() not in (None, "None", "", " "):
            line.set_gid(f"tips-{count}")
            tips[f"tips-{count}"] = list(_tips(axes, line))
    axes.patch.set_alpha(0.0)
    return Plot(title, Markup(_element(figure, title, number, tips)))


def _tips(axes: Axes, line: object) -> Iterator[str]:
    """Return the text of every point of a line."""
    label = str(line.get_label())  # type: ignore[attr-defined]
    owners = [c.get_label() for c in axes.containers if line in tuple(c)]
    name = str(owners[0]) if owners else label
    prefix = "" if name.startswith("_") else f"{name}: "
    across = axes.get_xlabel() or "x"
    for x, y in np.column_stack(line.get_data(orig=False)).astype(float).tolist():  # type: ignore[attr-defined]
        if np.isfinite(x) and np.isfinite(y):
            yield f"{prefix}{y:.4g} at {across} {x:.6g}"


def _element(figure: Figure, title: str, number: int, tips: dict[str, list[str]]) -> str:
    with rc_context({"svg.fonttype": "none"}):
        text = file_bytes(figure, "svg").decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"(?s)<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text)
    text = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", text)
    for name, entries in tips.items():
        text = _with_tips(text, name, entries)
    text = re.sub(r'\bid="', f'id="p{number}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\1p{number}-", text)
    text = _COLOUR.sub(lambda match: f"var(--{_BY_COLOUR[match[0].lower()]})", text)
    text = re.sub(r'(<svg[^>]*?)\swidth="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?)\sheight="[^"]*"', r"\1", text, count=1)
    return text.replace("<svg", f'<svg class="plot" role="img" aria-label="{escape(printable(title))}"', 1)


def _with_tips(text: str, name: str, entries: list[str]) -> str:
    """Return the SVG with a title in every marker of a line, unless some of its points are not drawn."""
    group = re.search(rf'(?s)<g id="{name}">.*?\n  *</g>\n  *</g>', text)
    if group is None or group[0].count("<use") != len(entries):
        return text
    rest = iter(entries)
    marked = re.sub(
        r"<use ([^>]*)/>", lambda use: f"<use {use[1]}><title>{escape(printable(next(rest)))}</title></use>", group[0]
    )
    return text.replace(group[0], marked, 1)
