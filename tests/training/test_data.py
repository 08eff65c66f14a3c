"""Data sets, their scaling and their targets; and what is said of bad files."""

import numpy as np
import pytest

from qep_qiskit.errors import InputError
from qep_qiskit.kinds import DATA_SETS
from qep_qiskit.training.data.encoding import fit_scaling, fit_targets, prepare, split
from qep_qiskit.training.data.sets import built_in, read_file

GOOD = "a, b,label\n1,2,cat\n3,4.5,dog\n\n5,6,cat\n"


def written(tmp_path, text):
    path = tmp_path / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_csv_file_is_read(tmp_path):
    data = read_file(written(tmp_path, GOOD))
    assert (
        data.X.tolist() == [[1, 2], [3, 4.5], [5, 6]] and data.y.tolist() == ["cat", "dog", "cat"] and data.features == ("a", "b")
    )
    assert read_file(written(tmp_path, GOOD), target="a", columns=["b"]).y.tolist() == [1, 3, 5]
    assert read_file(written(tmp_path, GOOD.replace("cat", "0").replace("dog", "1")), target=2).y.dtype.kind == "i"


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("a,b\n1,2\nx,3\n", {}, r"data.csv: row 3, column 'a': 'x' is not a finite number"),
        ("a,b\n1,2\n\nnan,3\n", {}, r"row 4, column 'a': 'nan' is not a finite number"),
        ("a,b\n1,2\n1\n", {}, r"row 3 has 1 cells, the header has 2"),
        ("a,b\n1,\n", {}, r"row 2, column 'b': the target is missing"),
        ("a,b\n", {}, r"has no rows below its header"),
        ("", {}, r"has no header"),
        ("1,2\n3,4\n", {}, r"row 1 holds numbers; the first line must name the columns"),
        ("a,a\n1,2\n", {}, r"column 'a' is named twice"),
        ("a,b\n1,2\n", {"target": "c"}, r"data.target: .*data.csv has no column 'c'; it has a, b"),
        ("a,b\n1,2\n", {"target": 2}, r"data.target: .*has no column 2; columns are 0 to 1"),
        ("a,b\n1,2\n", {"columns": ["b"]}, r"column 'b' is the target and cannot be an input too"),
        ("a\n1\n", {}, r"column 'a' is the target"),
        (b"a,b\n\xff,2\n", {}, r"is not text in UTF-8"),
        ('a,b\n"1,2\n', {}, r"is not CSV"),
    ],
)
def test_a_bad_csv_file_is_refused_in_one_line(tmp_path, text, options, words):
    with pytest.raises(InputError, match=words) as caught:
        read_file(written(tmp_path, text), **options)
    assert "\n" not in str(caught.value)


def test_npz_files(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, X=np.eye(3), y=np.array([0, 1, 0]))
    assert read_file(path).X.shape == (3, 3)
    np.savez(path, X=np.array([[1.0, np.inf]]), y=np.array([0]))
    with pytest.raises(InputError, match="array X, row 0, column 1: inf is not a finite number"):
        read_file(path)
    np.savez(path, X=np.eye(2), y=np.zeros(3))
    with pytest.raises(InputError, match=r"array y has shape \(3,\); expected \(2,\)"):
        read_file(path)
    np.savez(path, X=np.eye(2))
    with pytest.raises(InputError, match="has no array 'y', only X"):
        read_file(path)
    np.savez(path, X=np.array([[object()]]), y=np.zeros(1))
    with pytest.raises(InputError, match="holds Python objects, which are not read"):
        read_file(path)
    path.write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(InputError, match="is not a complete NPZ file"):
        read_file(path)
    with pytest.raises(InputError, match=r"no such file.*did you mean 'data.npz'"):
        read_file(tmp_path / "dato.npz")


@pytest.mark.parametrize("name", list(DATA_SETS))
def test_built_in_tasks_are_drawn_from_the_seed(name):
    one, same, other = (built_in(name, samples=40, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.X, same.X) and len(one.X) == len(one.y) and one.X.shape[1] == len(one.features)
    assert np.array_equal(one.X, other.X) == (not DATA_SETS.named(name, "data.source").parameters)
    with pytest.raises(InputError, match="data.source: .mons. is not allowed.*moons'"):
        built_in("mons")


@pytest.mark.parametrize("kind", ["none", "standard", "minmax", "maxabs"])
def test_scaling_is_fitted_on_the_training_part_alone(kind):
    data = built_in("moons", samples=100, noise=0.3, seed=1)
    prepared = prepare(data, 1, held_out=0.4, scaling=kind, factor=2.0, seed=3)
    trained, rest = split(data.y, 0.4, 3)
    assert sorted([*trained, *rest]) == list(range(100)) and len(rest) == 40
    X = data.X[trained]
    expected = {
        "none": lambda z: z,
        "standard": lambda z: (z - X.mean(axis=0)) / X.std(axis=0),
        "minmax": lambda z: 2 * (z - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0)) - 1,
        "maxabs": lambda z: z / np.abs(X).max(axis=0),
    }[kind]
    np.testing.assert_allclose(prepared.X, 2 * expected(X))
    np.testing.assert_allclose(prepared.X_held_out, 2 * expected(data.X[rest]))
    np.testing.assert_array_equal(prepared.Y, 2.0 * data.y[trained] - 1)
    assert abs(data.y[trained].mean() - data.y[rest].mean()) < 0.02
    assert not fit_scaling(np.ones((5, 1)))(np.ones((5, 1))).any()


def test_targets_are_written_and_read_back():
    words = np.array(["b", "a", "c", "a"])
    one_hot = fit_targets(words, 3)
    assert one_hot.encode(words).tolist() == [[-1, 1, -1], [1, -1, -1], [-1, -1, 1], [1, -1, -1]]
    assert one_hot.decode(one_hot.encode(words)).tolist() == words.tolist()
    assert fit_targets(words, 3, entropy=True).encode(words).tolist() == [1, 0, 2, 0]
    numbers = np.array([3.5, -1.5, 2.25])
    scaled = fit_targets(numbers, 1, reach=0.8)
    assert scaled.encode(numbers).tolist() == pytest.approx([0.8, -0.8, 0.4])
    np.testing.assert_allclose(scaled.decode(scaled.encode(numbers)[:, None]), numbers)
    for y, outputs, options, message in (
        (words, 2, {}, "network.outputs: 2 outputs for 3 classes; give 3"),
        (words[:2], 3, {}, "network.outputs: 3 outputs for 2 classes; give 1 or 2"),
        (numbers, 2, {}, "network.outputs: 2 outputs for one number per sample"),
        (words, 1, {"task": "regression"}, "data.task: the targets are words such as 'a'"),
        (words[:1], 1, {}, "every training target is b"),
    ):
        with pytest.raises(InputError, match=message):
            fit_targets(y, outputs, **options)
