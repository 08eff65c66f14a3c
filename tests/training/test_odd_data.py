"""Data as people have them: nothing missing becomes a value, nothing overflows in silence, and each line names the cell."""

import warnings

import numpy as np
import pytest
from click.testing import CliRunner

import qep_qiskit as qep
from qep_qiskit.cli.main import cli
from qep_qiskit.errors import InputError
from qep_qiskit.training.data.encoding import fit_scaling, fit_targets, prepare, split
from qep_qiskit.training.data.sets import DataSet, read_file

ROWS = np.random.default_rng(0).normal(size=(12, 2))
SPEC = """
seed = 1
network = {{kind = "ising", sites = 4, clamp = true, inputs = [0, 1], outputs = [3], edges = [[0,2],[0,3],[1,2],[1,3],[2,3]]}}
cost = {{kind = "squared_error"}}
data = {{source = "{source}"{lines}}}
training = {{bounds = {{g = [0.3, 2.0]}}, epochs = 1, batch_size = 6}}
"""


def csv_of(tmp_path, labels, *, rows=ROWS, text=None, name="d.csv"):
    lines = ["a,b,y", *(f"{a!r},{b!r},{y}" for (a, b), y in zip(rows.tolist(), labels, strict=True))]
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n" if text is None else text)
    return path


def trained(tmp_path, source="d.csv", lines=""):
    """The exit code and the last line of `qep train` on a file in this folder."""
    spec = tmp_path / "s.toml"
    spec.write_text(SPEC.format(source=source, lines=lines))
    done = CliRunner().invoke(cli, ["train", str(spec), "--run", str(tmp_path / "run"), "--json"])
    return done.exit_code, done.stderr.strip()


def refused(code_and_line, *words):
    code, line = code_and_line
    assert code == 2 and "\n" not in line, line
    assert "internal error" not in line
    for word in words:
        assert word in line


CLASSES = [0, 1] * 6


@pytest.mark.parametrize("cell", ["", "NaN", "nan", "NA", "n/a", "null", "None", "?", "<NA>", "inf", "-inf", "1_0", "x"])
@pytest.mark.parametrize("others", ["classes", "numbers"])
def test_a_label_that_is_missing_is_refused_by_row_and_column(tmp_path, cell, others):
    labels = list(CLASSES) if others == "classes" else [f"{value:.3f}" for value in ROWS[:, 0]]
    labels[4] = cell
    csv_of(tmp_path, labels)
    refused(trained(tmp_path), "row 6", "'y'", repr(cell) if cell else "missing")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("cell", ["", "NaN", "null", "?"])
def test_a_label_that_is_missing_among_words_is_refused(tmp_path, cell):
    path = csv_of(tmp_path, ["yes", "no"] * 5 + ["yes", cell])
    with pytest.raises(InputError, match=r"row 13, column 'y': the target is missing"):
        read_file(path)
    np.savez(tmp_path / "d.npz", X=ROWS, y=np.array(["yes", "no"] * 5 + ["yes", cell]))
    with pytest.raises(InputError, match="array y, row 11: the target is missing"):
        read_file(tmp_path / "d.npz")


def test_labels_of_words_and_numbers_are_taken_where_the_task_says_so(tmp_path):
    path = csv_of(tmp_path, ["1", "2b"] * 6)
    assert set(read_file(path, task="classification").y) == {"1", "2b"}
    for task, word in ((None, "data.task = 'classification'"), ("regression", "data.task = 'regression'")):
        with pytest.raises(InputError, match="row 3, column 'y': '2b' is not a finite number") as error:
            read_file(path, task=task)
        assert word in str(error.value)


@pytest.mark.parametrize(
    "labels",
    [[0.0, 1.0], [0, 1], [-1.0, 1.0], [3.0, 7.0], [0.5, 1.0], [float(2**60), 0.0], [1e300, -1e300]],
)
def test_one_rule_for_targets_from_either_file(tmp_path, labels):
    y = np.array(labels * 6)
    np.savez(tmp_path / "d.npz", X=ROWS, y=y)
    from_csv, from_npz = read_file(csv_of(tmp_path, y.tolist())), read_file(tmp_path / "d.npz")
    np.testing.assert_array_equal(from_csv.y, from_npz.y)
    np.testing.assert_array_equal(from_csv.y.astype(float), y)
    assert from_csv.y.dtype == from_npz.y.dtype
    first, second = (fit_targets(data.y, 1) for data in (from_csv, from_npz))
    assert first == second
    assert first.kind == ("sign" if all(float(v).is_integer() and abs(v) < 2**53 for v in labels) else "number")
    assert fit_targets(y.astype(float), 1) == first
    encoded = first.encode(from_npz.y)
    assert np.isfinite(encoded).all() and set(np.round(np.abs(encoded), 12)) == {1.0}


