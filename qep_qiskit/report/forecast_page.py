"""Self-contained HTML pages of forecasts: the expected error by cause, other choices, the price, and the circuits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qep_qiskit.display import counted
from qep_qiskit.estimates import column, cosine, duration, percent
from qep_qiskit.forecasting.choices import FACTORS, TITLES, Measure
from qep_qiskit.forecasting.forecast import Forecast
from qep_qiskit.report.charts import Bar, Group, Part, Series, strips_of
from qep_qiskit.report.downloads import Download, columns_file, csv_file, json_file, spec_file
from qep_qiskit.report.findings import Column, Conclusion, columns_of_values
from qep_qiskit.report.network_view import network_view
from qep_qiskit.report.tables import Cell, as_rows, cell, table
from qep_qiskit.report.template import Page

TONES = {"finite_beta": "beta", "prepared": "prepared", "device": "device", "shots": "shots"}


def page(forecast: Forecast, *, spec_text: str, document: Mapping[str, Any]) -> str:
    """Return the page, which loads nothing from outside.

    Parameters
    ----------
    forecast : Forecast
    spec_text : str
        The spec.
    document : mapping
        All of the forecast, for the JSON file.
    """
    problem = forecast.problem
    weights = {} if problem is None else dict(zip(problem.network.names, problem.weights.tolist(), strict=True))
    network = None if problem is None else problem.network
    description = None if network is None else network.description
    mitigation = f"{'no' if forecast.mitigation == 'none' else forecast.mitigation} mitigation"
    provenance = {key: value for key, value in forecast.provenance.items() if key != "versions"}
    whole = Page(
        kind="forecast",
        title="Forecast of a gradient",
        headline=" · ".join((str(forecast.provenance["device"]["name"]), f"β = {forecast.stencil.beta:.4g}", mitigation)),
        conclusion=_conclusion(forecast),
        warnings=forecast.warnings,
        facts=list(_facts(forecast)),
        ran=as_rows(provenance),
        versions=forecast.provenance.get("versions") or {},
        spec=spec_text,
        command="qep plan spec.toml --page forecast.html",
        network=network_view(forecast.names, description=description, weights=weights, network=network),
        files=_files(forecast, document, spec_text),
    )
    rows, expected = forecast.measures, [Series("mitigated", "expected", forecast.values, forecast.stderr)]
    return whole.render(
        groups=_groups(forecast, rows),
        tones=[(tone, TITLES[name]) for name, tone in TONES.items()],
        choices=table(map(_choice, rows)),
        mitigations=[str(verdict) for verdict in forecast.verdicts],
        names=forecast.names,
        columns=_columns(forecast, weights),
        strips=strips_of(forecast.names, expected, forecast.exact) if forecast.known else [],
        known=forecast.known,
        circuits=table(_circuits(forecast)),
        method=forecast.method,
    )


def _conclusion(forecast: Forecast) -> Conclusion:
    advice = forecast.advice
    error = (
        f"Expect an error of {percent(forecast.relative_error)} of the gradient" if forecast.known else "Only a bound is known"
    )
    time = "" if forecast.sending.seconds is None else f" for {duration(forecast.sending.seconds)} of QPU time"
    if advice is None:
        return Conclusion(f"{error}{time}.")
    state = "The plan is ready. " if advice.ready else f"The plan is not ready: {'; '.join(advice.reasons)}. "
    return Conclusion(
        f"{state}{error}{time}.",
        advice.ready,
        f"Best plan: {advice.text}{f' In the spec, or with {advice.flags}.' if advice.flags else ''}",
    )


def _facts(forecast: Forecast) -> Iterator[tuple[str, str]]:
    sending, expected = forecast.sending, forecast.accuracy
    if forecast.known:
        margin = "" if expected is None or not expected.spread else f" ± {percent(expected.spread)}"
        yield "expected error", percent(forecast.relative_error) + margin
    if sending.seconds is not None:
        yield "QPU time", duration(sending.seconds)
    yield "shots", "exact expectations" if sending.shots is None else f"{sending.shots:,}"
    yield "circuits", f"{sending.circuits} in {counted(sending.jobs, 'job')}"
    if expected is not None and expected.cosine is not None:
        yield "cosine with the exact gradient", cosine(expected.cosine)
    if expected is not None and expected.sign_agreement is not None:
        yield "weights with the correct sign", percent(expected.sign_agreement)
    if forecast.fidelity is not None:
        yield "fidelity of the worst circuit", f"{forecast.fidelity:.3g}"


def _groups(forecast: Forecast, rows: Sequence[Measure]) -> list[Group]:
    """Return the choices as bars by factor; the length is the error, divided in proportion to the squares of its parts."""
    errors = sorted(row.relative_error for row in rows if row.relative_error is not None)
    if not errors:
        return []
    end = 1.02 * min(errors[-1], 3.0 * errors[len(errors) // 2]) or 1.0
    best = None if forecast.choices is None else forecast.choices.chosen
    groups: dict[str, list[Bar]] = {}
    for row in rows:
        heading = "" if row.factor == "given" else FACTORS[row.factor] + (f", with {row.shared}" if row.shared else "")
        groups.setdefault(heading, []).append(_bar(row, end, best=row is best))
    return [Group(heading, bars) for heading, bars in groups.items()]


def _bar(row: Measure, end: float, *, best: bool) -> Bar:
    if row.relative_error is None:
        return Bar(title=row.label, meaning=row.note)
    sizes = {name: row.parts.get(name) or 0.0 for name in TONES}
    squares = sum(size**2 for size in sizes.values()) or 1.0
    drawn = min(row.relative_error, end)
    parts = [
        Part(TONES[name], round(100 * drawn / end * size**2 / squares, 2), f"{TITLES[name]} {percent(size)}")
        for name, size in sizes.items()
    ]
    aside = [f"± {percent(row.spread)}"] if row.spread else []
    aside += [] if row.seconds is None else [f"{duration(row.seconds)} QPU"]
    return Bar(
        title=row.label,
        meaning=row.cancellation or row.note,
        badge="best" if best else "",
        parts=[part for part in parts if part.width],
        number=f"{'» ' if row.relative_error > end else ''}{percent(row.relative_error)}",
        aside=", ".join(part.replace(" ", "\u00a0") for part in aside),
    )


def _choice(row: Measure) -> dict[str, Cell]:
    shares = {name: row.parts.get(name) for name in TONES}
    return {
        "choice": Cell(row.title),
        "error": cell(percent(row.relative_error), row.relative_error),
        "spread": cell(percent(row.spread), row.spread),
        **{TITLES[name]: cell(percent(share), share) for name, share in shares.items()},
        "QPU time": cell(duration(row.seconds), row.seconds),
        "shots": cell(row.shots),
        "two-qubit gates": cell(row.two_qubit_gates),
    }


def _columns(forecast: Forecast, weights: Mapping[str, float]) -> list[Column]:
    values = [weights.get(name) for name in forecast.names]
    columns = [Column("w", column(values), keys=values)] if weights else []
    if forecast.exact is not None:
        columns.append(columns_of_values("exact", forecast.exact, None))
    if forecast.known:
        columns.append(columns_of_values("expected", forecast.values, forecast.stderr))
    elif forecast.stderr is not None:
        columns.append(columns_of_values("error at most", forecast.stderr, None))
    return columns


def _circuits(forecast: Forecast) -> Iterator[dict[str, Any]]:
    for row in forecast.sending.rows:
        facts = row.appraisal
        yield {
            "round": row.round,
            "circuit": Cell(row.title),
            "basis": Cell(str(row.basis)),
            "shots": row.shots,
            "depth": None if facts is None else facts.depth,
            "two-qubit gates": None if facts is None else facts.two_qubit_gates,
            "two-qubit depth": None if facts is None else facts.two_qubit_depth,
            "duration": None if facts is None or facts.seconds is None else Cell(f"{facts.seconds * 1e6:.3g} µs", facts.seconds),
            "fidelity": None if facts is None or facts.fidelity is None else Cell(f"{facts.fidelity:.3f}", facts.fidelity),
        }


def _files(forecast: Forecast, document: Mapping[str, Any], spec_text: str) -> list[Download]:
    biases = {f"bias_{cause.name}": cause.bias for cause in forecast.causes}
    columns = {"expected": forecast.values, "stderr": forecast.stderr, "exact": forecast.exact, **biases}
    rows = [{"choice": row.title, "error": row.relative_error, **row.parts, "seconds": row.seconds} for row in forecast.measures]
    return [
        json_file("forecast.json", document),
        columns_file("gradient.csv", "the expected gradient, weight by weight", {"weight": list(forecast.names)}, columns),
        *([csv_file("choices.csv", "the choices with their errors by cause", rows)] if rows else []),
        spec_file(spec_text, "the spec"),
    ]
