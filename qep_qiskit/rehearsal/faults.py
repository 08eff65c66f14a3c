"""Faults on request: failures of a service that clients must handle, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qep_qiskit.errors import InputError, nearest


@dataclass(frozen=True)
class Fault:
    """A failure of the service that can be ordered: what the service does, how the program reacts, and how often by default."""

    name: str
    what: str
    then: str
    times: int = 1


_ALL = (
    Fault(
        "storm",
        "three requests for a job are answered 503 with Retry-After, before anything was made",
        "the client waits and asks again",
        3,
    ),
    Fault(
        "long-storm",
        "every request for a job is answered 503 until the client gives up",
        "one line, exit code 1; the same command later resumes, and finds that no job was made",
        6,
    ),
    Fault(
        "lost-reply",
        "a job is made and the connection is closed before the reply",
        "the job is found by its tag and adopted",
    ),
    Fault(
        "duplicate",
        "a job is made and the reply is a 502, so that the client itself asks again and makes a second one",
        "one is kept; the other is reported, and cancelled before it runs",
    ),
    Fault(
        "lagging-list",
        "the reply is lost, and the new job is missing from listings for two seconds",
        "its tag is looked up until it appears, and nothing is sent again",
    ),
    Fault("slow-queue", "the job waits in the queue for five seconds", "exit code 3, not finished yet, until it is done"),
    Fault(
        "failed-job",
        "the job fails on the device",
        "the reason in one line, exit code 2; `qep collect RUN --resubmit` sends it again under a new tag",
    ),
    Fault(
        "cancelled-job",
        "the operator cancels the job",
        "the same as for a job that failed",
    ),
    Fault(
        "expired-token",
        "the access token is refused (401) when the job is sent",
        "a new client gets a new token, and the job is sent once",
    ),
    Fault(
        "read-once",
        "the result can be read once and is then gone, like a private job's",
        "it is stored at the first reading, before anything else",
        1_000_000,
    ),
    Fault(
        "maintenance",
        "the device's status is maintenance",
        "one line, exit code 1, before anything is written or sent",
    ),
    Fault(
        "drift",
        "the readout becomes 1.6 times worse after the first job, and the device is recalibrated",
        "every round's calibration is stored, and the gradient carries a warning that it changed",
    ),
    Fault(
        "echo",
        "a request for a job is refused, with the account's secrets in the message",
        "the message is shown and stored without them",
    ),
    Fault(
        "silence",
        "a request for a status is never answered",
        "the request times out, exit code 1; the same command later resumes",
    ),
)
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _ALL}


def orders(names: Iterable[str]) -> dict[str, int]:
    """Return how often each of these faults will happen; ``"storm:5"`` means five times.

    Raises
    ------
    InputError
        If a fault is unknown or its count is malformed.

    Examples
    --------
    >>> orders(["lost-reply", "storm:5"])
    {'lost-reply': 1, 'storm': 5}
    """
    counts = {}
    for text in names:
        name, _, times = text.partition(":")
        if name not in FAULTS:
            raise InputError(f"fault: unknown {name!r}; allowed: {', '.join(FAULTS)}{nearest(name, FAULTS)}")
        if times and not times.isdigit():
            raise InputError(f"fault: {text!r} is not allowed; give a whole number of times, such as {name}:3")
        counts[name] = int(times) if times else FAULTS[name].times
    return counts
