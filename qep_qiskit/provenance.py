"""Versions of the packages that results depend on."""

from __future__ import annotations

import functools
import platform
from importlib import metadata

PACKAGES = ("qep-qiskit", "qiskit", "qiskit-aer", "qiskit-algorithms", "qiskit-ibm-runtime", "numpy", "scipy", "physics-tenpy")


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
    """Return the installed version of each package that results depend on, and Python's."""
    return dict(_versions())
