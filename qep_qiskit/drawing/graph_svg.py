"""Networks as small SVG graphs for notebooks and pages."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from qep_qiskit.display import AMBER, ORANGE, SKY
from qep_qiskit.drawing.sketch import Sketch
from qep_qiskit.plain_text import printable

WIDEST, HIGHEST = 640.0, 400.0
LINE = 18.0
"""The height of the line of the legend."""
POSITIVE, NEGATIVE = "#2f87c4", ORANGE
"""The blue of positive weights is lighter than in figures, so that it shows on dark backgrounds too."""
FILLS = {"input": AMBER, "output": SKY}


def graph_svg(sketch: Sketch, *, height: float = HIGHEST) -> str:
    """Return a network as an SVG element for HTML, which fits light and dark backgrounds and has no script.

    Inputs are amber, outputs light blue, and clamped inputs square. The colour of an edge shows the sign of its weight, and its
    width the size. The names and values of edges and sites are shown when the pointer rests on them.

    Parameters
    ----------
    sketch : Sketch
    height : float
        The largest height, in pixels. Small networks take less.
    """
    spots = np.array([sketch.places[site] for site in sketch.sites])
    low, extent = spots.min(axis=0), np.ptp(spots, axis=0)
    scale = float(min(64.0, (WIDEST - 36) / max(extent[0], 1e-9), (height - LINE - 36) / max(extent[1], 1e-9)))
    radius = float(np.clip(0.34 * scale, 3.2, 13.0))
    margin = radius + 4.0
    legend = sketch.legend
    wide = max(float(extent[0]) * scale + 2 * margin, 7.0 * sum(len(text) + 4 for text in legend.values()) if legend else 0.0)
    wide = min(wide, WIDEST)
    start = max(margin, (wide - float(extent[0]) * scale) / 2)
    at = {
        site: (start + scale * (x - low[0]), margin + scale * (low[1] + extent[1] - y))
        for site, (x, y) in zip(sketch.sites, spots.tolist(), strict=True)
    }
    high = float(extent[1]) * scale + 2 * margin
    opacity = float(np.clip(3.0 * len(sketch.sites) / max(len(sketch.edges), 1), 0.25, 0.85))
    parts = [_edge(sketch, edge, at, radius, opacity) for edge in sketch.weak_first]
    parts += [_site(sketch, site, *at[site], radius) for site in sketch.sites]
    if legend:
        parts.append(_legend_line(legend, high + 0.7 * LINE))
        high += LINE
    title = f"network of {len(sketch.sites)} sites and {len(sketch.edges)} edges"
    return (
        f'<svg class="qep-graph" role="img" aria-label="{title}" '
        f'viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" height="{high:.0f}" '
        'style="max-width:100%;height:auto;font:11px system-ui,sans-serif">' + "".join(parts) + "</svg>"
    )


def _edge(sketch: Sketch, edge: tuple[int, int], at: dict[int, tuple[float, float]], radius: float, opacity: float) -> str:
    (x1, y1), (x2, y2) = at[edge[0]], at[edge[1]]
    strength, name = sketch.strength(edge), sketch.edges[edge]
    if strength is None:
        style, text = f'stroke="currentColor" stroke-opacity="{0.6 * opacity:.2g}" stroke-width="1.4"', name
    else:
        colour = NEGATIVE if strength < 0 else POSITIVE
        thick = 0.6 + 0.36 * radius * abs(strength)
        style = f'stroke="{colour}" stroke-opacity="{opacity:.2g}" stroke-width="{thick:.2f}"'
        text = f"{name} = {sketch.weights[name]:.4g}"
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}>{_title(text)}</line>'


def _site(sketch: Sketch, site: int, x: float, y: float, radius: float) -> str:
    fill, both = _fill(sketch, site)
    stroke = f'stroke="{SKY if both else "currentColor"}" stroke-width="{3 if both else 1.1}"'
    if site in sketch.clamped:
        side = 1.8 * radius
        shape = (
            f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{fill}" {stroke}/>'
        )
    else:
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}" {stroke}/>'
    size = min(11.0, 2.3 * radius / max(len(str(site)), 1.6))
    label = ""
    if size >= 5.5:
        middle = f'x="{x:.1f}" y="{y + 0.35 * size:.1f}" text-anchor="middle"'
        label = f'<text {middle} font-size="{size:.1f}" fill="#1a1a1a">{site}</text>'
    return f"<g>{shape}{label}{_title(sketch.note(site))}</g>"


def _fill(sketch: Sketch, site: int) -> tuple[str, bool]:
    """Return the colour of a site, and whether it is an input and an output."""
    if site in sketch.inputs:
        return AMBER, site in sketch.outputs
    return (SKY if site in sketch.outputs else "#f2f2f2"), False


def _legend_line(keys: Mapping[str, str], y: float) -> str:
    parts, x = [], 4.0
    for kind, text in keys.items():
        if kind in ("positive", "negative"):
            colour = POSITIVE if kind == "positive" else NEGATIVE
            parts.append(
                f'<line x1="{x:.0f}" y1="{y - 4:.1f}" x2="{x + 14:.0f}" y2="{y - 4:.1f}" stroke="{colour}" stroke-width="3"/>'
            )
            x += 8
        elif kind == "clamped":
            parts.append(f'<rect x="{x:.0f}" y="{y - 8.5:.1f}" width="9" height="9" fill="{AMBER}"/>')
        else:
            parts.append(f'<circle cx="{x + 4.5:.1f}" cy="{y - 4:.1f}" r="4.5" fill="{FILLS[kind]}"/>')
        parts.append(f'<text x="{x + 13:.0f}" y="{y:.1f}" fill="currentColor" fill-opacity="0.75">{text}</text>')
        x += 13 + 6.2 * len(text) + 14
    return "".join(parts)


def _title(text: str) -> str:
    return f"<title>{escape(printable(text))}</title>"
