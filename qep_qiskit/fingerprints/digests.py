"""Digests of plain values, arrays and files, which are the leaves of every fingerprint."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from qep_qiskit.errors import InputError

EXACT_INTEGERS = 2**53
_READ = 1 << 20


class UnidentifiedError(InputError):
    """A value has no content that identifies it, such as a function that reads an open file."""


@dataclasses.dataclass(frozen=True)
class FileContent:
    """A file, which is identified by its bytes."""

    path: str | os.PathLike[str]

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name

    def digest(self) -> str:
        """Return the digest of the file's bytes."""
        state = hashlib.sha256()
        try:
            with open(self.path, "rb") as stream:
                while part := stream.read(_READ):
                    state.update(part)
        except OSError as error:
            raise InputError(f"{os.fspath(self.path)}: cannot be read ({error.strerror}); give a file that can") from None
        return state.hexdigest()

    def identity(self) -> object:
        """Return the file's digest; its path is not part of the identity."""
        return ("file", self.digest())


def packed(tag: str, parts: Iterable[str | bytes]) -> bytes:
    """Return the digest of a tag and parts; the length of each part is included, so that different parts never coincide."""
    state = hashlib.sha256(tag.encode())
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        state.update(b"%d:" % len(data) + data)
    return state.digest()


def plain(value: object) -> bytes | None:
    """Return the digest of a number, text, bytes, flag or None. For any other value, return None."""
    match value:
        case None | bool() | np.bool_():
            return packed("word", [str(value)])
        case int():
            return packed("number", [str(int(value))]) if not isinstance(value, enum.Enum) else None
        case str():
            return packed("text", [str(value)]) if not isinstance(value, enum.Enum) else None
        case float():
            return packed("number", [_float(float(value))])
        case complex():
            real, imaginary = value.real, value.imag
            return packed("number", [_float(real)] if imaginary == 0 else [_float(real), _float(imaginary)])
        case bytes() | bytearray():
            return packed("bytes", [bytes(value)])
        case np.generic() if value.dtype.kind in "iufc":
            return plain(value.item())
    return None


def _float(value: float) -> str:
    """Return the exact text of a number; whole numbers look like integers, and −0 like 0."""
    return str(int(value)) if value.is_integer() and abs(value) < EXACT_INTEGERS else float.hex(value)


def of_numbers(array: np.ndarray) -> bytes:
    """Return the digest of an array, independent of its number type if float64 represents the numbers exactly."""
    whole = array
    if array.dtype.kind in "iu" and (array.size == 0 or int(np.abs(array.astype(object)).max()) < EXACT_INTEGERS):
        whole = array.astype(np.float64)
    elif array.dtype.kind in "fc":
        whole = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64) + 0.0
    kind = whole.dtype.newbyteorder("<") if whole.dtype.byteorder != "|" else whole.dtype
    data = np.ascontiguousarray(whole.astype(kind, copy=False))
    return packed("array", [kind.str, str(array.shape), data.tobytes()])
