"""A run's file flipped, cut and overwritten at many places: what is read is what was written, or is refused."""

import shutil

import numpy as np
import pytest

from qep_qiskit.errors import InputError
from qep_qiskit.runs.file import exchange
from qep_qiskit.runs.file.database import RunDamagedError
from qep_qiskit.runs.file.salvage import salvage
from qep_qiskit.runs.file.store import RunStore
from qep_qiskit.runs.file.tables import TABLES
from qep_qiskit.seeds import stream


def everything(folder):
    """All that can be read of a run, by its rows and by its own verbs."""
    with RunStore.open(folder) as store:
        rows = {name: store.rows(name) for name in TABLES}
        shots = [[bits.array.tobytes() for bits in store.result(job.tag)] for job in store.jobs()]
        documents = {kind: store.all(kind) for kind in ("plan", "compiled", "calibration", "seconds")}
        circuits = [dict(store.circuit(key).count_ops()) for key in store.circuits()]
        point = store.checkpoint().arrays["weights"].tolist()
        return rows, shots, documents, circuits, point, store.gradients(), store.steps(), store.events(), store.spec_text


def flipped(data, rng):
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))


def overwritten(data, rng):
    place, length = int(rng.integers(len(data))), int(rng.integers(1, 64))
    data[place : place + length] = rng.bytes(min(length, len(data) - place))


def cut(data, rng):
    del data[int(rng.integers(len(data))) :]


def cut_at_a_page(data, rng):
    del data[4096 * int(rng.integers(len(data) // 4096)) :]


def blanked(data, rng):
    page = int(rng.integers(len(data) // 4096))
    data[4096 * page : 4096 * (page + 1)] = bytes(4096)


def swapped(data, rng):
    one, two = (slice(4096 * page, 4096 * (page + 1)) for page in rng.choice(len(data) // 4096, 2, replace=False))
    data[one], data[two] = data[two], data[one]


def repeated(data, rng):
    one, two = (slice(4096 * page, 4096 * (page + 1)) for page in rng.choice(len(data) // 4096, 2, replace=False))
    data[one] = data[two]


def in_the_header(data, rng):
    data[rng.integers(100)] = int(rng.integers(256))


DAMAGES = (flipped, overwritten, cut, cut_at_a_page, blanked, swapped, repeated, in_the_header)


def read_or_refused(tmp_path, finished, damage, repeats):
    truth = everything(finished)
    whole = (finished / "run.db").read_bytes()
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    read, refused = 0, 0
    for repeat in range(repeats):
        data = bytearray(whole)
        damage(data, stream(7, damage.__name__, repeat))
        (folder / "run.db").write_bytes(data)
        try:
            contents = everything(folder)
        except RunDamagedError as error:
            assert "--salvage" in str(error)
            refused += 1
        except (InputError, OSError) as error:
            assert "run.db" in str(error)
            refused += 1
        else:
            assert contents == truth, f"{damage.__name__} {repeat}: a wrong value was read"
            read += 1
        (folder / "run.db").write_bytes(data)
        saved = salvage(folder / "run.db")
        missing = sum(len(truth[0][name]) for name in TABLES)
        for name in TABLES:
            assert all(row in truth[0][name] for row in saved.rows[name]), f"{damage.__name__} {repeat}: {name}"
            missing -= len(saved.rows[name])
        assert saved.lost or not missing
    assert read + refused == repeats and refused > 0


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_noticed(tmp_path, finished, damage):
    read_or_refused(tmp_path, finished, damage, 15)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_anywhere_is_noticed(tmp_path, finished, damage):
    read_or_refused(tmp_path, finished, damage, 1000)


@pytest.mark.parametrize("table", [name for name in TABLES if name != "meta"])
def test_a_lost_row_is_noticed(run, table):
    import sqlite3

    with sqlite3.connect(run / "run.db") as data:
        data.execute(f"DELETE FROM {table} WHERE rowid = (SELECT MIN(rowid) FROM {table})")
    data.close()
    with pytest.raises(RunDamagedError, match=f"the table of {table} is damaged"):
        RunStore.open(run)


def test_undamaged_rows_are_exported(run, tmp_path):
    whole = bytearray((run / "run.db").read_bytes())
    with RunStore.open(run) as store:
        shots = store.rows("results")[0]["data"]
    whole[whole.index(shots[:64]) + 5] ^= 1
    (run / "run.db").write_bytes(whole)
    with RunStore.open(run) as store, pytest.raises(RunDamagedError, match=r"a row of results.*--salvage"):
        exchange.export(store)
    saved = salvage(run / "run.db")
    assert saved.lost == ("results: 1 of 5 rows",)
    document = exchange.document_of(saved.rows, saved.lost)
    exchange.write(document, tmp_path / "saved.json")
    copy = exchange.import_run(tmp_path / "saved.json", tmp_path / "copy")
    with RunStore.open(copy) as store:
        assert store.imported["lost"] == ["results: 1 of 5 rows"]
        assert len(store.gradients()) == 1
        assert len(store.circuits()) == 5
        with pytest.raises(RunDamagedError, match="results of"):
            [store.result(job.tag) for job in store.jobs()]


def test_everything_else_is_saved_from_a_file_without_its_first_page(run):
    with RunStore.open(run) as store:
        expected = {name: store.rows(name) for name in TABLES}
    data = bytearray((run / "run.db").read_bytes())
    data[:4096] = bytes(4096)
    (run / "run.db").write_bytes(data)
    saved = salvage(run / "run.db")
    assert saved.rows == expected and saved.lost == ()


def test_values_longer_than_a_page_are_salvaged(run):
    with RunStore.open(run, write=True) as store:
        store.put("long", "a", {"values": np.linspace(0, 1, 3000).tolist()})
        store.put("long", "b", {"text": "x" * 4061})
        expected = {name: store.rows(name) for name in TABLES}
    assert salvage(run / "run.db").rows == expected
