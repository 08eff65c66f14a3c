"""docs/architecture.md and its neighbours name files and names that exist, and every room in its order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_imports import ORDER

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "qep_qiskit"
PAGES = {name: (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("architecture", "vocabulary", "contributing")}
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
NEW = set(re.findall(r"`([^`]+)`", " ".join(re.findall(r"^Files: (.*?)\n\n", PAGES["contributing"], re.M | re.S))))
"""Files that docs/contributing.md adds in its examples."""


def quoted(page: str) -> set[str]:
    text = re.sub(r"```.*?```", "", PAGES[page], flags=re.S)
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page):
    paths = {name for name in quoted(page) if re.fullmatch(r"[\w/]+(\.py|/)", name)} - NEW
    assert {name for name in paths if not (PACKAGE / name).exists() and not (ROOT / name).exists()} - {"preparation/"} == set()
    assert paths or page == "vocabulary"


@pytest.mark.parametrize("page", PAGES)
def test_every_name_that_a_page_mentions_is_in_the_code(page):
    names = {word.split("(")[0].split(".")[-1] for word in quoted(page) if re.fullmatch(r"[A-Za-z_][\w.]*(\(.*\))?", word)}
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", SOURCES)} <= {
        "NetworkContract",
        "PreparerContract",
        "DeviceContract",
        "MitigatorContract",
    }


def test_the_rooms_of_the_page_are_those_of_the_package_in_their_order():
    picture = PAGES["architecture"].split("## The rooms")[1].split("\n\n")[2]
    words = [word for line in picture.splitlines() for word in line[17:].split()]
    assert words == ORDER


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGES[page])
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
