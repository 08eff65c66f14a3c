"""Output to stdout and stderr: JSON without NaN, and consoles.

All text is printed by :func:`say`, :func:`console` or :func:`print_json`, which remove secrets and terminal control characters.
Markup is interpreted only in our own templates, by :func:`marked`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

from qep_qiskit.documents import plain
from qep_qiskit.plain_text import LONGEST_NAME, one_line, printable, shortened
from qep_qiskit.secrets import scrubbed, scrubbed_document

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\ufffb]")
PLAIN_WIDTH = 100
"""The number of columns if stdout is not a terminal."""
UNBROKEN_WIDTH = 10_000
LEAST_WIDTH = 80
"""The least number of columns: a narrower terminal breaks the lines, since tables would have to cut their numbers."""


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """Return JSON for any parser: NaN and infinities become null, and arrays become lists.

    Examples
    --------
    >>> to_json({"a": float("nan"), "b": (1, 2)}, indent=None)
    '{"a": null, "b": [1, 2]}'
    """
    text = json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) if _UNSEEN.search(text) else text


def print_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    text = to_json(scrubbed_document(plain(value)))
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    if encoding != "utf8":
        text = "".join(letter if letter.isascii() else json.dumps(letter)[1:-1] for letter in text)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say(text: object = "", *, err: bool = False) -> None:
    """Print a text on stdout or stderr, without interpreting any markup."""
    stream = sys.stderr if err else sys.stdout
    stream.write(printable(scrubbed(str(text))) + "\n")
    stream.flush()


def console(*, whole: bool = False) -> Console:
    """Return a console for stdout. It interprets no markup and shows every character as text.

    If `whole`, lines are not broken unless they go to a terminal, so that other programs get complete names from a pipe.
    """
    from rich.console import Console
    from rich.segment import Segment

    class PlainConsole(Console):
        def _render_buffer(self, buffer: Any) -> str:
            return super()._render_buffer(
                part if part.control else Segment(printable(part.text), part.style, part.control) for part in buffer
            )

    if sys.stdout.isatty():
        width = max(shutil.get_terminal_size().columns, LEAST_WIDTH)
    else:
        width = UNBROKEN_WIDTH if whole else PLAIN_WIDTH
    return PlainConsole(width=width, highlight=False, markup=False, emoji=False)


def marked(template: str, *values: object) -> Text:
    """Return a template with its markup applied and each ``{}`` replaced by a literal value on one line.

    Examples
    --------
    >>> marked("[bold]Device[/] {}", "[red]odd[/]").plain
    'Device [red]odd[/]'
    """
    from rich.text import Text

    text, (first, *rest) = Text(), template.split("{}")
    style = Text.from_markup("\0".join((first, *rest)))
    for piece, value in zip(style.split("\0", allow_blank=True), (*values, None), strict=True):
        text.append_text(piece)
        if value is not None:
            text.append(one_line(scrubbed(str(value))))
    return text


def cell(value: object, style: str = "") -> Text:
    """Return a table cell that shows a value literally on one line."""
    from rich.text import Text

    return Text(one_line(scrubbed(str(value))), style=style)


def name_cell(value: object, width: int = LONGEST_NAME) -> Text:
    """Return a table cell with a name, short enough to leave room for the numbers."""
    from rich.text import Text

    return Text(shortened(str(value), width))
