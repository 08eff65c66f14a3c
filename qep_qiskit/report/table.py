"""An error budget on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from qep_qiskit.plain_text import one_line, shortened
from qep_qiskit.report import findings
from qep_qiskit.report.findings import LARGE_Z, Budget, Rung
from qep_qiskit.report.numbers import MISSING, column, cosine, duration, finite, percent, score, with_error

MANY_WEIGHTS = 24
"""Beyond this many weights only the most deviating ones are listed; the page has all."""
LISTED = 16

SHOT_RUNGS = {"shots": "raw", "mitigated": "mitigated"}
EXPECTATION_RUNGS = {"finite_beta": "finite β", "prepared": "prepared", "device": "device"}


def render(budget: Budget, console: Console) -> None:
    """Print the rungs, the weights, the loss, the verdict and the warnings; made for 100 columns.

    Parameters
    ----------
    budget : Budget, or the mapping of its ``to_dict()``
    console : rich.console.Console
    """
    budget = findings.document(budget)
    console.print(_rung_table(budget))
    classical = findings.mean_field(budget)
    for rung in (*budget.get("rungs", ()), *([classical] if classical else [])):
        if rung.get("note"):
            console.print(Text.assemble((f"  {rung['title']}: ", "bold"), (one_line(str(rung["note"])), "dim")))
    console.print()
    table, omitted = _weight_table(budget)
    console.print(table)
    if omitted:
        console.print(Text(f"  {omitted} more weights deviate less; the page and --json have them all.", style="dim"))
    console.print()
    console.print(_loss_line(budget))
    conclusion = findings.verdict(budget)
    style = {True: "bold green", False: "bold yellow", None: "bold"}[conclusion.good]
    console.print(Text(conclusion.text, style=style))
    for warning in budget.get("diagnostics", {}).get("warnings") or ():
        console.print(Text.assemble(("warning: ", "bold yellow"), one_line(str(warning))))


def _rung_table(budget: Budget) -> Table:
    table = _plain_table("Error budget: distance from the exact gradient")
    table.add_column("rung", no_wrap=True, overflow="ellipsis")
    for header in ("error", "from shots", "added", "cosine", "signs", "max |z|", "time"):
        table.add_column(header, justify="right", no_wrap=True)
    classical = findings.mean_field(budget)
    for rung in (*budget.get("rungs", ()), *([classical] if classical else [])):
        title = Text(shortened(str(rung["title"])))
        if rung.get("values") is None:
            table.add_row(title, *[MISSING] * 7, style="dim")
            continue
        reference = rung["name"] == "exact"
        largest = findings.largest_score(rung)
        worst = Text(MISSING if largest is None else f"{largest:.1f}", style=_z_style(largest))
        table.add_row(
            title,
            MISSING if reference else percent(rung.get("relative_error")),
            percent(findings.shot_noise(budget, rung)),
            MISSING if reference else percent(rung.get("added")),
            MISSING if reference else cosine(rung.get("cosine")),
            MISSING if reference else percent(rung.get("sign_agreement")),
            worst,
            duration(rung.get("seconds")),
        )
    return table


def _weight_table(budget: Budget) -> tuple[Table, int]:
    rungs = {r["name"]: r for r in findings.fitting(budget)}
    measured = [(rungs[n], label) for n, label in SHOT_RUNGS.items() if n in rungs]
    plain = [] if measured else [(rungs[n], label) for n, label in EXPECTATION_RUNGS.items() if n in rungs]
    shown = _listed(budget, measured, plain)
    exact = column(rungs["exact"]["values"]) if "exact" in rungs else [MISSING] * len(budget["names"])
    columns = [column(r["values"]) for r, _ in plain]
    headers = [label for _, label in plain]
    classical = findings.mean_field(budget)
    if classical and classical.get("values") is not None:
        columns.insert(0, column(classical["values"]))
        headers.insert(0, "mean field")

    omitted = len(budget["names"]) - len(shown)
    table = _plain_table(f"Gradient: the {len(shown)} weights that deviate most" if omitted else "Gradient")
    table.add_column("weight", no_wrap=True, overflow="ellipsis", max_width=20)
    for header in ("exact", *headers):
        table.add_column(header, justify="right", no_wrap=True)
    for _, label in measured:
        table.add_column(f"{label} ± error", justify="right", no_wrap=True)
        table.add_column("z", justify="right", no_wrap=True)
    for k in shown:
        cells: list[Text | str] = [exact[k], *(c[k] for c in columns)]
        for rung, _ in measured:
            stderr, z = rung.get("stderr"), rung.get("z")
            cells.append(with_error(rung["values"][k], stderr[k] if stderr else None))
            cells.append(Text(score(z[k] if z else None), style=_z_style(z[k] if z else None)))
        table.add_row(Text(shortened(str(budget["names"][k]), 20)), *cells)
    return table, omitted


def _listed(budget: Budget, measured: list[tuple[Rung, str]], plain: list[tuple[Rung, str]]) -> list[int]:
    count = len(budget["names"])
    everything = list(range(count))
    if count <= MANY_WEIGHTS or not (measured or plain):
        return everything[:MANY_WEIGHTS]
    last = (measured or plain)[-1][0]
    exact = findings.rung(budget, "exact")
    if last.get("z"):
        deviation = [abs(z) if finite(z) else 0.0 for z in last["z"]]
    elif exact is not None:
        deviation = [abs(v - e) for v, e in zip(last["values"], exact["values"], strict=True)]
    else:
        deviation = [abs(v) for v in last["values"]]
    return sorted(sorted(everything, key=lambda k: -deviation[k])[:LISTED])


def _loss_line(budget: Budget) -> Text:
    line = Text("Loss: ", style="bold")
    parts = [
        f"{rung['title']} {with_error(rung['loss'], rung.get('loss_stderr'))}"
        for rung in findings.fitting(budget)
        if rung["name"] not in ("finite_beta", "prepared") or not findings.rung(budget, "shots")
        if finite(rung.get("loss"))
    ]
    return line.append(" · ".join(parts) or MISSING, style="not bold")


def _plain_table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1), header_style="dim")


def _z_style(z: float | None) -> str:
    return "bold red" if finite(z) and abs(z) > LARGE_Z else ""
