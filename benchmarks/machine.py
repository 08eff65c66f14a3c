"""The machine and the package versions that the numbers depend on."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OURS = "qep-qiskit"


def machine() -> dict[str, Any]:
    """Return processor, cores, memory, system and Python; nothing that names the host."""
    return {
        "cpu": _field(Path("/proc/cpuinfo"), "model name", ":") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(_memory() / 2**30, 1),
        "system": (_field(Path("/etc/os-release"), "PRETTY_NAME", "=") or platform.system()).strip('"'),
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }


def _field(path: Path, name: str, separator: str) -> str:
    if not path.exists():
        return ""
    lines = (line.partition(separator) for line in path.read_text(encoding="utf-8").splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


@functools.cache
def version(package: str) -> str:
    """Return the installed version; ours with a digest of the sources, so that a change of them is a new version."""
    try:
        installed = metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
    return f"{installed}+{_digest()}" if package == OURS else installed


def _digest() -> str:
    sources = sorted((ROOT / "qep_qiskit").rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]
