"""Reports of results: tables on the terminal, figures, and self-contained HTML pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qep_qiskit.lazy_names import lazy_names

if TYPE_CHECKING:
    from qep_qiskit.report.pages import write_page

__all__ = ["write_page"]

__getattr__, __dir__ = lazy_names(__name__)
