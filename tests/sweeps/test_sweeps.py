"""Axes, points, rows and their summary; resuming a stopped sweep."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.experiment import load
from qep_qiskit.report import sweep_figure
from qep_qiskit.sweeps import Average, Row, axis_of, combinations, points, rows, summary
from qep_qiskit.sweeps.groups import groups_of
from qep_qiskit.sweeps.sweep import gradient_numbers
from qep_qiskit.workers import Serial, pool

SPEC = """
seed = 3
[network]
kind = "ising"
sites = 3
inputs = [0]
outputs = [2]
[weights]
J = 0.8
h = 0.2
g = 1.0
[cost]
kind = "squared_error"
[sample]
x = [0.5]
y = [1.0]
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SPEC)
    return path


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("stencil.beta=0.1", (0.1,)),
        ("stencil.beta=[0.1, 0.2]", (0.1, 0.2)),
        ("seed=2..4", (2, 3, 4)),
        ("network.edges=chain,ring", ("chain", "ring")),
        ("network.edges=[[0,1],[1,2]],chain", ([[0, 1], [1, 2]], "chain")),
        ('a.b="x,y",z', ("x,y", "z")),
    ],
)
def test_axes(text, values):
    assert axis_of(text).values == values


def test_the_shots_of_a_point_are_all_that_the_forecast_would_send(spec):
    for mitigation in ("none", "tensored", "trex", "clifford"):
        words = [("measurement.shots", 400), ("measurement.mitigation", mitigation), ("device.name", "fake_manila")]
        point = load(spec, overrides=[("preparation.method", "vqe"), *words])
        forecast = qep.forecast(point.problem(), **point.settings())
        assert gradient_numbers(point)["shots"] == forecast.sending.shots
    assert gradient_numbers(load(spec))["shots"] is None


@pytest.mark.parametrize("text", ["seed", "seed=", "=1", "seed=4..2", "seed=1,1", "stencil.beta=0.1,,0.2"])
def test_bad_axes_give_one_line(text):
    with pytest.raises(qep.InputError, match="--over"):
        axis_of(text)


def test_combinations_vary_the_last_axis_fastest():
    settings = combinations([axis_of("a.b=1,2"), axis_of("seed=0..1")])
    assert [tuple(p.values()) for p in settings] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    with pytest.raises(qep.InputError, match="is given twice"):
        combinations([axis_of("seed=1,2"), axis_of("seed=3,4")])


def test_a_bad_point_is_named_before_anything_runs(spec):
    with pytest.raises(qep.InputError, match=r"--over stencil\.beta=0: stencil\.beta"):
        points(spec, [], combinations([axis_of("stencil.beta=0.1,0")]))


@pytest.mark.parametrize(
    ("method", "option", "value"), [("thermal", "temperature", 0.8), ("exact", "level", 1), ("exact", "level", 0)]
)
def test_a_gradient_is_compared_with_that_of_the_same_states(spec, method, option, value):
    words = [("preparation.method", method), (f"preparation.{option}", value), ("stencil.beta", 1e-3)]
    assert gradient_numbers(load(spec, overrides=words))["relative_error"] < 1e-4


def test_the_bias_of_each_stencil_falls_as_its_order_says(spec):
    where = combinations([axis_of("stencil.kind=one_sided,symmetric"), axis_of("stencil.beta=0.02,0.04")])
    errors = [row.numbers["relative_error"] for row in rows(points(spec, [], where), where, Serial())]
    assert np.log2(errors[1] / errors[0]) == pytest.approx(1, abs=0.1)
    assert np.log2(errors[3] / errors[2]) == pytest.approx(2, abs=0.1)


def test_rows_that_are_done_are_not_measured_again(spec):
    where = combinations([axis_of("stencil.beta=0.1,0.2,0.3")])
    assert [row.number for row in rows(points(spec, [], where), where, Serial(), done=[0, 2])] == [1]


def test_a_point_without_a_gradient_is_a_row_that_says_so(spec):
    where = combinations([axis_of("weights.g=0.0,1.0")])
    degenerate = [("weights.h", 0.0), ("sample.x", [0.0])]
    first, second = rows(points(spec, degenerate, where), where, Serial())
    assert "degenerate" in first.problem and not first.numbers
    assert second.problem is None and second.numbers["loss"] > 0


