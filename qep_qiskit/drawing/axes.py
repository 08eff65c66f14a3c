"""New axes, and their common style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qep_qiskit.checks import shown
from qep_qiskit.display import FAINT
from qep_qiskit.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def axes_of(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the given axes, or new ones in a figure of `size` inches.

    Raises
    ------
    InputError
        If `ax` is neither matplotlib axes nor None.
    """
    if ax is None:
        from matplotlib import pyplot

        return pyplot.figure(figsize=size, layout="constrained").subplots()
    if not hasattr(ax, "get_xaxis_transform"):
        raise InputError(
            f"ax: {shown(ax)} is not allowed; give matplotlib axes, such as those of plt.subplots(), or leave it out"
        )
    return ax


def plain_frame(axes: Axes) -> None:
    """Draw only the left and the lower side of the frame, in a faint colour."""
    axes.tick_params(labelsize=8, color=FAINT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)


def legend_above(axes: Axes, columns: int, *, left: float = -0.01, fontsize: float = 8.5, **style: Any) -> None:
    """Add a legend above the axes, in columns that begin at their left side."""
    style = {
        "borderaxespad": 0.2,
        "bbox_to_anchor": (left, 1.0),
        "ncols": columns,
        "frameon": False,
        "fontsize": fontsize,
        **style,
    }
    axes.legend(loc="lower left", **style)
