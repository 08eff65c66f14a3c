"""Runs from strangers: a file that is not one of our runs is refused quickly, in one line, and leaves nothing behind."""

import base64
import io
import json
import shutil
import sqlite3
import struct
import time
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from qiskit import QuantumCircuit, qpy

from qep_qiskit.cli.main import cli
from qep_qiskit.foreign.arrays import read_npz
from qep_qiskit.foreign.circuits import read_circuit, read_circuits
from qep_qiskit.foreign.documents import json_document, toml_tables
from qep_qiskit.runs.file import exchange
from qep_qiskit.runs.file.database import RunDamagedError
from qep_qiskit.runs.file.store import RunStore

SECONDS = 30.0  # generous: what was wrong had no end, or took gigabytes


def packed(data):
    return base64.b64encode(data).decode()


def qpy_of(circuit=None):
    buffer = io.BytesIO()
    qpy.dump(QuantumCircuit(2) if circuit is None else circuit, buffer)
    return bytearray(buffer.getvalue())


def with_qubits(number):
    data = qpy_of()
    at = 19 + 1 + 8 + 2 + 1 + 2
    assert struct.unpack_from("!I", data, at) == (2,)
    struct.pack_into("!I", data, at, number)
    return bytes(data)


def bomb(size=200_000_000, header=None):
    """An NPZ file of a few hundred kilobytes that unpacks to `size` bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, file.open("weights.npy", "w", force_zip64=True) as stream:
        np.lib.format.write_array_header_1_0(stream, header or {"descr": "<f8", "fortran_order": False, "shape": (size // 8,)})
        for _ in range(size // 1_000_000):
            stream.write(bytes(1_000_000))
    return buffer.getvalue()


def npz_of(descr, shape, data=b""):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file, file.open("weights.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
        stream.write(data)
    return buffer.getvalue()


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def job(d, *path, value):
    return put(d, "jobs", 0, *path, value=value)


def put(document, *path, value):
    place = document
    for step in path[:-1]:
        place = place[step]
    if value is DROPPED:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


DROPPED = object()
CHANGES = {
    "50 million qubits": lambda d: put(d, "circuits", "0-0", "qpy", value=packed(with_qubits(50_000_000))),
    "4 billion qubits": lambda d: put(d, "circuits", "0-0", "qpy", value=packed(with_qubits(2**32 - 1))),
    "qubits that no register has": lambda d: put(d, "circuits", "0-0", "qpy", value=packed(with_qubits(9_000))),
    "half a QPY": lambda d: put(d, "circuits", "0-0", "qpy", value=packed(bytes(qpy_of()[:40]))),
    "no base64": lambda d: put(d, "circuits", "0-0", "qpy", value="***"),
    "a checkpoint that unpacks": lambda d: put(d, "checkpoints", 0, "data", value=packed(bomb())),
    "a checkpoint of objects": lambda d: put(d, "checkpoints", 0, "data", value=packed(npz_of("|O", (1,), b"\x80\x04N."))),
    "a checkpoint of garbage": lambda d: put(d, "checkpoints", 0, "data", value=packed(b"PK garbage")),
    "a checkpoint that is one array": lambda d: put(d, "checkpoints", 0, "data", value=packed(b"\x93NUMPY" + bytes(100))),
    "an array with a false header": lambda d: put(d, "checkpoints", 0, "data", value=packed(npz_of("<f8", (2**50,), bytes(8)))),
    "content without pubs": lambda d: job(d, "content", "pubs", value=DROPPED),
    "a number for pubs": lambda d: job(d, "content", "pubs", value=3),
    "a number for names": lambda d: job(d, "content", "pubs", 0, "names", value=3),
    "names without values": lambda d: job(d, "content", "pubs", 0, "values", value=[[]] * 2 + [[1.0] * 9]),
    "unknown content": lambda d: job(d, "content", "pickle", value="x"),
    "no shots": lambda d: job(d, "content", "shots", value=0),
    "shape -1": lambda d: put(d, "results", d["jobs"][0]["tag"], 0, "shape", value=[-1, 1]),
    "a huge shape": lambda d: put(d, "results", d["jobs"][0]["tag"], 0, "shape", value=[2**40, 2**40]),
    "bits by the million": lambda d: put(d, "results", d["jobs"][0]["tag"], 0, "bits", value=10**7),
    "results out of order": lambda d: put(d, "results", d["jobs"][0]["tag"], 0, "pub", value=7),
    "two events of one number": lambda d: put(d, "events", 1, "number", value=d["events"][0]["number"]),
    "two steps of one number": lambda d: put(d, "steps", 1, "number", value=0),
    "a huge number": lambda d: put(d, "events", 0, "number", value=10**30),
    "a negative number": lambda d: put(d, "events", 0, "number", value=-1),
    "a time that is none": lambda d: put(d, "events", 0, "time", value="yesterday"),
    "half of a character": lambda d: put(d, "events", 0, "text", value="\ud800"),
    "a spec that is no TOML": lambda d: put(d, "spec", value="seed = = 4"),
    "a spec of many levels": lambda d: put(d, "spec", value=".".join("a" * 5000) + " = 1"),
    "an empty gradient": lambda d: put(d, "gradients", 0, "value", value={}),
    "a gradient of words": lambda d: put(d, "gradients", 0, "value", "values", value=["a"]),
    "a gradient of two lengths": lambda d: put(d, "gradients", 0, "value", "stderr", value=[0.1]),
    "900 levels": lambda d: put(d, "documents", "plan", "0", "more", value=nested(900)),
    "60 levels": lambda d: put(d, "description", "more", value=nested(60)),
    "a list for a description": lambda d: put(d, "description", value=[]),
    "a number for a tag": lambda d: job(d, "tag", value=3),
}


@pytest.fixture(scope="module")
def document(finished):
    with RunStore.open(finished) as store:
        return json.dumps(exchange.export(store))


def imported(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.json").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    begun = time.monotonic()
    result = CliRunner().invoke(cli, ["runs", "import", "run.json", "--run", "new/copy"])
    assert time.monotonic() - begun < SECONDS
    return result


def refused(result, tmp_path):
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1 and len(result.stderr) < 600 and "internal" not in result.stderr, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("what", CHANGES)
def test_a_document_that_is_not_a_run_is_refused(document, tmp_path, monkeypatch, what):
    changed = CHANGES[what](json.loads(document))
    changed.pop("checksum")
    text = json.dumps(changed)
    signed = exchange._checksum(changed) if "\\ud800" not in text else "0"
    refused(imported(tmp_path, monkeypatch, json.dumps({**changed, "checksum": signed})), tmp_path)


TEXTS = {
    "an infinite number": b'{"format": "qep-run", "version": 1, "x": 1e99999}',
    "NaN": b'{"format": "qep-run", "x": NaN}',
    "100,000 levels": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "a number of 5000 digits": b'{"format": "qep-run", "x": ' + b"9" * 5000 + b"}",
    "10 million lists": b"[" + b"[]," * 10_000_000 + b"[]]",
    "half of a character": b'{"format": "qep-run", "x": "\\ud800"}',
    "latin-1": b'{"format": "\xe9"}',
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "nothing": b"",
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_file_that_is_not_json_is_refused(tmp_path, monkeypatch, what):
    refused(imported(tmp_path, monkeypatch, TEXTS[what]), tmp_path)


def test_the_document_itself_is_taken(document, tmp_path, monkeypatch):
    assert imported(tmp_path, monkeypatch, document).exit_code == 0


# a run.db


STEPS = "CREATE TABLE steps (number INTEGER PRIMARY KEY, time TEXT, value TEXT, sum TEXT NOT NULL)"
ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c)"
STATEMENTS = {
    "a view without end": [
        "DROP TABLE events",
        f"CREATE VIEW events AS {ENDLESS} SELECT n AS number, '' AS time, '' AS tag, '' AS state, '' AS text, '' AS sum FROM c",
    ],
    "a view beside": ["CREATE VIEW more AS SELECT 1"],
    "a trigger": ["CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM jobs; END"],
    "a table more": ["CREATE TABLE more (a)"],
    "an index": ["CREATE INDEX i ON events (text)"],
    "an index by expression": ["CREATE INDEX i ON events (length(text))"],
    "a generated column": ["DROP TABLE steps", STEPS.replace("value TEXT", "value TEXT AS (hex(zeroblob(100000000))) VIRTUAL")],
    "a virtual table": ["CREATE VIRTUAL TABLE v USING fts5(a)"],
    "a table less": ["DROP TABLE steps"],
    "another type": ["DROP TABLE steps", STEPS.replace("time TEXT", "time BLOB")],
    "a check": ["DROP TABLE steps", STEPS.replace("NOT NULL", "NOT NULL CHECK (1)")],
}  # fmt: skip


@pytest.mark.parametrize("what", STATEMENTS)
@pytest.mark.parametrize("words", [["runs", "show"], ["collect", "--yes"]], ids=" ".join)
def test_a_file_with_another_schema_is_refused_before_any_query(run, what, words):
    with sqlite3.connect(run / "run.db") as data:
        for statement in STATEMENTS[what]:
            data.execute(statement)
    data.close()
    begun = time.monotonic()
    result = CliRunner().invoke(cli, [*words, str(run)])
    assert time.monotonic() - begun < SECONDS
    assert result.exit_code == 2 and result.stderr.count("\n") == 1 and "its schema" in result.stderr, result.output
    listed = CliRunner().invoke(cli, ["runs", "list", str(run)])
    assert listed.exit_code == 0 and "damaged" in listed.stdout


@pytest.mark.parametrize(
    ("table", "column", "value", "read"),
    [
        ("circuits", "qpy", with_qubits(50_000_000), lambda s: s.circuit(next(iter(s.circuits())))),
        ("checkpoints", "data", bomb(), lambda s: s.checkpoint("last")),
        ("documents", "value", "[" * 100_000, lambda s: [s.all(kind) for kind in ("plan", "compiled", "calibration", "seconds")]),
        ("gradients", "value", "{" * 10, lambda s: s.gradients()),
    ],
)
def test_a_row_that_fits_its_checksum_and_is_hostile_is_refused(run, table, column, value, read):
    with RunStore.open(run, write=True) as store, store._data.transaction():
        for row in store._data.rows(table):
            store._data.put(table, **{**row, column: value})
    with RunStore.open(run) as store, pytest.raises(RunDamagedError, match="is damaged"):
        read(store)


# the readers themselves


def test_circuits_that_end_the_process_that_reads_them_are_refused(tmp_path):
    good, rng = qpy_of(many()), np.random.default_rng(4)
    wrong = 0
    for _ in range(60):
        data = bytearray(good)
        for at in rng.integers(60, len(data) - 8, 3):
            data[at : at + 4] = rng.bytes(4)
        try:
            read_circuits({"a": bytes(good), "b": bytes(data)})
        except ValueError as error:
            assert str(error).startswith("b: ") and "\n" not in str(error)
            wrong += 1
    assert wrong > 20


def many():
    circuit = QuantumCircuit(3, 3)
    for k in range(3):
        circuit.rx(0.1 * k, k)
        circuit.measure(k, k)
    return circuit


def test_our_own_files_are_read():
    assert read_circuit(bytes(qpy_of(many()))) == many()
    arrays = {"a": np.arange(3.0), "b": np.ones((2, 2), dtype=complex), "c": np.array(["x"]), "d": np.asfortranarray(np.eye(3))}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    loaded = read_npz(buffer, most=10_000)
    assert all(np.array_equal(loaded[name], array) for name, array in arrays.items())
    assert json_document(b'{"a": [1, 2.5, null, "\xc3\xa9"]}') == {"a": [1, 2.5, None, "é"]}
    assert toml_tables("a.b = 1\n# " + "." * 100) == {"a": {"b": 1}}


@pytest.mark.parametrize("data", [bomb(), npz_of("<U1000000000", (1,)), npz_of("|O", (1,)), npz_of("|V8", (-3,)), b"PK\x03\x04"])
def test_arrays_are_measured_before_they_are_unpacked(data):
    with pytest.raises(ValueError, match="unpacks to|Python objects|size|not a complete|dtype"):
        read_npz(io.BytesIO(data), most=10_000_000)


def test_a_copy_of_a_copy_is_left_as_it_was_when_the_import_fails(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    (tmp_path / "run.json").write_text(document)
    shutil.copy("run.json", "other.json")
    assert CliRunner().invoke(cli, ["runs", "import", "run.json", "--run", "taken"]).exit_code == 0
    assert CliRunner().invoke(cli, ["runs", "import", "other.json", "--run", "taken"]).exit_code == 2
    assert (tmp_path / "taken" / "mine.txt").read_text() == "mine"


def test_no_export_and_no_json_names_the_instance(tmp_path, monkeypatch, finished):
    crn = "crn:v1:bluemix:public:quantum-computing:us-east:a/0a1b2c3d4e5f60718293a4b5c6d7e8f9:12345678-9abc::"
    text = (finished / "spec.toml").read_text().replace('name = "ibm_folder"', f'name = "ibm_folder"\ninstance = "{crn}"')
    assert crn in text
    with RunStore.create(tmp_path / "run", text, description={"id": "x", "device": "ibm_folder"}) as store:
        exchange.write(exchange.export(store), tmp_path / "run.json")
    assert crn not in (tmp_path / "run.json").read_text() and crn in (tmp_path / "run" / "spec.toml").read_text()
    exchange.import_run(tmp_path / "run.json", tmp_path / "copy")
    for words in (["runs", "show"], ["runs", "show", "--json"], ["status", "--offline", "--json"]):
        result = CliRunner().invoke(cli, [*words, str(tmp_path / "run")])
        assert result.exit_code in (0, 3) and "0a1b2c3d" not in result.output


def test_documents_that_fit_their_checksums_and_no_reader_are_one_line(document, tmp_path, monkeypatch):
    changed = json.loads(document)
    changed["documents"] = {kind: {key: {"odd": 1} for key in entries} for kind, entries in changed["documents"].items()}
    changed.pop("checksum")
    result = imported(tmp_path, monkeypatch, json.dumps({**changed, "checksum": exchange._checksum(changed)}))
    assert result.exit_code == 0
    for words in (["report", "new/copy"], ["status", "new/copy", "--offline"], ["collect", "new/copy", "--mitigation", "none"]):
        outcome = CliRunner().invoke(cli, words)
        assert "internal" not in outcome.output and outcome.exit_code in (0, 2, 3), (words, outcome.output)


def test_salvage_of_rows_that_share_their_pages_ends(run):
    from qep_qiskit.runs.file.salvage import salvage

    page = bytearray(4096)
    cells = 1000
    page[0], page[3:5], page[5:7] = 0x0D, cells.to_bytes(2, "big"), (3000).to_bytes(2, "big")
    for cell in range(cells):
        page[8 + 2 * cell : 10 + 2 * cell] = (3000).to_bytes(2, "big")
    length = 2_000_000
    varint = bytes([0x80 | length >> 14 & 0x7F, 0x80 | length >> 7 & 0x7F, length & 0x7F])
    page[3000 : 3000 + len(varint) + 1] = varint + b"\x01"
    chain = b"".join((n + 3).to_bytes(4, "big") + bytes(4092) for n in range(600))
    (run / "run.db").write_bytes((run / "run.db").read_bytes()[:4096] + bytes(page) * 20 + chain)
    begun = time.process_time()
    salvage(run / "run.db")
    assert time.process_time() - begun < 10
