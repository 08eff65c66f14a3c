"""Errors for users. Each is one line that states the problem, the value, and the remedy."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """Invalid input from the user. The command line prints it as one line and exits with 2."""


class TooLargeError(InputError):
    """An exact result that does not fit in memory or takes too long; the message names the alternative."""


class BusyError(InputError):
    """Another process is working on the run; repeat the command later. Exit code 3."""


class DegenerateGroundStateError(InputError):
    """The ground state is not unique, so its response to a nudge is not defined."""


class NudgeWarning(UserWarning):
    """The nudge is large compared with the gap, or a phase has not converged: the gradient may be biased."""


class DeviceError(RuntimeError):
    """A device or its service failed. Jobs sent earlier stay valid, and the command may be repeated. Exit code 1."""


class RefusedJobError(DeviceError):
    """A device refused a job instead of accepting it: nothing was sent and nothing is billed."""


class UnreadableResultError(DeviceError):
    """A device returned an unusable result for a job. None of it is stored; it can be read again, or its job sent again."""


class FailedCircuitError(DeviceError):
    """One of a job's circuits failed on the device, so the whole job failed and must be submitted again."""


class ForgottenJobError(DeviceError):
    """The service does not return a job or its result; the message says "job … is unknown to the service: …" or why not."""


class PreparationError(RuntimeError):
    """A state could not be prepared although the input was well formed. Exit code 1."""


def nearest(word: object, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known word in any case, or an empty string."""
    import difflib  # only when something is wrong

    if not isinstance(word, str):
        return ""
    names = [*known]
    close = difflib.get_close_matches(word.lower(), {name.lower() for name in names}, n=1, cutoff=0.5)
    same = [name for name in names if [name.lower()] == close]
    return f"; did you mean {max(same, key=lambda name: difflib.SequenceMatcher(None, word, name).ratio())!r}?" if same else ""
