"""Figure of the history of a run's jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from qep_qiskit.drawing.picture import AMBER, BLUE, FAINT, GREEN, INK, ORANGE, PINK, SKY, YELLOW
from qep_qiskit.plain_text import drawn
from qep_qiskit.runs.file.records import Event

COLOURS = {
    "intended": "#bbbbbb",
    "sending": YELLOW,
    "submitted": SKY,
    "queued": AMBER,
    "running": GREEN,
    "done": BLUE,
    "failed": ORANGE,
    "cancelled": ORANGE,
    "lost": ORANGE,
    "replaced": PINK,
}
ENDS = ("done", "failed", "cancelled", "lost", "replaced")
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


def timeline(events: Sequence[Event], created: str) -> Figure:
    """Return the figure, with one row per job, one colour per state, and a mark at the end of each job."""
    jobs = spans(events)
    start = min([datetime.fromisoformat(created), *(s[0][1] for s in jobs.values())])
    end = max(max(datetime.fromisoformat(e.time) for e in events), start + LEAST)
    drawing = Figure(figsize=(8.5, 1.0 + 0.36 * len(jobs)), layout="constrained", facecolor="white")
    axes = drawing.subplots()
    seen: dict[str, None] = {}
    for row, (tag, states) in enumerate(jobs.items()):
        for state, begin, finish in states:
            seen[state] = None
            if state in ENDS:
                axes.plot([_day(begin)], [row], "o" if state == "done" else "X", color=COLOURS[state], markersize=7, zorder=4)
            else:
                width = ((end if finish is None else finish) - begin).total_seconds() / 86400
                axes.barh(row, width, left=_day(begin), height=0.5, color=COLOURS[state], zorder=3)
        beside = axes.get_yaxis_transform()
        axes.text(-0.01, row, drawn(_short(tag)), transform=beside, ha="right", va="center", fontsize=8, color=INK)
    room = (end - start) * 0.02
    axes.set_xlim(_day(start - room), _day(end + room))
    axes.set_ylim(len(jobs) - 0.4, -0.6)
    axes.set_yticks([])
    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.tick_params(labelsize=8, color=FAINT)
    axes.xaxis.get_offset_text().set_fontsize(8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    handles = [Patch(color=COLOURS[state], label=drawn(state)) for state in seen]
    drawing.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=8, frameon=False)
    return drawing


def _short(tag: str) -> str:
    """Return a short name of a job within its run: the round and the purpose."""
    pieces = tag.rsplit("-", 2)
    return f"round {int(pieces[1]) + 1}, {pieces[2]}" if len(pieces) == 3 and pieces[1].isdecimal() else tag[-24:]


def _day(time: datetime) -> float:
    """Return a time in Matplotlib's unit, days since 1970."""
    return time.timestamp() / 86400