@pytest.mark.parametrize("scale", [1e300, 1e-300, 1.7e308, 1e155, 1e-160])
@pytest.mark.parametrize("kind", ["standard", "minmax", "maxabs"])
def test_numbers_of_any_size_are_scaled_rightly(scale, kind):
    rows = ROWS / np.abs(ROWS).max()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled = fit_scaling(rows * scale, kind)(rows * scale)
    if scale < 1e300 or kind == "maxabs" or scale == 1e300:
        np.testing.assert_allclose(scaled, fit_scaling(rows, kind)(rows), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["standard", "minmax", "maxabs", "none"])
def test_a_column_that_cannot_be_scaled_is_named(kind):
    X = np.array([[0.0, 5e-324], [1.0, 0.0], [0.5, 5e-324], [0.25, 0.0]])
    data = DataSet(X, np.array([0, 1, 0, 1]), ("a", "tiny"), "d.csv")
    if kind in ("none",):
        assert np.isfinite(prepare(data, 1, held_out=0.0, scaling=kind).X).all()
    else:
        with pytest.raises(InputError, match="d.csv: column 'tiny' holds"):
            prepare(data, 1, held_out=0.0, scaling=kind)
    assert not np.isnan(prepare(data, 1, held_out=0.0, scaling="none", factor=2.0).X).any()


def test_a_column_that_does_not_vary_becomes_zero():
    rows = np.full((7, 1), 0.1)  # its mean is not 0.1
    for kind in ("standard", "minmax"):
        assert not fit_scaling(rows, kind)(rows).any()


def test_regression_targets_near_the_largest_number_keep_their_order(tmp_path):
    y = 1e300 * ROWS[:, 0]
    targets = fit_targets(y, 1)
    encoded = targets.encode(y)
    assert np.isclose(encoded.min(), -1) and np.isclose(encoded.max(), 1)
    np.testing.assert_allclose(targets.decode(encoded[:, None]), y, rtol=1e-12, atol=1e285)
    model = qep.QEPRegressor(epochs=1).fit(ROWS, y)
    assert np.isfinite(model.predict(ROWS)).all()


def test_whole_numbers_that_may_be_amounts_need_the_task(tmp_path):
    csv_of(tmp_path, range(12))
    refused(trained(tmp_path), "12 classes", "data.task = 'regression'")
    assert trained(tmp_path, lines=", task = 'regression'")[0] == 0


@pytest.mark.parametrize("share", [0.99, 0.96])
def test_a_held_out_share_that_leaves_no_training_data_is_refused(tmp_path, share):
    csv_of(tmp_path, CLASSES)
    refused(trained(tmp_path, lines=f", held_out = {share}"), "data.held_out", str(share), "12 samples")
    with pytest.raises(InputError, match=f"validation_fraction: {share} of 12 samples"):
        qep.QEPClassifier(epochs=1, early_stopping=1, validation_fraction=share).fit(ROWS, CLASSES)


@pytest.mark.parametrize("share", [1.0, 7, -0.1, float("nan"), "a", None, True])
@pytest.mark.parametrize("make", [qep.QEPClassifier, qep.QEPRegressor])
def test_invalid_shares_are_refused(make, share):
    with pytest.raises(InputError, match="validation_fraction: "):
        make(epochs=1, early_stopping=1, validation_fraction=share).fit(ROWS, CLASSES)


