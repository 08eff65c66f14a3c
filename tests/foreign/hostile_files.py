"""Forty files from strangers, of all kinds that the program reads; each with the command that reads it.

``python tests/foreign/hostile_files.py`` runs them and prints seconds of processor time and megabytes for each, compared with
a command that refuses an empty file.
"""

import base64
import io
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

SPEC = """
network = {kind = "ising", sites = 3, edges = "chain", inputs = [0], outputs = [2]}
cost = {kind = "squared_error"}
sample = {x = [0.5], y = [1.0]}
"""
DATA = 'data = {source = "d.FILE"}\n'
QASM = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
GRADIENT, TRAIN = ["gradient", "s.toml"], ["train", "s.toml"]


def _spec(text):
    return {"s.toml": text}, GRADIENT


def _qasm(text):
    return {"s.toml": SPEC + 'preparation = {method = "vqe", ansatz = "a.qasm"}\n', "a.qasm": QASM + text}, GRADIENT


def _data(ending, content):
    spec = SPEC.replace("sample = {x = [0.5], y = [1.0]}\n", "") + DATA.replace("FILE", ending)
    return {"s.toml": spec, f"d.{ending}": content}, TRAIN


def _document(**changes):
    from qep_qiskit.runs.file import exchange

    keys = ("description", "documents", "circuits", "results")
    empty = {key: {} for key in keys} | {key: [] for key in ("lost", "jobs", "events", "gradients", "steps", "checkpoints")}
    document = {"format": "qep-run", "version": 1, "complete": True, "created": "2026-01-01", "spec": SPEC, **empty, **changes}
    document["checksum"] = exchange._checksum(document)
    return {"r.json": json.dumps(document)}, ["runs", "import", "r.json", "--run", "new"]


def _file(text):
    return {"r.json": text}, ["runs", "import", "r.json", "--run", "new"]


def _circuit(qubits):
    from qiskit import QuantumCircuit, qpy

    buffer = io.BytesIO()
    qpy.dump(QuantumCircuit(2), buffer)
    data = bytearray(buffer.getvalue())
    struct.pack_into("!I", data, 33, qubits)
    return {"0-0": {"qpy": base64.b64encode(data).decode(), "openqasm3": None, "about": {}}}


