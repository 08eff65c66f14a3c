"""Faults to order: what a service does to its clients sooner or later, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qep_qiskit.errors import InputError, nearest


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes
    ----------
    name : str
    what : str
        What the service does.
    then : str
        What the program does about it.
    times : int
        How often it happens when it is ordered, unless told otherwise.
    """

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
        "503 to every request for a job until the client gives up",
        "one line, exit code 1; the same command later goes on, and finds that no job was made",
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
        "the reply is lost, and the new job shows in no listing for two seconds",
        "its tag is looked up until it shows, and nothing is sent again",
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
        "the access token is not taken any more (401) when the job is sent",
        "the client is made anew, with a new token, and the job is sent once",
    ),
    Fault(
        "read-once",
        "the result is handed out once and is gone then, as a private job's",
        "it is written down at the first reading, before anything else",
        1_000_000,
    ),
    Fault(
        "maintenance",
        "the device's status is maintenance",
        "one line, exit code 1, before anything is written or sent",
    ),
    Fault(
        "drift",
        "the readout becomes 1.6 times worse after the first job, and the device is calibrated anew",
        "every round's calibration is kept, and the gradient carries a warning that it changed",
    ),
    Fault(
        "echo",
        "a request for a job is refused, with the account's secrets in the message",
        "the message is shown and kept without them",
    ),
    Fault(
        "silence",
        "a request for a status is never answered",
        "the request is given up after a while, exit code 1; the same command later goes on",
    ),
)
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _ALL}


def orders(names: Iterable[str]) -> dict[str, int]:
    """Return how often each of these faults is to happen; ``"storm:5"`` says five times.

    Raises
    ------
    InputError
        For an unknown fault or a number that is none.

    Examples
    --------
    >>> orders(["lost-reply", "storm:5"])
    {'lost-reply': 1, 'storm': 5}
    """
    found = {}
    for text in names:
        name, _, times = text.partition(":")
        if name not in FAULTS:
            raise InputError(f"fault: unknown {name!r}; allowed: {', '.join(FAULTS)}{nearest(name, FAULTS)}")
        if times and not times.isdigit():
            raise InputError(f"fault: {text!r} is not allowed; give a whole number of times, such as {name}:3")
        found[name] = int(times) if times else FAULTS[name].times
    return found
