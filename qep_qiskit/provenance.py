"""Versions of Python and of the packages on which results depend."""

from __future__ import annotations

import functools
import platform
from importlib import metadata

PACKAGES = ("qep-qiskit", "qiskit", "qiskit-aer", "qiskit-algorithms", "qiskit-ibm-runtime", "numpy", "scipy")


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    installed = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return tuple(installed.items())


def versions() -> dict[str, str]:
    """Return the installed versions of Python and of each package on which results depend."""
    return dict(_versions())
