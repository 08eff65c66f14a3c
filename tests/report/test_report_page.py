import html
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qep_qiskit.report import template
from qep_qiskit.report.budget_page import page, write

VOID = {"meta", "br", "img", "link", "hr", "input"}


@pytest.fixture
def quick(monkeypatch):
    """Leave the figure out where a test is not about it."""
    monkeypatch.setattr("qep_qiskit.report.template.file_bytes", lambda figure: b"<svg/>")


class Reader(HTMLParser):
    """Checks that tags are balanced, and collects what a test asks for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.tags, self.scripts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.links += [value for key, value in attrs if key in ("src", "href", "action", "data", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


def test_every_shape_of_budget_gives_a_well_formed_page(any_budget, quick):
    text = page(any_budget)
    Reader(text)
    visible = text.partition("<script")[0]
    assert not re.search(r"\b(None|nan|Undefined)\b", visible)


def test_the_page_needs_nothing_but_itself(budget):
    text = page(budget, spec_text="seed = 7\n")
    reader = Reader(text)
    assert all(link.startswith(("data:", "#")) for link in reader.links)
    assert not re.search(r"https?://|url\(|@import", text)
    assert [attrs["type"] for tag, attrs in reader.tags if tag == "script"] == ["application/json"]
    assert not any(key.startswith("on") for _, attrs in reader.tags for key in attrs)


def test_the_data_can_be_read_back(budget, quick):
    reader = Reader(page(budget))
    assert json.loads("".join(reader.scripts)) == budget


def test_numbers_without_a_value_become_null(budget, quick):
    budget["rungs"][4]["z"][0] = math.nan
    assert json.loads("".join(Reader(page(budget)).scripts))["rungs"][4]["z"][0] is None


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "<!--<script>", "\"'&{{ 7*7 }}"]
)
def test_hostile_text_stays_text(budget, evil, quick):
    clean = [tag for tag, _ in Reader(page(budget, spec_text="x")).tags]
    budget["names"][0] = evil
    budget["rungs"][2].update(title=evil, note=evil)
    budget["settings"]["device"] = {"name": evil, "noise": evil}
    budget["provenance"]["layout"] = evil
    budget["provenance"]["versions"]["qiskit"] = evil
    budget["provenance"]["circuits"][0].update(gates={evil: 1}, depth=evil)
    budget["diagnostics"]["warnings"] = [evil]
    reader = Reader(page(budget, spec_text=evil))
    tags = [tag for tag, _ in reader.tags]
    assert set(tags) == set(clean) and tags.count("script") == 1 and tags.count("img") == clean.count("img")
    assert json.loads("".join(reader.scripts))["names"][0] == evil


def test_the_page_shows_the_numbers_of_the_data(budget, quick):
    text = html.unescape(page(budget))
    rungs = {r["name"]: r for r in budget["rungs"]}
    for k, name in enumerate(budget["names"]):
        row = text.partition(f'<th scope="row">{name}</th>')[2].partition("</tr>")[0]
        cells = re.findall(r"<td[^>]*>([^<]*)</td>", row)
        assert float(cells[0]) == pytest.approx(budget["settings"]["weights"][name], abs=6e-5)
        assert float(cells[1]) == pytest.approx(rungs["exact"]["values"][k], abs=6e-5)
        for cell, rung in ((cells[5], "shots"), (cells[7], "mitigated")):
            value, error = map(float, cell.split(" ± "))
            assert value == pytest.approx(rungs[rung]["values"][k], abs=6e-4)
            assert error == pytest.approx(rungs[rung]["stderr"][k], rel=0.05)
        assert float(cells[6]) == pytest.approx(rungs["shots"]["z"][k], abs=0.051)


def test_the_page_states_what_ran(budget, quick):
    text = html.unescape(page(budget, spec_text="seed = 7  # <mine>"))
    for piece in (
        "qiskit-aer 0.18.2",
        "2023-03-07T05:12:44+00:00",
        "[1, 4, 7, 10, 12, 15]",
        "160000",
        "seed = 7  # <mine>",
    ):
        assert piece in text
    assert "rz 44, cx 30" in text and "flip down" in text
    assert text.partition("<script")[0].count("fake_guadalupe") == 2, "once in the headline and once in the settings"
    assert "two qubit gates" in text and "fake_guadalupe" in text and "β‖C‖ is 31 % of the gap" in text


def test_a_bare_budget_is_enough(budget, quick):
    Reader(page({"names": budget["names"], "rungs": budget["rungs"]}))


def test_a_page_is_written_whole_or_not_at_all(budget, tmp_path, quick):
    path = tmp_path / "report.html"
    assert write(budget, path) == path
    before = path.read_bytes()
    with pytest.raises(KeyError):
        write({"rungs": budget["rungs"]}, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_no_part(budget, tmp_path, monkeypatch, quick):
    import os

    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write(budget, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_every_page_is_a_body_over_the_one_base():
    templates = {path.name: path.read_text(encoding="utf-8") for path in Path(template.__file__).parent.glob("*.jinja")}
    base = templates.pop("base.html.jinja")
    assert len(templates) == 3
    for text in templates.values():
        assert text.startswith('{% extends "base.html.jinja" %}')
        assert not re.search(r"<(html|head|style|header|script|h1)\b|class=\"(verdict|warnings)", text)
    assert all(word in base for word in ("<header>", 'class="verdict', 'class="warnings"', 'id="words"', "<script"))
