"""Storage of the steps and checkpoints of a training in its run's file."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from qep_qiskit.foreign.arrays import read_npz
from qep_qiskit.foreign.documents import json_value
from qep_qiskit.runs.file.database import Database
from qep_qiskit.runs.file.records import Checkpoint
from qep_qiskit.secrets import scrubbed_document


class TrainingRows:
    """The methods of :class:`~qep_qiskit.runs.file.store.RunStore` for the steps and checkpoints of a training."""

    _data: Database

    def add_step(
        self,
        number: int,
        value: Mapping[str, Any],
        *,
        checkpoint: Checkpoint | None = None,
        parts: Sequence[Checkpoint] = (),
    ) -> None:
        """Store a step and its checkpoint, with further parts if any: all of them or none.

        If there is already a step with this number, the training has gone back to an earlier checkpoint: the step is replaced,
        and later steps are dropped.
        """
        with self._data.transaction():
            for later in self._data.numbers("steps", start=int(number)):
                self._data.drop("steps", number=later)
            self._data.put("steps", number=int(number), time=now(), value=text_of(value))
            for part in (*parts, *(() if checkpoint is None else (checkpoint,))):
                self.put_checkpoint(part)

    def steps(self) -> list[dict[str, Any]]:
        """Return the steps in order, each with its ``number``."""
        rows = self._data.rows("steps", order="number")
        return [{**self._json(row["value"], f"step {row['number']}"), "number": row["number"]} for row in rows]

    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint, replacing any of the same name."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {name: np.asarray(array) for name, array in checkpoint.arrays.items()}
        if any(array.dtype.hasobject for array in arrays.values()):
            raise ValueError("a checkpoint holds arrays of numbers only")
        np.savez(buffer, **arrays)
        with self._data.transaction():
            texts = {"name": checkpoint.name, "time": now(), "about": text_of(checkpoint.about)}
            self._data.put("checkpoints", **texts, data=buffer.getvalue())

    def checkpoint_names(self) -> list[str]:
        """Return the names of all checkpoints."""
        return [str(row["name"]) for row in self._data.rows("checkpoints", order="name")]

    def checkpoint(self, name: str = "last") -> Checkpoint | None:
        """Return the checkpoint with this name, or None."""
        row = self._data.row("checkpoints", name=name)
        if row is None:
            return None
        with self._data.whole(f"checkpoint {name}"):
            arrays = read_npz(io.BytesIO(row["data"]), most=2 * len(row["data"]))
        return Checkpoint(name, arrays, self._json(row["about"], f"checkpoint {name}"))

    def _json(self, text: object, what: str) -> Any:
        with self._data.whole(what):
            return json_value(str(text))


def text_of(value: Any) -> str:
    """Return a document as JSON, with secrets removed from its texts."""
    return json.dumps(scrubbed_document(value), ensure_ascii=False, allow_nan=False, sort_keys=True)


def now() -> str:
    """Return the current time in UTC, in the format of runs."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
