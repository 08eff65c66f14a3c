"""Every page in a real browser: on a telephone and a screen, dark and light, without a script error or a request."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest

import qep_qiskit as qep
from qep_qiskit.experiment import load
from qep_qiskit.report import budget_page, forecast_page, run_page, sweep_page, training_page
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.readings import readings_of
from qep_qiskit.sweeps import MEASURES, Row, summary
from qep_qiskit.training.plane import plane_of

GOLDEN = Path(__file__).parents[1] / "runs/golden/finished"
KINDS = ("budget", "run", "training", "sweep", "forecast")
WIDTHS = (390, 1280)
NARROWEST_TEXT = 8.0
"""The smallest height in pixels of a text in a figure."""


def chromium() -> str | None:
    """Return the browser of $CHROME, or one that is installed."""
    names = (os.environ.get("CHROME"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip("no Chromium: install it, or set CHROME to its path")
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_api.sync_playwright() as play:
        try:
            opened = play.chromium.launch(executable_path=path, args=switches)
        except sync_api.Error as error:
            pytest.skip(f"{path} does not start: {str(error).splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """One page of each kind, with names that would break a page that does not escape them."""
    folder = tmp_path_factory.mktemp("pages")
    network = qep.ising(sites=3, edges="chain", inputs=[0], outputs=[2])
    problem = qep.Problem(network, network.initial_weights(seed=1), x=[0.5], cost=qep.SquaredError([1.0]))
    options = {"stencil": qep.symmetric(0.2), "device": qep.simulator(noise="fake_torino", seed=1), "shots": 500, "seed": 1}
    budget = qep.compare(problem, preparer=qep.VQE(layers=1), mitigation="tensored", **options)
    circuit = qep.circuits(problem, preparer=qep.VQE(layers=1), stencil=qep.symmetric(0.2))[0]
    text = budget_page.page(budget, spec_text='# <script>alert("x")</script>\n', circuit=circuit, network=network)
    (folder / "budget.html").write_text(text, encoding="utf-8")
    shutil.copytree(GOLDEN, folder / "run")
    with RunStore.open(folder / "run") as store:
        text = run_page.page(store, readings_of(store, load(folder / "run/spec.toml"), exact=True))
    (folder / "run.html").write_text(text, encoding="utf-8")
    two = qep.ising(sites=4, edges=[(0, 2), (1, 2), (2, 3)], inputs=[0, 1], outputs=[3], clamp=True)
    X, y = [[-1, -1], [-1, 1], [1, -1], [1, 1]], [-1, 1, 1, -1]
    result = qep.train(two, X, y, epochs=3, batch_size=2, validation=(X, y), shots=200, run=folder / "training", seed=1)
    with RunStore.open(folder / "training") as store:
        text = training_page.page(store, network=two, plane=plane_of(result.task, result.weights))
    (folder / "training.html").write_text(text, encoding="utf-8")
    points = [{"stencil.beta": beta, "seed": seed} for beta in (0.02, 0.1, 0.5) for seed in (0, 1)]
    rows = [
        Row(k, point, {"relative_error": point["stencil.beta"] + 0.1 * point["seed"], "cosine": 0.9, "loss": 1.0, "shots": 1e4})
        for k, point in enumerate(points)
    ]
    measures = ("relative_error", "cosine", "loss", "shots")
    assert set(measures) <= set(MEASURES["gradient"])
    entries = summary(rows, measures)
    content = {"rows": rows, "entries": entries, "measures": measures, "document": {"rows": [row.to_dict() for row in rows]}}
    text = sweep_page.page(name="<b>", spec_text="seed = 1\n", command="qep sweep spec.toml", network=network, **content)
    (folder / "sweep.html").write_text(text, encoding="utf-8")
    forecast = qep.forecast(problem, preparer=qep.VQE(layers=1), mitigation="tensored", choices=True, **options)
    text = forecast_page.page(forecast, spec_text="seed = 1\n", document=forecast.to_dict())
    (folder / "forecast.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(params=KINDS)
def opened(request, browser, pages):
    """A function that opens a page, and the errors and requests that it has made."""
    contexts, troubles = [], []

    def open_page(width=1280, scheme="light", **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
        page.on("request", lambda sent: None if sent.url.startswith(("file:", "data:")) else troubles.append(sent.url))
        page.goto((pages / f"{request.param}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


def test_a_page_fits_on_a_telephone_and_on_a_screen_in_both_colour_schemes(opened):
    papers = set()
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            page = opened(width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            figures = page.locator("svg.plot:visible, svg.qep-graph:visible, .bars .track div:visible, svg.strip:visible")
            assert figures.count() > 0
            for box in [figures.nth(k).bounding_box() for k in range(min(6, figures.count()))]:
                assert box["width"] > 60 and box["height"] > 8 and box["x"] + box["width"] <= width + 1
            texts = page.locator("svg.plot text")
            sizes = [texts.nth(k).bounding_box()["height"] for k in range(min(8, texts.count()))]
            assert all(size >= NARROWEST_TEXT for size in sizes), sizes
    assert len(papers) == 2, "dark and light differ"


def test_a_click_or_the_enter_key_sorts_a_table(opened):
    page = opened()
    table = page.locator("table.sortable").first
    rows = table.locator("tbody tr")
    heads = table.locator("thead th")
    place = heads.count() - 1
    keys = "rows => rows.map(row => +row.lastElementChild.dataset.sort || 0)"
    before = rows.evaluate_all(keys)
    heads.nth(place).evaluate(
        "head => { for (let at = head; at; at = at.parentElement) if (at.tagName == 'DETAILS') at.open = true }"
    )
    heads.nth(place).click()
    page.wait_for_function("() => document.querySelector('th[aria-sort=descending]')")
    page.wait_for_timeout(30)
    assert rows.evaluate_all(keys) == sorted(before, reverse=True)
    heads.nth(place).press("Enter")
    page.wait_for_timeout(30)
    assert rows.evaluate_all(keys) == sorted(before)


def test_downloads_hold_the_data(opened):
    page = opened(accept_downloads=True)
    links = page.locator(".files a[download]")
    names = [links.nth(k).get_attribute("download") for k in range(links.count())]
    assert any(name.endswith(".json") for name in names) and any(name.endswith(".csv") for name in names)
    for k, name in enumerate(names):
        with page.expect_download() as waiting:
            links.nth(k).click()
        text = Path(waiting.value.path()).read_text(encoding="utf-8")
        assert waiting.value.suggested_filename == name
        if name.endswith(".json"):
            assert json.loads(text)
        elif name.endswith(".csv"):
            table = list(csv.reader(io.StringIO(text)))
            assert len(table) > 1 and len({len(row) for row in table}) == 1


def test_a_page_is_whole_without_javascript_and_names_everything_for_screen_readers(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("h1").count() == 1 and page.locator(".conclusion").is_visible()
    assert page.locator("svg:not([aria-hidden]):not([aria-label])").count() == 0
    assert page.locator("table:not(:has(th))").count() == 0
    assert page.locator("#data").is_visible() and page.locator("dl.letters dt").first.is_visible()


def test_values_are_shown_under_the_pointer(opened):
    page = opened()
    tips = page.locator("svg.strip title, svg.plot title, svg.qep-graph title, .bars [title]")
    assert tips.count() > 3
