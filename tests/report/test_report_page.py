import csv
import html
import io
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from page_files import page_files

import qep_qiskit as qep
from qep_qiskit.files import write_whole
from qep_qiskit.report import template
from qep_qiskit.report.budget_page import page
from qep_qiskit.report.network_view import letters_of

VOID = {"meta", "br", "img", "link", "hr", "input"}


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


def test_every_shape_of_budget_gives_a_well_formed_page(any_budget):
    text = page(any_budget)
    Reader(text)
    visible = text.partition("<script")[0]
    assert not re.search(r"\b(None|nan|Undefined)\b", visible)


def test_the_page_needs_nothing_but_itself(budget):
    text = page(budget, spec_text="seed = 7\n")
    reader = Reader(text)
    assert all(link.startswith(("data:", "#")) for link in reader.links)
    assert not re.search(r"https?://|url\((?!#)|@import", text)
    assert not any(key.startswith("on") for _, attrs in reader.tags for key in attrs)


def test_the_page_runs_only_the_library_that_sorts(budget):
    reader = Reader(page(budget))
    folder = Path(template.__file__).parent
    assert reader.scripts == [(folder / name).read_text(encoding="utf-8") for name in template.SCRIPTS]
    policy = next(attrs["content"] for tag, attrs in reader.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';") and policy.count("'sha256-") == len(reader.scripts)
    assert "unsafe-inline" not in policy.partition("script-src")[2]


def test_the_data_can_be_read_back(budget):
    files = page_files(page(budget, spec_text="seed = 7\n"))
    assert json.loads(files["budget.json"]) == budget and files["spec.toml"] == "seed = 7\n"
    rows = list(csv.DictReader(io.StringIO(files["gradient.csv"])))
    assert [row["weight"] for row in rows] == budget["names"]
    for rung in budget["rungs"]:
        assert [float(row[rung["name"]]) for row in rows] == rung["values"]
    steps = list(csv.DictReader(io.StringIO(files["steps.csv"])))
    assert [row["name"] for row in steps] == [rung["name"] for rung in budget["rungs"]]


def test_numbers_without_a_value_become_null(budget):
    budget["rungs"][4]["z"][0] = math.nan
    assert json.loads(page_files(page(budget))["budget.json"])["rungs"][4]["z"][0] is None


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "<!--<script>", "\"'&{{ 7*7 }}"]
)
def test_hostile_text_stays_text(budget, evil):
    clean = [tag for tag, _ in Reader(page(budget, spec_text="x")).tags]
    budget["names"][0] = evil
    budget["rungs"][2].update(title=evil, note=evil)
    budget["settings"]["device"] = {"name": evil, "noise": evil}
    budget["provenance"]["layout"] = evil
    budget["provenance"]["versions"]["qiskit"] = evil
    budget["provenance"]["circuits"][0].update(gates={evil: 1}, depth=evil)
    budget["diagnostics"]["warnings"] = [evil]
    text = page(budget, spec_text=evil)
    reader = Reader(text)
    tags = [tag for tag, _ in reader.tags]
    assert set(tags) <= set(clean) and tags.count("script") == clean.count("script") == len(template.SCRIPTS)
    assert json.loads(page_files(text)["budget.json"])["names"][0] == evil


def test_the_page_shows_the_numbers_of_the_data(budget):
    text = html.unescape(page(budget))
    rungs = {r["name"]: r for r in budget["rungs"]}
    for k, name in enumerate(budget["names"]):
        row = text.partition(f'<th scope="row" data-sort="{k}">{name}</th>')[2].partition("</tr>")[0]
        cells = re.findall(r"<td[^>]*>([^<]*)</td>", row)
        assert float(cells[0]) == pytest.approx(budget["settings"]["weights"][name], abs=6e-5)
        assert float(cells[1]) == pytest.approx(rungs["exact"]["values"][k], abs=6e-5)
        for cell, rung in ((cells[2], "shots"), (cells[4], "mitigated")):
            value, error = map(float, cell.split(" ± "))
            assert value == pytest.approx(rungs[rung]["values"][k], abs=6e-4)
            assert error == pytest.approx(rungs[rung]["stderr"][k], rel=0.05)
        assert float(cells[3]) == pytest.approx(rungs["shots"]["z"][k], abs=0.051)


