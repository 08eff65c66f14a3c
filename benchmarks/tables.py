"""Markdown tables made from results.json: all of it in results.md, a line per size in docs/, a line per task in README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import Results, Row
from benchmarks.tasks.batch_states import SITES

START, END = "<!-- benchmark -->", "<!-- /benchmark -->"


@dataclass(frozen=True)
class Headline:
    """A task of README.md in words; `qubits` where its sizes count something else."""

    words: str
    qubits: int | None = None


HEADLINES = {
    "gradient": Headline("exact gradient of an Ising network, all weights"),
    "ground-state": Headline("ground state of an Ising network"),
    "energy-gradient": Headline("energy and gradient of a six-layer ansatz"),
    "vqe-2": Headline("gradient by VQE, two layers: free and two nudged phases"),
    "batch-states-2": Headline("such gradients of a batch of 64 samples", SITES),
}


def write_tables(results: Results, full: Path, pages: Mapping[Path, Callable[[Results], str]]) -> list[Path]:
    """Write results.md, and in each page the table between its marks; return what was written."""
    full.write_text(full_tables(results), encoding="utf-8")
    for page, table_of in pages.items():
        page.write_text(between(page.read_text(encoding="utf-8"), table_of(results)), encoding="utf-8")
    return [full, *pages]


def between(text: str, table: str) -> str:
    """Return the text with the table between its two marks; as it is where it has none."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        return text
    return f"{before}{START}\n{table}\n{END}{after}"


def short_table(results: Results) -> str:
    """Return one line per task and size, on one thread: ours, plain Qiskit and the fastest rival."""
    lines = [
        [ours.task, str(ours.size), clock(ours), *_beside(plain), *_beside(best, named=True)]
        for ours, plain, best in _contests(results)
    ]
    head = ["task", "size", "ours", "plain Qiskit", "ratio", "fastest rival", "", "ratio"]
    return table(head, lines, "llrrrlrr") + f"\n\n{machine_line(results)}"


def headline_table(results: Results) -> str:
    """Return one line per task of :data:`HEADLINES`, at the largest size that plain Qiskit was measured at too, if at any."""
    contests = sorted(_contests(results), key=lambda contest: contest[1] is not None)
    largest = {ours.task: (ours, plain, best) for ours, plain, best in contests}
    lines = [
        [headline.words, str(headline.qubits or ours.size), clock(ours), *(_timed(row) for row in (plain, best))]
        for task, headline in HEADLINES.items()
        if task in largest
        for ours, plain, best in [largest[task]]
    ]
    head = ["task", "qubits", "ours", "plain Qiskit", "fastest of the others"]
    return table(head, lines, "lrrrr") + f"\n\n{machine_line(results)}"


def _timed(row: Row | None) -> str:
    return "–" if row is None else f"{clock(row)}, {ratio(row)}"


def _contests(results: Results) -> Iterator[tuple[Row, Row | None, Row]]:
    """Yield our row, plain Qiskit's and the fastest other row of every task and size, on one thread."""
    for rows in _groups(row for row in results.rows if row.threads == 1):
        ours = next((row for row in rows if row.ours), None)
        rivals = [row for row in rows if not row.ours and row.seconds is not None]
        if ours is not None and ours.seconds is not None and rivals:
            plain = next((row for row in rivals if row.qiskit), None)
            yield ours, plain, min(rivals, key=lambda row: row.seconds or 0.0)


def _beside(row: Row | None, *, named: bool = False) -> list[str]:
    cells = ["–", "–"] if row is None else [clock(row), ratio(row)]
    return [row.method if row else "–", *cells] if named else cells


def full_tables(results: Results) -> str:
    """Every row, one table a task, size and number of threads."""
    parts = [
        "# Benchmark results",
        machine_line(results),
        "Made from results.json by `make bench`; README.md in this folder says what is measured and how to read it.",
    ]
    task = ""
    for rows in _groups(results.rows):
        first = rows[0]
        if first.task != task:
            task = first.task
            parts.append(f"## {task}")
        parts.append(f"Size {first.size}, {first.threads} thread{'s' if first.threads > 1 else ''}")
        parts.append(table(FULL_HEAD, [_full(row) for row in rows], "lrrrrrrrl"))
    parts.append("## Versions")
    parts.append(", ".join(f"{name} {version}" for name, version in results.versions.items()))
    return "\n\n".join(parts) + "\n"


FULL_HEAD = ["method", "time", "ratio", "set-up", "ratio with it", "peak MB", "error", "repeats", "remarks"]


def _full(row: Row) -> list[str]:
    return [
        f"**{row.method}**" if row.ours else row.method,
        clock(row),
        ratio(row),
        seconds(row.setup_seconds),
        "–" if row.ratio_with_setup is None else _times(row.ratio_with_setup),
        "–" if row.peak_mb is None else f"{row.peak_mb:.0f}",
        "–" if row.error is None else f"{row.error:.0e}",
        str(row.repeats or "–"),
        "; ".join([*filter(None, [row.failed, row.note]), *(f"{key}: {_short(value)}" for key, value in row.details.items())]),
    ]


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _groups(rows: Iterable[Row]) -> list[list[Row]]:
    groups: dict[tuple[str, int, int], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    tasks = list(dict.fromkeys(group[0] for group in groups))
    return [groups[key] for key in sorted(groups, key=lambda key: (tasks.index(key[0]), key[1:]))]


def table(head: Sequence[str], lines: Iterable[Sequence[str]], align: str) -> str:
    """Return a Markdown table; `align` has one of l, r a column."""
    rule = ["---:" if side == "r" else "---" for side in align]
    return "\n".join(map(line, [head, rule, *lines]))


def line(cells: Sequence[str]) -> str:
    """Return one line of such a table."""
    return f"| {' | '.join(cells)} |"


def clock(row: Row) -> str:
    """Return its time, marked where it is only a lower bound; or that it failed."""
    return "failed" if row.failed else ("≥ " if row.details.get("lower bound") else "") + seconds(row.seconds)


def ratio(row: Row) -> str:
    """Return its ratio to ours."""
    if row.ratio is None:
        return "–"
    return ("≥ " if row.details.get("lower bound") else "") + _times(row.ratio)


def _times(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.0f}×" if value >= 1000 else f"{value:.3g}×"


def seconds(value: float | None) -> str:
    """Return a time in a unit that suits it."""
    if value is None:
        return "–"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


def machine_line(results: Results) -> str:
    """Return what the numbers were measured on, as a sentence."""
    m = results.machine
    return (
        f"Medians, measured up to {results.date} on {m['cpu']}, {m['cores']} cores, {m['memory_gb']} GB, {m['system']}, "
        f"Python {m['python']}. The ratio is the method's time divided by ours."
    )
