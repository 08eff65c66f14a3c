"""Table of the epochs of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from qep_qiskit.display import terminal_table
from qep_qiskit.estimates import percent, with_error

MOST_EPOCHS = 12


def epoch_table(epochs: Sequence[Mapping[str, Any]], title: str | None = None) -> Table:
    """Return a table of losses and accuracies by epoch; of a long training only the first two and the last epochs are shown."""
    headings = ("epoch", "training loss", "held-out loss", "training accuracy", "held-out accuracy")
    table = terminal_table(right=headings, title=title)
    for number, row in enumerate(epochs):
        if len(epochs) <= MOST_EPOCHS or number < 2 or number > len(epochs) - MOST_EPOCHS + 2:
            table.add_row(
                str(row["epoch"]),
                with_error(row["train_loss"], None),
                with_error(row["validation_loss"], row["validation_loss_stderr"]),
                percent(row["train_accuracy"]),
                percent(row["validation_accuracy"]),
            )
        elif number == 2:
            table.add_row("…")
    return table