HEADERS = {
    "semicolons": ("a;b;y\n1;2;0\n3;4;1\n", ["row 1", "semicolon"]),
    "tabs": ("a\tb\ty\n1\t2\t0\n3\t4\t1\n", ["row 1", "tab"]),
    "bars": ("a|b|y\n1|2|0\n3|4|1\n", ["row 1", "bar"]),
    "a comment": ("# made by hand\na,b,y\n1,2,0\n3,4,1\n", ["row 1", "comment"]),
    "a commented header": ("#a,b,y\n1,2,0\n3,4,1\n", ["row 1", "comment"]),
    "row numbers": (",a,b,y\n0,1,2,0\n1,3,4,1\n", ["row 1", "column 0", "no name"]),
    "decimal commas": ('a,b,y\n"1,5",2,0\n3,4,1\n', ["row 2", "'a'", "'1,5'"]),
    "an empty cell": ("a,b,y\n1,,0\n3,4,1\n", ["row 2", "'b'", "empty"]),
    "underscores": ("a,b,y\n1_0,2,0\n3,4,1\n", ["row 2", "'a'", "'1_0'"]),
    "UTF-16": ("a,b,y\n1,2,0\n".encode("utf-16"), ["UTF-8"]),
    "a null byte": (b"a,b,y\n1,2,0\n\x00,1,2\n", ["row 3", "'a'"]),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_malformed_tables_give_one_line(tmp_path, kind):
    text, words = HEADERS[kind]
    (tmp_path / "d.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    refused(trained(tmp_path), "d.csv", *words)


def test_a_csv_file_with_a_byte_order_mark(tmp_path):
    csv_of(tmp_path, CLASSES, text="\ufeffa,b,y\n1,2,0\n3,4,1\n")
    assert read_file(tmp_path / "d.csv").features == ("a", "b")


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "d.npz", **arrays)


ARRAYS = {
    "one array": (lambda path: (np.save(path / "d.npy", ROWS), (path / "d.npy").rename(path / "d.npz")), ["one array (NPY)"]),
    "text": (lambda path: (path / "d.npz").write_text("a,b\n1,2\n"), ["not a complete NPZ"]),
    "empty": (lambda path: (path / "d.npz").write_bytes(b""), ["not a complete NPZ"]),
    "complex inputs": (lambda path: saved(path, X=ROWS * 1j, y=np.array(CLASSES)), ["array X", "complex"]),
    "complex targets": (lambda path: saved(path, X=ROWS, y=np.array(CLASSES) * 1j), ["array y", "complex"]),
    "dates": (lambda path: saved(path, X=ROWS, y=np.arange(12).astype("M8[D]")), ["array y", "datetime"]),
    "records": (lambda path: saved(path, X=ROWS, y=np.zeros(12, dtype=[("a", float)])), ["array y"]),
    "no columns": (lambda path: saved(path, X=np.zeros((12, 0)), y=np.array(CLASSES)), ["array X", "(12, 0)"]),
    "a missing target": (lambda path: saved(path, X=ROWS, y=np.r_[np.zeros(11), np.nan]), ["array y, row 11"]),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_malformed_arrays_give_one_line(tmp_path, kind):
    write, words = ARRAYS[kind]
    write(tmp_path)
    refused(trained(tmp_path, "d.npz"), "d.npz", *words)


@pytest.mark.parametrize("state", [[1, 2], np.arange(3), np.array([1.5]), "a", 1.5, -1, 2**40, object()])
@pytest.mark.parametrize("make", [qep.QEPClassifier, qep.QEPRegressor])
def test_invalid_random_states_are_refused(make, state):
    with pytest.raises(InputError, match="random_state: ") as error:
        make(epochs=1, random_state=state).fit(ROWS, CLASSES)
    assert "\n" not in str(error.value)


def test_random_states_that_scikit_learn_takes():
    def weights(state):
        return dict(qep.QEPRegressor(epochs=1, hidden=0, random_state=state).fit(ROWS[:4], [0.0, 1.0, 2.0, 3.0]).weights_)

    assert weights(3) == weights(np.int64(3)) == weights(np.random.RandomState(3)) == weights(np.array(3))
    assert weights(0) != weights(3)
    assert weights(None) != weights(3)


def test_the_task_is_recognised_from_all_targets():
    y = np.arange(22) // 1  # 22 different whole numbers: amounts; a training part of 16 has fewer
    prepared = prepare(DataSet(np.random.default_rng(1).normal(size=(22, 1)), y, ("a",), "d.csv"), 1, held_out=0.25)
    assert prepared.targets.kind == "number"
    assert len(split(y, 0.25, 1, stratified=False)[1]) == 6
