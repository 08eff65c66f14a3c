"""Notes in figures, and the conversion of figures to files."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qep_qiskit.files import write_whole


def note(axes: Axes, text: str, place: tuple[float, float], offset: tuple[float, float], **style: Any) -> None:
    """Write a text at an offset in points from a place; it contains no formulas."""
    axes.annotate(text, place, offset, textcoords="offset points", parse_math=False, **{"va": "center", **style})


def file_bytes(figure: Figure, style: Literal["png", "svg"] = "svg", dpi: int = 150) -> bytes:
    """Return a figure as the content of a file, with a resolution for PNG; the same figure gives the same bytes."""
    stream = io.BytesIO()
    metadata = {"Software": None} if style == "png" else {"Date": None, "Creator": None}
    with warnings.catch_warnings(), rc_context({"svg.hashsalt": "qep"}):
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.draw_without_rendering()  # the layout of parts in parts takes two rounds
        figure.savefig(stream, format=style, dpi=dpi, metadata=metadata)
    return stream.getvalue()


def write(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure into a file, and return its path: SVG if the path ends in .svg, else PNG."""
    return write_whole(path, file_bytes(figure, "svg" if os.fspath(path).lower().endswith(".svg") else "png"))
