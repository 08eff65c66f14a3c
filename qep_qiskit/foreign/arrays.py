"""NPZ files from untrusted sources: every array's header is checked before it is unpacked. Nothing is unpickled."""

from __future__ import annotations

import math
import zipfile
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

MOST_ARRAYS = 100_000
LARGEST_HEADER = 10_000


def read_npz(file: IO[bytes], *, most: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of an NPZ file.

    Parameters
    ----------
    file : seekable binary file
    most : int
        The most bytes of all arrays after unpacking.

    Raises
    ------
    ValueError
        If the file is not a complete NPZ file, contains Python objects, or is too large. Nothing is unpacked then.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            members = packed.infolist()
            total = sum(member.file_size for member in members)
            if len(members) > MOST_ARRAYS or total > most:
                raise ValueError(f"it unpacks to {total:,} bytes in {len(members)} arrays; at most {most:,} bytes are read")
            for member in members:
                with packed.open(member) as stream:
                    _measure(stream, member)
            return {member.filename.removesuffix(".npy"): _array(packed, member) for member in members}
    except ValueError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many kinds of errors
        raise ValueError(f"it is not a complete NPZ file ({type(error).__name__})") from None


def _measure(stream: IO[bytes], member: zipfile.ZipInfo) -> None:
    """Check that an array's header agrees with the size of its data."""
    if member.flag_bits & 1 or not member.filename.endswith(".npy"):
        raise ValueError(f"{member.filename!r} is not an array")
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{member.filename!r} is an array of an unknown format")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream, max_header_size=LARGEST_HEADER)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read: they would be unpickled")
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != member.file_size - stream.tell():
        raise ValueError(f"{member.filename!r} does not have the size that its header states")


def _array(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with packed.open(member) as stream:
        array = npy.read_array(stream, allow_pickle=False, max_header_size=LARGEST_HEADER)
    return np.asarray(array)
