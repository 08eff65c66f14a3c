"""Results as tables of pandas, if it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qep_qiskit.errors import InputError


def frame(columns: Mapping[str, Any], index: Sequence[Any] | None = None, name: str | None = None) -> Any:
    """Return a pandas DataFrame with these columns.

    Parameters
    ----------
    columns : mapping of str to sequence
    index : sequence, optional
        The labels of the rows, with their `name`.

    Raises
    ------
    InputError
        If pandas is not installed.
    """
    try:
        import pandas  # type: ignore[import-untyped]
    except ImportError:
        raise InputError("to_frame: needs pandas; pip install pandas, or take to_dict()") from None
    return pandas.DataFrame(dict(columns), index=None if index is None else pandas.Index(list(index), name=name))
