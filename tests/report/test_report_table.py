import io

import pytest
from rich.console import Console

from qep_qiskit.report.table import LISTED, render


def printed(budget, width=100):
    stream = io.StringIO()
    render(budget, Console(file=stream, width=width, color_system=None))
    return stream.getvalue()


def test_every_shape_of_budget_fits_into_100_columns(any_budget):
    text = printed(any_budget)
    assert max(map(len, text.splitlines())) <= 100
    assert "None" not in text and "nan" not in text


def test_the_numbers_are_those_of_the_data(budget):
    text = printed(budget)
    rungs = {r["name"]: r for r in budget["rungs"]}
    assert f"{100 * rungs['mitigated']['relative_error']:.1f} %" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("h[4]"))
    k = budget["names"].index("h[4]")
    assert f"{rungs['exact']['values'][k]:.4f}" in row
    assert f"{rungs['shots']['values'][k]:.3f} ± {rungs['shots']['stderr'][k]:.3f}" in row
    assert f"{rungs['mitigated']['z'][k]:+.1f}" in row


def test_no_rung_title_is_cut(budget):
    text = printed(budget)
    assert all(r["title"] in text for r in budget["rungs"])


def test_a_rung_that_does_not_fit_says_why(make):
    assert "too large for a density matrix" in printed(make(missing={"device": "too large for a density matrix"}))


def test_the_most_deviating_weights_are_listed(make):
    budget = make(17, ring=True)
    text = printed(budget)
    z = next(r for r in budget["rungs"] if r["name"] == "mitigated")["z"]
    order = sorted(range(len(z)), key=lambda k: -abs(z[k]))
    lines = [line.split()[0] for line in text.splitlines() if line.strip()]
    assert all(budget["names"][k] in lines for k in order[:LISTED])
    assert budget["names"][order[-1]] not in lines
    assert f"{len(z) - LISTED} more weights" in text


def test_without_shots_the_noiseless_rungs_are_compared_with_the_exact_one(make):
    text = printed(make(missing=dict.fromkeys(("device", "shots", "mitigated"), "no shots were requested")))
    assert "±" not in text.split("Gradient")[1]
    assert "prepared" in text


@pytest.mark.parametrize("name", ["[red]J[/red]", "[/]", "J[0,1]"])
def test_names_are_not_read_as_markup(budget, name):
    budget["names"][0] = name
    budget["diagnostics"]["warnings"] = [f"{name} is odd"]
    text = printed(budget)
    assert text.count(name) >= 2