def _npz(size, descr="<f8", shape=None, names=("X", "y")):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name in names:
            with file.open(f"{name}.npy", "w", force_zip64=True) as stream:
                header = {"descr": descr, "fortran_order": False, "shape": (size // 8,) if shape is None else shape}
                np.lib.format.write_array_header_1_0(stream, header)
                for _ in range(size // 8_000_000):
                    stream.write(bytes(8_000_000))
    return buffer.getvalue()


def _point(data):
    return _document(checkpoints=[{"name": "last", "time": "2026-01-01", "about": {}, "data": base64.b64encode(data).decode()}])


def _database(*statements):
    import sqlite3

    from qep_qiskit.runs.file.tables import script

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.db"
        data = sqlite3.connect(path)
        data.executescript(script())
        for statement in statements:
            data.execute(statement)
        data.commit()
        data.close()
        return {"w/run.db": path.read_bytes()}, ["runs", "show", "w"]


def _nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def files():
    """Return name → (files, words of the command)."""
    double = "gate g0 a {h a; h a;}\n" + "".join(f"gate g{k} a {{g{k - 1} a; g{k - 1} a;}}\n" for k in range(1, 40))
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c)"
    event = {"number": 0, "time": "2026-01-01", "tag": None, "state": None, "text": ""}
    return {
        "TOML of 5000 levels": _spec(".".join("a" * 5000) + " = 1"),
        "TOML of 100,000 brackets": _spec("a = " + "[" * 100_000),
        "TOML of 40 MB": _spec("# " + "x" * 40_000_000),
        "TOML with a number of 5000 digits": _spec("seed = " + "9" * 5000),
        "TOML that is not text": _spec(b"\xff\xfe\x00" * 1000),
        "1000 sites complete": _spec(SPEC.replace("sites = 3", "sites = 1000").replace("chain", "complete")),
        "a million Trotter steps": _spec(SPEC + 'preparation = {method = "adiabatic", steps = 1000000}\n'),
        "MPS of bond 100,000": _spec(
            SPEC.replace("sites = 3", "sites = 400") + 'preparation = {method = "mps", bond_dimension = 100000}\n'
        ),
        "a hundred million qubits": _qasm("qubit[100000000] q;"),
        "2^40 gates": _qasm(double + "qubit q; g39 q;"),
        "100,000 lines": _qasm("qubit[3] q;\n" + "cx q[0], q[1];\n" * 100_000),
        "20,000 brackets": _qasm("qubit[3] q; rz(" + "(" * 9000 + "1" + ")" * 9000 + ") q[0];"),
        "a range of 10^11": _qasm("qubit[3] q; let a = q[0:100000000000]; h a;"),
        "a control of 10^9": _qasm("qubit[3] q; ctrl(1000000000) @ x q[0], q[1];"),
        "gates that define themselves": _qasm("gate g a {g a;} qubit[3] q; g q[0];"),
        "NPZ of 160 MB": _data("npz", _npz(80_000_000)),
        "NPZ with a false shape": _data("npz", _npz(0, shape=(2**40, 4))),
        "NPZ of objects": _data("npz", _npz(0, descr="|O", shape=(1,))),
        "NPZ of endless words": _data("npz", _npz(0, descr="<U500000000", shape=(1,))),
        "NPZ that is none": _data("npz", b"PK\x03\x04" + bytes(1000)),
        "CSV of 20 MB": _data("csv", "a,b,y\n" + "1,2,3\n" * 3_400_000),
        "CSV of one endless cell": _data("csv", 'a,b,y\n"' + "x" * 10_000_000),
        "CSV of NUL": _data("csv", b"a,b,y\n\0,1,2\n" * 10),
        "run with 50 million qubits": _document(circuits=_circuit(50_000_000)),
        "run with 12 million qubits": _document(circuits=_circuit(12_000_000)),
        "run with 20,000 qubits": _document(circuits=_circuit(20_000)),
        "run with a checkpoint of 160 MB": _point(_npz(80_000_000)),
        "run with a checkpoint of objects": _point(_npz(0, descr="|O", shape=(1,))),
        "run of 900 levels": _document(description={"more": _nested(900)}),
        "run with two events of one number": _document(events=[event, event]),
        "run with a number of 31 digits": _document(events=[{**event, "number": 10**30}]),
        "run without TOML": _document(spec="a = = 1"),
        "run with an empty gradient": _document(gradients=[{"number": 0, "time": "2026-01-01", "value": {}}]),
        "JSON of 100,000 levels": _file("[" * 100_000),
        "JSON of 10 million lists": _file("[" + "[]," * 10_000_000 + "[]]"),
        "JSON with 1e99999": _file('{"format": "qep-run", "version": 1, "x": 1e99999}'),
        "JSON with half a character": _file('{"format": "qep-run", "version": 1, "x": "\\ud800"}'),
        "run.db with a view without end": _database(
            "DROP TABLE events",
            f"CREATE VIEW events AS {endless} SELECT n number, '' time, '' text, '' sum FROM c",
        ),
        "run.db with a view for meta": _database(
            "DROP TABLE meta", f"CREATE VIEW meta AS {endless} SELECT 'schema' key, zeroblob(500000000) value, '' sum FROM c"
        ),
        "run.db with a trigger": _database("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM jobs; END"),
        "run.db with a generated column": _database(
            "DROP TABLE steps",
            "CREATE TABLE steps (number INTEGER PRIMARY KEY, time TEXT, value TEXT AS (hex(9)), sum TEXT)",
        ),
        "run.db of garbage": ({"w/run.db": b"SQLite format 3\0" + bytes(range(256)) * 400}, ["runs", "show", "w"]),
    }


def measured(contents, words, folder):
    """Run a command on files in a folder and return it, its seconds of processor time and its megabytes at their peak."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    code = (
        "import resource, sys\nfrom qep_qiskit.cli.main import cli\n"
        "code = cli.main(sys.argv[1:], standalone_mode=False)\n"
        "used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]\n"
        # the peak of this program alone: ru_maxrss of a child begins with its parent's
        "peak = next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "peak = max(peak, used[1].ru_maxrss)\n"
        "print('USED', sum(u.ru_utime + u.ru_stime for u in used), peak / 1000)\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    figures = done.stdout.rpartition("USED ")[2].split()
    return done, float(figures[0]), float(figures[1])


def main():
    """Print what each costs."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    worst = [0.0, 0.0]
    cases = files()
    for name, (contents, words) in {"(an empty file)": ({"r.json": ""}, ["runs", "import", "r.json"]), **cases}.items():
        with tempfile.TemporaryDirectory() as folder:
            done, seconds, memory = measured(contents, words, Path(folder))
        worst = [max(worst[0], seconds), max(worst[1], memory)]
        print(f"{seconds:5.1f} s {memory:5.0f} MB  exit {done.returncode}  {name}: {done.stderr.strip()[:90]}")
    print(f"{len(cases)} files; at most {worst[0]:.1f} s of processor time, {worst[1]:.0f} MB")


if __name__ == "__main__":
    main()
