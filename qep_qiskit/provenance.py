"""What ran: versions of the packages that numbers depend on."""

from __future__ import annotations

import functools
import platform
from importlib import metadata

PACKAGES = ("qep-qiskit", "qiskit", "qiskit-aer", "qiskit-algorithms", "qiskit-ibm-runtime", "numpy", "scipy", "physics-tenpy")


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return tuple(found.items())


def versions() -> dict[str, str]:
    """Return the installed version of each package that results depend on, and Python's."""
    return dict(_versions())
