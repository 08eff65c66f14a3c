"""Results in notebooks: a title, key figures, a graph, and a small table with bars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from qep_qiskit.display import FAINT, ORANGE
from qep_qiskit.drawing.graph_svg import POSITIVE
from qep_qiskit.plain_text import printable

MOST_WARNINGS = 3
STYLE = (
    ".qep{font:13px/1.45 system-ui,sans-serif;max-width:48rem}"
    ".qep p{margin:.15em 0}.qep svg{vertical-align:middle;margin:.25em 0}"
    ".qep .qep-title{font-weight:600;font-size:1.08em}.qep .qep-soft{opacity:.72}"
    ".qep .qep-warning{border-left:3px solid " + ORANGE + ";padding-left:.6em}"
    ".qep table{border-collapse:collapse;margin:.35em 0;font-variant-numeric:tabular-nums;width:auto;border:0}"
    ".qep table{font-size:inherit;color:inherit}"
    ".qep th,.qep td{padding:.06em .8em .06em 0;text-align:left;border:0;background:none;white-space:nowrap}"
    ".qep td.qep-wide{white-space:normal}"
    ".qep thead th{font-weight:500;opacity:.72;border-bottom:1px solid " + FAINT + "}"
)


def card(
    title: str,
    *,
    facts: Sequence[str] = (),
    graph: str = "",
    headings: Sequence[str] = (),
    rows: Iterable[Sequence[str]] = (),
    notes: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> str:
    """Return an HTML element that fits light and dark notebooks and runs no script. All text is escaped, except Markup.

    Parameters
    ----------
    facts : sequence of str
        Key figures, shown in one line.
    graph : str
        An SVG element, which is not escaped.
    notes, warnings : sequence of str
        Lines below the table; of the warnings only the first few.
    """
    lines = [[_cell(cell) for cell in row] for row in rows]
    head = Markup("").join(Markup("<th>{}</th>").format(_clean(word)) for word in headings)
    body = Markup("").join(Markup("<tr>{}</tr>").format(Markup("").join(row)) for row in lines)
    table = Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body) if lines else ""
    further = [f"… and {len(warnings) - MOST_WARNINGS} more warnings"] if len(warnings) > MOST_WARNINGS else []
    parts = [
        Markup("<style>{}</style>").format(Markup(STYLE)),
        _line("qep-title", title),
        *([_line("qep-soft", " · ".join(facts))] if facts else []),
        Markup(graph),
        table,
        *(_line("qep-soft", note) for note in notes),
        *(_line("qep-warning", f"Warning: {text}") for text in warnings[:MOST_WARNINGS]),
        *(_line("qep-warning", text) for text in further),
    ]
    return str(Markup('<div class="qep">{}</div>').format(Markup("").join(parts)))


def bar(value: float | None, error: float | None = None, *, largest: float, signed: bool = True, width: int = 140) -> Markup:
    """Return a horizontal bar from zero to a value, with a line of ± one error.

    Parameters
    ----------
    largest : float
        The value at the end of the bar.
    signed : bool
        Whether zero is in the middle; otherwise at the left.
    """
    if value is None or not math.isfinite(value) or not largest > 0:
        return Markup("")
    zero, unit = (width / 2, (width / 2 - 2) / largest) if signed else (1.0, (width - 3) / largest)

    def place(number: float) -> float:
        return min(max(zero + unit * number, 0.0), float(width))

    end = place(value)
    colour = ORANGE if value < 0 else POSITIVE
    shapes = f'<rect x="{min(zero, end):.1f}" y="4" width="{abs(end - zero):.1f}" height="6" fill="{colour}"/>'
    if signed:
        shapes += f'<line x1="{zero}" y1="1" x2="{zero}" y2="13" stroke="currentColor" stroke-opacity="0.4"/>'
    if error is not None and math.isfinite(error) and error > 0:
        low, high = place(value - error), place(value + error)
        shapes += f'<line x1="{low:.1f}" y1="7" x2="{high:.1f}" y2="7" stroke="currentColor" stroke-width="1.6"/>'
    return Markup(f'<svg width="{width}" height="14" aria-hidden="true">{shapes}</svg>')


def _clean(text: str) -> str:
    return text if isinstance(text, Markup) else printable(str(text))


def _cell(cell: str) -> Markup:
    kind = Markup(' class="qep-wide"') if not isinstance(cell, Markup) and len(str(cell)) > 60 else ""
    return Markup("<td{}>{}</td>").format(kind, escape(_clean(cell)))


def _line(kind: str, text: str) -> Markup:
    return Markup('<p class="{}">{}</p>').format(kind, _clean(text))
