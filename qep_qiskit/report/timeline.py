"""The history of a run's jobs as bars: one row per job, one colour per state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from qep_qiskit.estimates import duration
from qep_qiskit.plain_text import shortened
from qep_qiskit.report.charts import Bar, Part
from qep_qiskit.runs.file.records import Event

TONES = {
    "intended": "plain",
    "sending": "yellow",
    "submitted": "shots",
    "queued": "beta",
    "running": "green",
    "done": "mitigated",
    "failed": "raw",
    "cancelled": "raw",
    "lost": "raw",
    "replaced": "device",
}
"""The tone of each state in the style sheet."""
ENDS = ("done", "failed", "cancelled", "lost", "replaced")
END_WIDTH = 0.8
"""The width of the mark at the end of a job, as a percentage of the axis."""
LEAST = timedelta(milliseconds=200)
Span = tuple[str, datetime, datetime | None]


def spans(events: Sequence[Event]) -> dict[str, list[Span]]:
    """Return the states of every job with their start and end; the end of the last state is None."""
    by_tag: dict[str, list[Span]] = {}
    for event in events:
        if event.tag is None or event.state is None:
            continue
        time, states = datetime.fromisoformat(event.time), by_tag.setdefault(event.tag, [])
        if states and states[-1][0] == event.state:
            continue
        if states:
            states[-1] = (states[-1][0], states[-1][1], time)
        states.append((event.state, time, None))
    return by_tag


def timeline(events: Sequence[Event], jobs: Mapping[str, list[Span]], created: str) -> list[Bar]:
    """Return one bar per job, with the time in every state, and a mark at its end; `jobs` are the spans of the events."""
    if not jobs:
        return []
    start = min([datetime.fromisoformat(created), *(s[0][1] for s in jobs.values())])
    end = max(max(datetime.fromisoformat(e.time) for e in events), start + LEAST)
    whole = (end - start) / (1 - END_WIDTH / 100)
    rows = []
    for tag, states in jobs.items():
        parts = [Part("gap", _share(states[0][1] - start, whole))]
        for state, begin, finish in states:
            if state in ENDS:
                parts.append(Part(TONES[state], END_WIDTH, state))
            else:
                lasted = (end if finish is None else finish) - begin
                parts.append(
                    Part(TONES.get(state, "plain"), _share(lasted, whole), f"{state}: {duration(lasted.total_seconds())}")
                )
        total = (states[-1][1] if states[-1][0] in ENDS else end) - states[0][1]
        rows.append(Bar(title=_short(tag), parts=parts, number=duration(total.total_seconds()), aside=states[-1][0]))
    return rows


def seen(jobs: Mapping[str, list[Span]]) -> list[tuple[str, str]]:
    """Return the tone and the name of every state that occurs."""
    states = dict.fromkeys(state for job in jobs.values() for state, _, _ in job)
    return [(TONES.get(state, "plain"), state) for state in states]


def _share(part: timedelta, whole: timedelta) -> float:
    return round(100 * max(part / whole, 0.0), 2)


def _short(tag: str) -> str:
    """Return a short name of a job within its run: the round and the purpose."""
    pieces = tag.rsplit("-", 2)
    return f"round {int(pieces[1]) + 1}, {pieces[2]}" if len(pieces) == 3 and pieces[1].isdecimal() else shortened(tag, 24)
