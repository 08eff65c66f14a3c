import io

import numpy as np
import pytest
from PIL import Image

from qep_qiskit.drawing.picture import file_bytes, write
from qep_qiskit.report.figures import figure


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_every_shape_of_budget_gives_a_picture_that_is_not_blank(any_budget):
    image = pixels(file_bytes(figure(any_budget), "png", 60))
    dark = np.mean(image.min(axis=2) < 128)
    assert 0.001 < dark < 0.5


def test_the_file_is_150_dpi_and_as_wide_as_a_readme(budget, tmp_path):
    path = write(figure(budget), tmp_path / "budget.png")
    height, width, _ = pixels(path.read_bytes()).shape
    assert width == 1275 and height < width
    assert [p.name for p in tmp_path.iterdir()] == ["budget.png"]


def test_the_same_budget_gives_the_same_bytes(budget):
    assert file_bytes(figure(budget)) == file_bytes(figure(budget))


def test_a_vector_picture_is_drawn_where_the_path_asks_for_it(budget, tmp_path):
    assert b"<svg" in write(figure(budget), tmp_path / "budget.svg").read_bytes()


def test_measured_points_lie_at_the_data(budget):
    drawing = figure(budget)
    gradient = drawing.subfigs[1].axes[0]
    raw, mitigated = (container.lines[0] for container in gradient.containers)
    rungs = {r["name"]: r for r in budget["rungs"]}
    assert list(raw.get_ydata()) == rungs["shots"]["values"]
    assert list(mitigated.get_ydata()) == rungs["mitigated"]["values"]


def test_bars_end_at_the_relative_errors(budget):
    waterfall = figure(budget).subfigs[0].axes[0]
    levels = [r["relative_error"] for r in budget["rungs"][1:]]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in waterfall.patches]
    assert [end for _, end in ends] == pytest.approx(levels)
    assert [start for start, _ in ends][1:] == pytest.approx(levels[:-1])
    assert waterfall.get_xscale() == "log"


def test_errors_of_similar_size_are_drawn_on_a_linear_axis(budget):
    for rung, level in zip(budget["rungs"][1:], (0.04, 0.06, 0.2, 0.21, 0.1), strict=True):
        rung["relative_error"] = level
    assert figure(budget).subfigs[0].axes[0].get_xscale() == "linear"


def test_a_budget_without_any_error_is_drawn(budget):
    for rung in budget["rungs"]:
        rung["relative_error"] = 0.0
    assert pixels(file_bytes(figure(budget), "png", 40)).size


@pytest.mark.parametrize("name", ["$\\frac$", "$x", "", "[", "名前[1]", "w" * 400, "<b>[0]"])
def test_odd_names_are_drawn_as_they_are(budget, name):
    budget["names"][0] = name
    budget["rungs"][1]["title"] = name
    assert pixels(file_bytes(figure(budget), "png", 40)).size


def test_no_global_state_of_matplotlib_changes(budget):
    import matplotlib

    before = dict(matplotlib.rcParams)
    file_bytes(figure(budget), "png", 40)
    assert dict(matplotlib.rcParams) == before
