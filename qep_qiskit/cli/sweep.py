"""`qep sweep`: one experiment for all combinations of some of its keys, with a table and a figure of the results."""

from __future__ import annotations

import functools
import itertools
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from qep_qiskit.cli.interrupts import saying
from qep_qiskit.cli.options import SpecRequest, out_option, pool_options, spec_options, yes_option
from qep_qiskit.cli.output import console, marked, name_cell, print_json, say
from qep_qiskit.display import terminal_table
from qep_qiskit.estimates import MISSING, Estimate
from qep_qiskit.files import write_whole
from qep_qiskit.progress import showing

if TYPE_CHECKING:
    from qep_qiskit.sweeps import Average, Row

SHOWN = ("relative_error", "cosine", "validation_accuracy", "loss", "validation_loss", "train_loss", "shots", "seconds")
"""The columns of the table on a terminal; the files contain all columns."""
RUNS = "runs"
"""The folder of the runs of a sweep's points on a device that bills."""


@click.command(
    "sweep",
    epilog="Example: qep sweep gradient.toml --over stencil.beta=0.1,0.2",
    short_help="Run a spec over all combinations of some of its keys.",
)
@spec_options
@click.option(
    "--over",
    "over",
    multiple=True,
    metavar="KEY=VALUES",
    help="What is varied: stencil.beta=0.05,0.1 or seed=0..9. Repeatable; all combinations are run.",
)
@pool_options
@out_option
@yes_option
def command(
    request: SpecRequest,
    as_json: bool,
    over: tuple[str, ...],
    workers: int | None,
    scheduler: str | None,
    out: str | None,
    yes: bool,
) -> None:
    """Run a spec for all combinations of some of its keys.

    Writes sweep.json, sweep.csv, sweep.png and report.html. The same command resumes an interrupted sweep, unless the spec, a
    file that it names, or a package has changed. A point that cannot be measured becomes a row with the reason. Results do not
    depend on the number of workers. Weights that the spec does not give are drawn from the seed, so a sweep over seeds also
    varies the weights. Points that share seed, network and preparation are prepared together, up to 16 at a time.

    On a device that bills the total price is shown and confirmed first, and each point is stored in its own run, so that the
    same command resumes without paying for anything twice.

    A scheduler can run any code: give only the address of your own scheduler in a trusted network.
    """
    from qep_qiskit.cli.paid import paid_points, paid_rows
    from qep_qiskit.report import sweep_figure, sweep_page
    from qep_qiskit.runs.file.folders import DATABASE
    from qep_qiskit.sweeps import MEASURES, axis_of, combinations, files_of, opened, points, rows, summary, unmade
    from qep_qiskit.sweeps.sweep import kind_of
    from qep_qiskit.workers import PoolLostError, pool

    spec = request.load()
    axes = [axis_of(text) for text in over]
    where = combinations(axes)
    seed: list[tuple[str, object]] = [] if request.seed is None else [("seed", request.seed)]
    specs = points(request.path, [*request.pairs(), *seed], where)
    bad = unmade(specs, where)
    folder = request.home(out, "{}-sweep")
    measures = MEASURES[kind_of(specs[0])]
    with opened(folder, spec.to_toml(), axes, files_of(specs)) as sweep:

        def there() -> str:
            begun = any((folder / RUNS).glob(f"*/{DATABASE}"))
            if not sweep.saved and not begun:
                return "nothing was written, run the same command to start again"
            sent = f", all that was sent and fetched is saved in {folder / RUNS}" if begun else ""
            return f"{sweep.saved} of {len(where)} points are kept in {folder}{sent}; run the same command to resume"

        try:
            with (
                saying(there),
                showing(lines=True) as report,
                pool(workers, scheduler, say=functools.partial(say, err=True)) as processes,
            ):
                report(f"{len(where)} points", len(sweep.rows) / len(where))
                done = [row.number for row in sweep.rows]
                paid = paid_points(specs, where, [*done, *bad])
                measured = paid_rows(specs, where, paid, folder / RUNS, yes, report)
                try:
                    for row in itertools.chain(measured, rows(specs, where, processes, done=[*done, *paid], bad=bad)):
                        sweep.add(row)
                        report(f"{len(sweep.rows)} of {len(where)} points", len(sweep.rows) / len(where))
                finally:
                    if sweep.rows:
                        sweep.save()
                        sweep.write_csv(measures)
        except PoolLostError as error:
            raise PoolLostError(f"{error}; {there()}") from None
        entries = summary(sweep.rows, measures)
        drawn = next((name for name in measures if any(entry.numbers[name] for entry in entries)), measures[0])
        picture = sweep_figure.draw(entries, drawn, folder / "sweep.png")
        shown = next((specs[row.number] for row in sweep.rows if row.problem is None), None)
        document = {**sweep.to_dict(), "summary": [entry.to_dict() for entry in entries]}
        text = sweep_page.page(
            name=folder.name,
            rows=sweep.rows,
            entries=entries,
            measures=measures,
            document=document,
            spec_text=spec.to_toml(),
            command=" ".join(["qep sweep spec.toml", *(f"--over {shlex.quote(text)}" for text in over)]),
            network=None if shown is None else shown.weighted_network()[0],
        )
        page = write_whole(folder / "report.html", text.encode())
    if as_json:
        files = {"folder": str(folder), "picture": str(picture), "page": str(page)}
        print_json({**document, "files": files})
        return
    _show(entries, measures, sweep.rows)
    say(f"\n{page}")


def _cell(name: str, number: Estimate | None) -> str:
    if number is None:
        return MISSING
    return f"{number.value:,.0f}" if name == "shots" else f"{number.value:.2g}" if name == "seconds" else str(number)


def _show(entries: Sequence[Average], measures: Sequence[str], rows: Sequence[Row]) -> None:
    seeds = max((entry.count for entry in entries), default=0)
    title = "Sweep" if seeds < 2 else f"Sweep, mean ± standard deviation over {seeds} seeds"
    columns = [name for name in SHOWN if name in measures and any(entry.numbers[name] for entry in entries)]
    table = terminal_table(*entries[0].point, right=[name.replace("_", " ") for name in columns], title=title)
    for entry in entries:
        table.add_row(*map(name_cell, entry.point.values()), *(_cell(name, entry.numbers[name]) for name in columns))
    out = console()
    out.print(table)
    for row in rows:
        if row.problem is not None:
            out.print(marked("[bold yellow]no numbers[/] at {}: {}", row.title, row.problem))
