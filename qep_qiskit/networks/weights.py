"""Weights by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from qep_qiskit.display import MOST_LINES


class Weights(dict[str, float]):
    """Weights by name, in the order of ``network.names``; NumPy converts them to an array in that order.

    Examples
    --------
    >>> weights = Weights({"J[0,1]": 0.5, "g[0]": 1.0})
    >>> weights["g[0]"], np.asarray(weights).tolist()
    (1.0, [0.5, 1.0])
    """

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(list(self.values()), dtype=float if dtype is None else dtype)

    def __repr__(self) -> str:
        shown = [f"{name!r}: {value!r}" for name, value in list(self.items())[:MOST_LINES]]
        rest = f", … {len(self) - MOST_LINES} more" if len(self) > MOST_LINES else ""
        return f"{{{', '.join(shown)}{rest}}}"
