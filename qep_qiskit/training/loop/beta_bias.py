"""The finite-β bias over the steps of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qep_qiskit.equilibrium.bias import WARNED
from qep_qiskit.estimates import percent

OFTEN = 0.1
"""A warning appears if the bias of β is large in more than this share of the steps."""


def biased_steps(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a warning if the finite-β bias often exceeded both 5 % of a batch's gradient and its shot error."""
    rows = [row for row in history if isinstance(row.get("beta_bias"), float)]
    large = [
        row["beta_bias"]
        for row in rows
        if row["beta_bias"] > WARNED and row["beta_bias"] * row["gradient_norm"] > (row.get("gradient_stderr") or 0.0)
    ]
    if len(large) <= OFTEN * len(rows):
        return []
    return [
        f"the bias of a finite β exceeded {100 * WARNED:g} % of the batch's gradient in {len(large)} of {len(rows)} steps "
        f"(median {percent(sorted(large)[len(large) // 2])}); take a smaller β if training does not settle"
    ]