def test_bars_are_as_long_as_the_errors(budget):
    text = page(budget)
    widths = {
        name: float(re.search(rf'<i class="{tone}" style="width:([0-9.]+)%"', text)[1])
        for name, tone in (("finite_beta", "beta"), ("device", "device"), ("shots", "raw"))
    }
    errors = {r["name"]: r["relative_error"] for r in budget["rungs"]}
    assert widths["device"] / widths["shots"] == pytest.approx(errors["device"] / errors["shots"], rel=1e-3)
    assert 0 < widths["finite_beta"] < widths["device"] <= 100


def test_the_page_states_what_ran(budget):
    text = html.unescape(page(budget, spec_text="seed = 7  # <mine>"))
    for piece in (
        "qiskit-aer 0.18.2",
        "2023-03-07T05:12:44+00:00",
        "[1, 4, 7, 10, 12, 15]",
        "160,000",
        "seed = 7  # <mine>",
        "qep compare spec.toml",
    ):
        assert piece in text
    assert "rz 44, cx 30" in text and "flip down" in text
    assert text.count("fake_guadalupe") == 2, "once in the headline and once in the settings"
    assert "two qubit gates" in text and "β‖C‖ is 31 % of the gap" in text


def test_the_letters_are_explained_for_every_kind_of_network():
    def letters(network):
        legend = letters_of(network.names, network.description, network)
        return legend.formula, [letter for letter, _ in legend.rows]

    chain = {"sites": 2, "inputs": [0], "outputs": [1]}
    assert letters(qep.ising(**chain))[1] == ["H", "J", "h", "g", "x", "L", "β"]
    assert letters(qep.oscillators(**chain)) == (
        "H = Σ p²/2m + ½ Σ k (rᵢ − rⱼ)² + ½ Σ a r² − Σ x r",
        ["H", "k", "a", "x", "L", "β"],
    )
    assert letters(qep.oscillators(**chain, biases=True))[1] == ["H", "k", "a", "b", "x", "L", "β"]
    pauli = qep.pauli(terms={"gX": {"XI": -1, "IX": -0.5}}, outputs=[{"ZI": 1}])
    legend = dict(letters_of(pauli.names, pauli.description, pauli).rows)
    assert legend["gX"] == "a weight; it multiplies − XI − 0.5 IX" and "x" not in legend


def test_a_bare_budget_is_enough(budget):
    Reader(page({"names": budget["names"], "rungs": budget["rungs"]}))


def test_a_page_is_written_whole_or_not_at_all(budget, tmp_path):
    path = tmp_path / "report.html"
    assert write_whole(path, page(budget).encode()) == path
    with pytest.raises(KeyError):
        page({"rungs": budget["rungs"]})
    assert path.read_text(encoding="utf-8") == page(budget)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_no_part(budget, tmp_path, monkeypatch):
    import os

    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "report.html", page(budget).encode())
    assert list(tmp_path.iterdir()) == []


def test_every_page_is_a_body_over_the_one_base():
    templates = {path.name: path.read_text(encoding="utf-8") for path in Path(template.__file__).parent.glob("*.jinja")}
    base, parts = templates.pop("base.html.jinja"), templates.pop("parts.html.jinja")
    assert len(templates) >= 3 and "<header>" not in parts
    for text in templates.values():
        assert text.startswith('{% extends "base.html.jinja" %}')
        assert not re.search(r"<(html|head|style|header|script|h1)\b|class=\"(conclusion|warnings)", text)
    assert all(
        word in base for word in ("<header>", 'class="conclusion', 'class="warnings"', 'id="words"', 'id="data"', "<script")
    )
