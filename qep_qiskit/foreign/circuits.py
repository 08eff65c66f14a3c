"""QPY data from untrusted files. The header is checked here; Qiskit reads the rest, first in a child process that may crash."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import signal
import struct
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from qiskit import qpy
from qiskit.circuit import QuantumCircuit

from qep_qiskit.errors import InputError
from qep_qiskit.memory import address_space

NEWEST = qpy.common.QPY_VERSION
"""The newest version of QPY that the installed Qiskit reads."""
WRITTEN = 17
"""The version of QPY that run files hold: the newest that Qiskit 2.3, the oldest supported, reads."""
MOST_QUBITS = 10_000
MOST_INSTRUCTIONS = 1_000_000
SECONDS, SECONDS_PER_MEGABYTE = 2, 2
ROOM = 400_000_000
"""Bytes of memory that reading circuits may use."""
_NO_MEMORY = 3


class NewerQiskitError(InputError):
    """A circuit that was written by a newer Qiskit than the installed one."""


def read_circuit(data: bytes) -> QuantumCircuit:
    """Return the only circuit in QPY data.

    Raises
    ------
    NewerQiskitError
        If only a newer Qiskit can read the data.
    ValueError
        If the data are not QPY of exactly one circuit, or the circuit is too large.
    """
    measure(data)
    try:
        circuits = _loaded(data)
    except Exception as error:  # Qiskit raises many kinds of errors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].strip("'\"")
        raise ValueError(f"is not QPY ({reason[:200]})") from None
    if len(circuits) != 1 or not isinstance(circuits[0], QuantumCircuit):
        raise ValueError("is not one circuit")
    return circuits[0]


def read_circuits(texts: Mapping[str, bytes]) -> dict[str, QuantumCircuit]:
    """Return the circuits of an untrusted file by name.

    Raises
    ------
    ValueError
        If a circuit cannot be read; the message begins with its name.
    """
    for name, data in texts.items():
        with _named(name):
            measure(data)
    culprit = _attempt(texts)
    if culprit is not None:
        raise ValueError(f"{culprit}: is not QPY (reading it takes too much memory or time)")
    circuits = {}
    for name, data in texts.items():
        with _named(name):
            circuits[name] = read_circuit(data)
    return circuits


def measure(data: bytes) -> None:
    """Refuse QPY data if its header claims a newer version, too large a circuit, or more data than there is.

    Raises
    ------
    NewerQiskitError, ValueError
    """
    try:
        magic, version, _, _, _, programs = struct.unpack_from("!6sBBBBQ", data)
        at = 18 + (version >= 10) + (version >= 5)
        if magic != b"QISKIT" or programs != 1 or not version >= 4:
            raise ValueError("is not QPY of one circuit")
        if version > NEWEST:
            raise NewerQiskitError(
                f"was written by a newer Qiskit (QPY {version}; the installed one reads QPY up to {NEWEST}); upgrade qiskit"
            )
        at += 8 * (version >= 16)
        name, _, phase, qubits, clbits, metadata, registers, gates = struct.unpack_from("!H1cHIIQIQ", data, at)
    except struct.error:
        raise ValueError("is not QPY (it ends within its header)") from None
    if max(qubits, clbits) > MOST_QUBITS or gates > MOST_INSTRUCTIONS:
        raise ValueError(
            f"has {qubits:,} qubits, {clbits:,} bits and {gates:,} gates by its header; "
            f"at most {MOST_QUBITS:,} and {MOST_INSTRUCTIONS:,} are read"
        )
    if name + phase + metadata + registers + gates > len(data):
        raise ValueError("is not QPY (its header claims more data than there is)")


def _loaded(data: bytes) -> Any:
    """Return what QPY data hold. A newer Qiskit may have written them: their version says that this one reads them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The qiskit version used to generate the provided QPY file", UserWarning)
        return qpy.load(io.BytesIO(data))


def _attempt(texts: Mapping[str, bytes]) -> str | None:
    """Read circuits in a child process with limited memory and time; return the name of the circuit that crashed it, or None."""
    if not hasattr(os, "fork") or not texts:
        return None
    seconds = SECONDS + SECONDS_PER_MEGABYTE * sum(map(len, texts.values())) // 1_000_000
    incoming, outgoing = os.pipe()
    with warnings.catch_warnings():
        # of threads, by Python and by JAX; the child does nothing but read circuits
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        child = os.fork()
    if child == 0:
        _read_and_exit(texts, outgoing, seconds)
    os.close(outgoing)
    try:
        ended = _waited(child, 5.0 * seconds)
        begun = b""
        while chunk := os.read(incoming, 65536):
            begun += chunk
    finally:
        os.close(incoming)
    if ended in (0, 1):  # after an exception in the child, reading here raises it again
        return None
    return list(texts)[max(len(begun) - 1, 0)]


def _read_and_exit(texts: Mapping[str, bytes], outgoing: int, seconds: int) -> None:
    import resource

    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (_seconds_used() + seconds, _seconds_used() + seconds + 1))
        if (used := address_space()) is not None:
            resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
        for data in texts.values():
            os.write(outgoing, b".")
            _loaded(data)
        code = 0
    except MemoryError:
        code = _NO_MEMORY
    except BaseException:
        code = 1
    finally:
        os._exit(code)


def _waited(child: int, seconds: float) -> int:
    """Return the exit code of a child process; kill it if it takes too long."""
    end = time.monotonic() + seconds
    pause = 0.001
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -signal.SIGKILL
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def _seconds_used() -> int:
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return int(used.ru_utime + used.ru_stime) + 1


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except NewerQiskitError as error:
        raise NewerQiskitError(f"{name}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
