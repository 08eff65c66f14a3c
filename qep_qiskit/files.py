"""Writing of files, completely or not at all."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from qep_qiskit.errors import InputError


def typed(path: str | os.PathLike[str]) -> str:
    """Return a path as it is typed in a shell, in quotes where it needs them."""
    return shlex.quote(os.fspath(path))


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file so that readers see either the old content or the new one. A symbolic link is followed.

    Returns
    -------
    Path
        The path of the written file.

    Raises
    ------
    OSError
        If the file cannot be written, for instance because the disk is full. The error names the file.
    """
    target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    if target.exists() and not target.is_file():
        return _written_through(target, content)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if error.errno is not None:
            error.filename = str(target)
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return Path(path)


def _written_through(target: Path, content: bytes) -> Path:
    """Write into a device such as /dev/stdout, which must not be replaced by a file."""
    try:
        with open(target, "wb") as stream:
            stream.write(content)
    except OSError as error:
        error.filename = str(target)
        raise
    return target


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it, and return those that were missing. Raise InputError where that is not possible."""
    missing = missing_folders(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be made ({error.strerror}); give another one") from None
    return missing


def missing_folders(folder: Path) -> list[Path]:
    """Return the folders that must be made so that a folder exists, the innermost first."""
    return [above for above in (folder, *folder.parents) if not above.exists()]


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove these folders, the innermost first, except those in which something is, perhaps of another process."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def writable(path: str | os.PathLike[str], option: str) -> Path:
    """Check, before the work starts, that its result can be written to a path, and return the path.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written to, or if the path is a folder.
    """
    target = Path(path)
    folder = target.parent
    if target.is_dir():
        raise InputError(f"{option}: {str(path)!r} is a folder; give a file")
    if not folder.is_dir():
        raise InputError(f"{option}: the folder {str(folder)!r} does not exist; make it first, or give another file")
    if not os.access(target if target.exists() and not target.is_file() else folder, os.W_OK):
        raise InputError(f"{option}: {str(path)!r} cannot be written; give another file")
    return target
