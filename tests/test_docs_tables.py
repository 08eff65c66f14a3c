"""Numbers in docs/ are those that `python docs/tables.py` computes today."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
LAST_DIGIT = 0.07
"""Two digits differ by this share where a number lies between them."""
COUNTED = 0.01
"""Counts of a hundred or more may differ by this share: a processor's rounding decides whether an angle is a multiple of π/2."""


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("docs_tables", DOCS / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def places(tables):
    return {match[2]: match[3] for path in DOCS.glob("*.md") for match in tables.PLACE.finditer(path.read_text(encoding="utf-8"))}


def test_every_table_that_is_computed_stands_in_a_document(tables):
    assert set(places(tables)) == set(tables.TABLES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", ["truncation", "bases", "mitigation", *(pytest.param(slow, marks=pytest.mark.slow) for slow in ("trotter", "sent"))]
)
def test_tables_are_as_they_are_computed(tables, name):
    printed, computed = places(tables)[name], tables.TABLES[name]()
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", computed)
    for one, other in zip(NUMBER.findall(printed), NUMBER.findall(computed), strict=True):
        share = (COUNTED if len(one) > 2 else 0.0) if one.isdigit() else LAST_DIGIT
        assert float(one) == pytest.approx(float(other), rel=share), f"{one} in {name}, computed {other}"


def test_a_wrong_number_would_be_seen(tables):
    text = "<!-- table made -->\n| 1 |\n<!-- /table -->\n"
    assert tables.PLACE.search(text)[3] == "| 1 |\n"
    tables.TABLES["made"] = lambda: "| 2 |\n"
    try:
        assert "| 2 |" in tables.written_again(text)
        assert tables.written_again(text, only="other") == text
    finally:
        del tables.TABLES["made"]


def test_the_row_that_was_wrong_is_right(tables):
    row = next(
        line for line in (DOCS / "oscillators.md").read_text(encoding="utf-8").splitlines() if line.startswith("| k = 0.5")
    )
    assert row.split("|")[2].strip() == "6.7e-2" and row.split("|")[3].strip() == "8.6e-5"