def test_summary_puts_seeds_together():
    measured_rows = [Row(k, {"a": k // 3, "seed": k % 3}, {"loss": float(k)}) for k in range(6)]
    low, high = summary([*measured_rows, Row(6, {"a": 0, "seed": 9}, {}, "no")], ["loss"])
    assert low.point == {"a": 0} and low.count == 3
    assert low.numbers["loss"].value == pytest.approx(1.0) and low.numbers["loss"].stderr == pytest.approx(1.0)
    assert low.to_dict() == {"point": {"a": 0}, "count": 3, "loss": {"mean": 1.0, "spread": 1.0}}
    assert high.numbers["loss"].value == pytest.approx(4.0)


def run(*words):
    result = CliRunner().invoke(cli, ["sweep", *map(str, words)], standalone_mode=False)
    return result.return_value, result.output


def test_the_verb_writes_table_and_picture_and_goes_on(spec, tmp_path):
    out = tmp_path / "out"
    words = (spec, "--over", "stencil.beta=0.1,0.2", "--over", "seed=0,1", "--out", out, "--json")
    code, text = run(*words)
    assert code == 0
    whole = json.loads(text)
    assert whole["complete"] and len(whole["rows"]) == 4 and len(whole["summary"]) == 2
    assert {p.name for p in out.iterdir()} == {"sweep.json", "sweep.csv", "sweep.png", "report.html"}
    document = json.loads((out / "sweep.json").read_text())
    document["rows"] = [{**row, "numbers": {**row["numbers"], "loss": -1.0}} for row in document["rows"][:3]]
    (out / "sweep.json").write_text(json.dumps(document))
    again = json.loads(run(*words)[1])
    assert [row["numbers"]["loss"] == -1.0 for row in again["rows"]] == [True, True, True, False]
    assert again["rows"][3]["numbers"]["loss"] == whole["rows"][3]["numbers"]["loss"]


def test_the_verb_refuses_a_folder_of_another_sweep(spec, tmp_path):
    run(spec, "--over", "stencil.beta=0.1", "--out", tmp_path / "out")
    code, text = run(spec, "--over", "stencil.beta=0.2", "--out", tmp_path / "out")
    assert code == 2 and "another sweep" in text
    (tmp_path / "out" / "sweep.json").write_text("{")
    assert run(spec, "--over", "stencil.beta=0.1", "--out", tmp_path / "out")[0] == 2


def test_the_picture_needs_no_numbers(tmp_path):
    entries = [Average({"network.edges": "chain"}, 0, {"loss": None})]
    assert sweep_figure.draw(entries, "loss", tmp_path / "a.png").stat().st_size > 1000


def test_a_spec_with_data_is_trained(tmp_path):
    path = tmp_path / "xor.toml"
    path.write_text(
        '[network]\nkind = "ising"\nsites = 4\nedges = "complete"\ninputs = [0, 1]\noutputs = [3]\n'
        '[cost]\nkind = "squared_error"\n[data]\nsource = "xor"\nsamples = 4\nnoise = 0.0\nheld_out = 0.0\n'
        "[training]\nepochs = 3\nbatch_size = 4\n"
    )
    code, text = run(path, "--over", "training.learning_rate=0.01,0.1", "--out", tmp_path / "out", "--json")
    assert code == 0
    slow, fast = (row["numbers"] for row in json.loads(text)["rows"])
    assert slow["steps"] == fast["steps"] == 3
    assert fast["train_loss"] < slow["train_loss"]


@pytest.mark.slow
def test_workers_give_the_same_numbers(spec):
    where = combinations([axis_of("stencil.beta=0.1,0.2"), axis_of("seed=0..2")])
    specs = points(spec, [("measurement.shots", 500)], where)

    def numbers(rows):
        return [{k: v for k, v in row.numbers.items() if k != "seconds"} for row in sorted(rows, key=lambda r: r.number)]

    here = numbers(rows(specs, where, Serial()))
    with pool(2) as two:
        assert numbers(rows(specs, where, two)) == here


RAMPS = [("preparation.method", "adiabatic"), ("preparation.time", 4.0), ("preparation.steps", 12)]


def values(found):
    return {row.number: {k: v for k, v in row.numbers.items() if k != "seconds"} for row in found}


def test_points_with_the_same_preparation_are_prepared_together(spec, monkeypatch):
    where = combinations([axis_of("stencil.beta=0.1,0.2"), axis_of("seed=0..1"), axis_of("network.edges=chain,ring")])
    specs = points(spec, RAMPS, where)
    assert groups_of(specs, range(8)) == [[0, 4], [1, 5], [2, 6], [3, 7]]
    assert groups_of(specs, [0, 2, 4]) == [[0, 4], [2]]
    assert groups_of(points(spec, [], where), range(8)) == [[k] for k in range(8)]  # exact states gain nothing
    large = points(spec, RAMPS, [{"network.sites": 11, "sample.x": [x]} for x in (0.1, 0.2)])
    assert groups_of(large, range(2)) == [[0], [1]]
    many = points(spec, RAMPS, [{"sample.x": [k / 100]} for k in range(20)])
    assert [len(group) for group in groups_of(many, range(20))] == [16, 4]
    calls = []
    prepare_all = qep.Adiabatic.prepare_all
    monkeypatch.setattr(
        qep.Adiabatic, "prepare_all", lambda self, families, **o: calls.append(len(families)) or prepare_all(self, families, **o)
    )
    together = values(rows(specs, where, Serial()))
    assert calls[:2] == [2, 2]  # one call for the first round, one for the second
    for number, numbers in together.items():
        (alone,) = rows([specs[number]], [where[number]], Serial())
        assert numbers == pytest.approx(values([alone])[0], abs=1e-9)


@pytest.mark.parametrize("shots", [pytest.param(None, marks=pytest.mark.slow), 300])
def test_a_group_resumes_to_the_same_bits(spec, shots):
    where = combinations([axis_of("stencil.beta=0.1,0.2,0.3"), axis_of("seed=0..1")])
    specs = points(spec, [*RAMPS, *([] if shots is None else [("measurement.shots", shots)])], where)
    whole = values(rows(specs, where, Serial()))
    assert sorted(whole) == list(range(6))
    for done in ([0], [1, 2, 4], [5]):
        rest = values(rows(specs, where, Serial(), done=done))
        assert rest == {number: numbers for number, numbers in whole.items() if number not in done}
    with pool(2) as two:
        assert values(rows(specs, where, two, done=[3])) == {k: v for k, v in whole.items() if k != 3}


def test_a_group_with_a_bad_point_is_measured_one_by_one(spec):
    where = [{"sample.x": [0.5]}, {"weights.g": 0.0, "weights.J": 0.0, "weights.h": 0.0, "sample.x": [0.0]}, {"sample.x": [0.2]}]
    specs = points(spec, RAMPS, where)
    first, bad, last = rows(specs, where, Serial())
    assert "degenerate" in bad.problem and first.problem is None and last.problem is None
    (alone,) = rows([specs[2]], [where[2]], Serial())
    assert values([last])[2] == values([alone])[0]
