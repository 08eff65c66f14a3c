"""Budgets on disk: every rung is written as soon as it is computed, so that an interrupted comparison resumes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qep_qiskit.budget.budget import Budget
from qep_qiskit.documents import plain
from qep_qiskit.files import make_folder, write_whole
from qep_qiskit.fingerprints import fingerprint

FILE = "budget.json"


@dataclass(frozen=True)
class Kept:
    """The folder in which the rungs of one comparison are kept.

    Attributes
    ----------
    folder : path
    question : str or None
        The fingerprint of the problem, the settings and the versions. Rungs are reused only if it matches; None: never.
    extra : mapping
        More entries of the file.
    """

    folder: str | os.PathLike[str]
    question: str | None
    extra: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """The file, with the contents of ``Budget.to_dict``."""
        return Path(self.folder) / FILE

    def read(self) -> Budget | None:
        """Return the budget of an interrupted comparison with the same fingerprint; None if there is none, or a changed one."""
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            if self.question is None or document.get("question") != self.question or document.get("complete") is not False:
                return None
            if document.pop("checksum") != fingerprint(document):
                return None
            return Budget.of(document)
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            return None

    def write(self, budget: Budget, *, complete: bool) -> Path:
        """Write all rungs. A reader sees either the old file or the new one, never a part of it."""
        make_folder(self.path.parent)
        document = plain({**budget.to_dict(), **self.extra, "question": self.question, "complete": complete})
        text = json.dumps({**document, "checksum": fingerprint(document)}, indent=2, allow_nan=False)
        return write_whole(self.path, (text + "\n").encode())
